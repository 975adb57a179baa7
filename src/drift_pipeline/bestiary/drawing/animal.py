"""A scene as an image of 64 × 64 pixels: background, animal, coat pattern, outline.

Everything is drawn four times too large with Pillow and scaled down, which gives smooth edges.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw
from scipy.ndimage import maximum_filter

from drift_pipeline.bestiary.drawing.body_parts import Paint
from drift_pipeline.bestiary.drawing.plans import PLANS, parts_of
from drift_pipeline.bestiary.drawing.scene import COATS, Colour, Scene
from drift_pipeline.bestiary.drawing.shapes import rotate

SIZE = 64
_SCALE = 4
_BIG = SIZE * _SCALE
_OUTLINE: Colour = (34, 28, 32)

#: Sky at the top, sky at the horizon, ground at the horizon, ground at the bottom.
_SKIES: dict[str, tuple[Colour, Colour, Colour, Colour]] = {
    "meadow": ((120, 186, 244), (206, 232, 250), (132, 200, 90), (84, 158, 62)),
    "desert": ((250, 226, 170), (252, 240, 208), (238, 206, 138), (214, 172, 98)),
    "snow": ((190, 206, 226), (226, 234, 242), (248, 250, 252), (220, 230, 242)),
    "sea": ((122, 206, 250), (200, 240, 252), (40, 126, 200), (20, 84, 160)),
    "forest": ((60, 104, 70), (86, 132, 84), (60, 84, 44), (38, 58, 32)),
    "night": ((12, 16, 48), (40, 48, 100), (36, 40, 62), (18, 20, 36)),
    "sunset": ((150, 60, 112), (252, 154, 70), (132, 56, 62), (78, 32, 52)),
    "mountains": ((158, 186, 214), (222, 226, 236), (150, 140, 148), (112, 104, 116)),
}


def draw(scene: Scene) -> np.ndarray:
    """Draw a scene.

    Returns:
        The image, uint8 of shape ``(64, 64, 3)``.
    """
    canvas = _background(scene, np.random.default_rng(scene.texture))
    _animal(canvas, scene)
    return np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX))


def coat_colour(scene: Scene) -> Colour:
    """Return the colour of the coat, shade included, in [0, 255]."""
    return _shift(COATS[scene.coat], scene.shade)


def backdrop(scene: Scene) -> list[list[float]]:
    """Return the colours of sky and ground from top to bottom, light included, in [0, 255]."""
    lit = np.array(_SKIES[scene.background], dtype=float) * scene.light
    return np.clip(lit, 0, 255).tolist()


def _background(scene: Scene, rng: np.random.Generator) -> Image.Image:
    rows = np.linspace(0, 1, _BIG)
    stops = [0.0, scene.horizon, scene.horizon + 1e-3, 1.0]
    colours = np.array(backdrop(scene))
    column = np.stack([np.interp(rows, stops, colours[:, c]) for c in range(3)], axis=1)
    pixels = np.clip(column, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.repeat(pixels[:, None, :], _BIG, axis=1), "RGB")
    pen = ImageDraw.Draw(image)
    ground = scene.horizon * _BIG
    if scene.sun is not None:
        moon = scene.background in ("night", "forest")
        x, y, r = scene.sun * _BIG, 0.2 * _BIG, 0.085 * _BIG
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(236, 236, 214) if moon else (255, 224, 96))
    _SCENERY[scene.background](pen, ground, rng)
    return image


def _hills(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x in rng.uniform(0, _BIG, 3):
        r = rng.uniform(20, 50)
        pen.ellipse((x - 2 * r, ground - 0.5 * r, x + 2 * r, ground + r), fill=(104, 176, 80))


def _cacti(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x in rng.uniform(0, _BIG, 3):
        h = rng.uniform(24, 48)
        pen.rounded_rectangle((x - 6, ground - h, x + 6, ground + 6), 6, fill=(92, 140, 76))
        pen.rounded_rectangle(
            (x + 4, ground - 0.6 * h, x + 18, ground - 0.4 * h), 5, fill=(92, 140, 76)
        )


def _firs(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x in rng.uniform(0, _BIG, 4):
        h = rng.uniform(30, 60)
        pen.polygon(
            [(x - 0.4 * h, ground + 4), (x, ground - h), (x + 0.4 * h, ground + 4)],
            fill=(140, 168, 170),
        )


def _waves(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for _ in range(8):
        x, y = rng.uniform(0, _BIG), rng.uniform(ground + 8, _BIG)
        pen.arc((x - 20, y - 7, x + 20, y + 9), 200, 340, fill=(170, 216, 244), width=4)


def _trunks(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x in rng.uniform(0, _BIG, 6):
        w = rng.uniform(6, 13)
        pen.rectangle((x - w, 0, x + w, ground + 6), fill=(66, 50, 38))
    for x in rng.uniform(0, _BIG, 7):
        r = rng.uniform(20, 40)
        pen.ellipse((x - r, -0.8 * r, x + r, 0.9 * r), fill=(36, 74, 44))


def _stars(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x, y in rng.uniform(0, 1, (14, 2)):
        x, y = x * _BIG, y * ground
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(244, 240, 200))


def _clouds(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for _ in range(4):
        x, y, w = rng.uniform(0, _BIG), rng.uniform(0.1, 0.8) * ground, rng.uniform(25, 60)
        pen.ellipse((x - w, y - 6, x + w, y + 6), fill=(238, 112, 80))


def _peaks(pen: ImageDraw.ImageDraw, ground: float, rng: np.random.Generator) -> None:
    for x in rng.uniform(0, _BIG, 3):
        h, w = rng.uniform(60, 120), rng.uniform(45, 80)
        pen.polygon([(x - w, ground), (x, ground - h), (x + w, ground)], fill=(122, 118, 140))
        pen.polygon(
            [(x - 0.3 * w, ground - 0.7 * h), (x, ground - h), (x + 0.3 * w, ground - 0.7 * h)],
            fill=(246, 248, 252),
        )


_SCENERY = {
    "meadow": _hills,
    "desert": _cacti,
    "snow": _firs,
    "sea": _waves,
    "forest": _trunks,
    "night": _stars,
    "sunset": _clouds,
    "mountains": _peaks,
}


def _animal(canvas: Image.Image, scene: Scene) -> None:
    plan = PLANS[scene.animal]
    coat = coat_colour(scene)
    layer = Image.new("RGB", (_BIG, _BIG))
    body = Image.new("L", (_BIG, _BIG))
    fur = Image.new("L", (_BIG, _BIG))
    on_layer, on_body, on_fur = (ImageDraw.Draw(i) for i in (layer, body, fur))
    parts = parts_of(scene.animal)
    last_coat = max(i for i, (_, paint) in enumerate(parts) if paint in ("coat", "far"))
    for i, (points, paint) in enumerate(parts):
        placed = rotate(points, scene.tilt * plan.tilt_factor) * [scene.facing, 1.0] * scene.size
        corners = [tuple(p) for p in ((placed + [scene.x, scene.y] + 1.0) * (_BIG / 2)).tolist()]
        on_layer.polygon(corners, fill=_colour(paint, coat))
        on_body.polygon(corners, fill=255)
        on_fur.polygon(corners, fill=255 if paint in ("coat", "far") else 0)
        if i == last_coat:
            _pattern(layer, fur, plan.pattern or scene.pattern, scene, coat)
    # scipy's filter goes along rows, then along columns, where Pillow's looks at whole squares.
    outline = Image.fromarray(maximum_filter(np.asarray(body), 9, mode="nearest"))
    canvas.paste(_OUTLINE, (0, 0), outline)
    canvas.paste(layer, (0, 0), body)


def _pattern(
    layer: Image.Image, fur: Image.Image, pattern: str, scene: Scene, coat: Colour
) -> None:
    """Paint spots, stripes or patches where there is fur; they move with the animal."""
    if pattern == "plain":
        return
    marks = Image.new("L", (_BIG, _BIG))
    pen = ImageDraw.Draw(marks)
    unit = scene.size * _BIG / 2
    centre = np.array([scene.x + 1, scene.y + 1]) * _BIG / 2
    if pattern == "striped":
        for x in np.arange(-1.05, 1.1, 0.3):
            left = centre[0] + scene.facing * x * unit
            pen.line((left, 0, left, _BIG), fill=255, width=int(0.13 * unit))
    else:
        step, radius = (0.32, 0.085) if pattern == "spotted" else (0.62, 0.2)
        for row, y in enumerate(np.arange(-1.0, 1.1, step)):
            for x in np.arange(-1.0 + step / 2 * (row % 2), 1.1, step):
                a, b = centre + np.array([scene.facing * x, y]) * unit
                r = radius * unit
                pen.ellipse((a - r, b - r, a + r, b + r), fill=255)
    bright = sum(coat) > 3 * 105
    tint = _shift(coat, (-70, -70, -66) if bright else (74, 70, 64))
    layer.paste(tint, (0, 0), ImageChops.multiply(marks, fur))


def _colour(paint: Paint, coat: Colour) -> Colour:
    if not isinstance(paint, str):
        return paint
    return _shift(coat, {"coat": (0, 0, 0), "far": (-34, -34, -32), "belly": (42, 40, 36)}[paint])


def _shift(colour: Colour, by: Colour) -> Colour:
    r, g, b = (int(np.clip(c + d, 0, 255)) for c, d in zip(colour, by, strict=True))
    return r, g, b
