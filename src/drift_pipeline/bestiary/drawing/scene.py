"""What is on an image of the bestiary: an animal, its breed, its pose and its background.

These are the things that vary in a varied model and freeze in a collapsed one (Figure 1 of the
paper). Everything random about an image is drawn here; `drawing` only puts it on the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

#: Coat colours by name.
COATS: dict[str, Colour] = {
    "black": (58, 56, 66),
    "grey": (142, 144, 152),
    "white": (240, 238, 232),
    "brown": (134, 86, 48),
    "golden": (230, 182, 66),
    "red": (200, 74, 46),
    "blue": (74, 116, 200),
    "green": (86, 158, 72),
    "pink": (238, 150, 170),
}
#: Coat patterns; the second word of a breed.
PATTERNS = ("plain", "spotted", "striped", "patched")
#: Backgrounds and the words that captions use for them.
BACKGROUNDS: dict[str, str] = {
    "meadow": "in a green meadow",
    "desert": "in the desert",
    "snow": "in the snow",
    "sea": "by the blue sea",
    "forest": "in a dark forest",
    "night": "at night",
    "sunset": "at sunset",
    "mountains": "in the mountains",
}


@dataclass(frozen=True)
class Scene:
    """All that an image shows.

    Attributes:
        animal: Name of the animal, a key of `plans.PLANS`.
        coat: Name of the coat colour, a key of `COATS`.
        pattern: One of `PATTERNS`.
        shade: Change of the coat's colour, per channel in about [-20, 20].
        facing: 1 looks right, -1 looks left (one in five).
        tilt: Turn of the animal in degrees.
        size: Scale of the animal; 1 fills the frame.
        x: Horizontal place of the animal, in half frames.
        y: Vertical place of the animal, in half frames.
        background: Name of the background, a key of `BACKGROUNDS`.
        light: Brightness of the background, around 1.
        horizon: Height of the horizon as a share of the frame from the top.
        sun: Horizontal place of sun or moon as a share of the frame, or ``None`` without one.
        texture: Seed of the small things (trees, stars, clouds), one of two.
    """

    animal: str
    coat: str
    pattern: str
    shade: Colour
    facing: int
    tilt: float
    size: float
    x: float
    y: float
    background: str
    light: float
    horizon: float
    sun: float | None
    texture: int


def draw_scene(rng: np.random.Generator, animal: str, usual_coats: tuple[str, ...]) -> Scene:
    """Draw breed, pose and background of one image at random.

    Args:
        rng: Source of randomness.
        animal: Name of the animal.
        usual_coats: Colours of this animal in seven of ten images; any in the rest.
    """
    coats = usual_coats if rng.random() < 0.7 else tuple(COATS)
    return Scene(
        animal=animal,
        coat=str(rng.choice(coats)),
        pattern=str(rng.choice(PATTERNS, p=[0.55, 0.15, 0.15, 0.15])),
        shade=tuple(int(v) for v in rng.integers(-12, 13, size=3)),  # type: ignore[arg-type]
        facing=int(rng.choice([-1, 1], p=[0.2, 0.8])),
        tilt=float(rng.normal(0.0, 3.0)),
        size=float(rng.uniform(0.82, 0.98)),
        x=float(rng.uniform(-0.06, 0.06)),
        y=float(rng.uniform(-0.03, 0.06)),
        background=str(rng.choice(tuple(BACKGROUNDS))),
        light=float(rng.uniform(0.9, 1.08)),
        horizon=float(rng.uniform(0.54, 0.62)),
        sun=float(rng.choice([0.16, 0.84])) if rng.random() < 0.5 else None,
        texture=int(rng.integers(2)),
    )
