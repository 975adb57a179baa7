"""How good a picture is, whatever is on it: what varies between photographs of one scene.

Each quality is drawn at random, on its own, and knows nothing of the animal, its breed, its pose or
the background. The preference models' tastes (`bestiary.tastes`) are about these and nothing else.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

#: Weights of red, green and blue in brightness (Rec. 601).
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_FOG = np.array([226, 229, 234], dtype=np.float32)
#: Red, green and blue in the warmest light; the coldest has their inverses.
_WARM = np.array([1.22, 1.0, 0.74], dtype=np.float32)
_BLUR = 1.5
_SHARPEN = 1.8


@dataclass(frozen=True)
class Quality:
    """What a camera, its user and the air have made of a scene.

    Attributes:
        contrast: Distance from the picture's mean colour, times this.
        saturation: Distance from grey, times this.
        warmth: Colour of the light, from -1 (blue) over 0 (white) to 1 (orange).
        sharpness: Below 0 blurred, by a Gaussian of up to 1.5 pixels at -1; above 0 sharpened,
            with halos.
        haze: Share of fog in the picture.
        vignette: Share of light that the corners lack.
    """

    contrast: float
    saturation: float
    warmth: float
    sharpness: float
    haze: float
    vignette: float


#: Weight of the squared errors of qualities, `in_widths`, beside cross-entropies.
ERROR_WEIGHT = 20.0
QUALITIES = tuple(field.name for field in fields(Quality))
#: For each quality its lowest and highest value, and the two parameters of its Beta distribution.
RANGES: dict[str, tuple[float, float, float, float]] = {
    "contrast": (0.5, 1.4, 2.0, 3.0),
    "saturation": (0.4, 1.6, 2.0, 3.0),
    "warmth": (-1.0, 1.0, 3.0, 3.0),
    "sharpness": (-1.0, 0.6, 2.0, 3.0),
    "haze": (0.0, 0.4, 3.0, 2.0),
    "vignette": (0.0, 0.6, 3.0, 2.0),
}


def draw_quality(rng: np.random.Generator, fine: bool = False) -> Quality:
    """Draw each quality from its `RANGES`.

    Args:
        rng: Source of randomness.
        fine: Swap the low and the high end of each range, so that good pictures are as frequent
            as bad ones otherwise are.
    """
    shares = {name: float(rng.beta(a, b)) for name, (_, _, a, b) in RANGES.items()}
    drawn = {
        name: low + (high - low) * (1 - shares[name] if fine else shares[name])
        for name, (low, high, _, _) in RANGES.items()
    }
    return Quality(**drawn)


def develop(pixels: np.ndarray, quality: Quality) -> np.ndarray:
    """Give a drawing a quality.

    Args:
        pixels: uint8, ``(h, w, 3)``.
        quality: How good it becomes.

    Returns:
        The picture, of the same shape and type.
    """
    seen = pixels.astype(np.float32)
    seen = _focus(seen, quality.sharpness)
    mean = seen.mean(axis=(0, 1))
    seen = mean + (seen - mean) * quality.contrast
    grey = (seen @ _LUMA)[..., None]
    seen = grey + (seen - grey) * quality.saturation
    seen = seen * _WARM**quality.warmth
    seen = seen + (_FOG - seen) * quality.haze
    seen = seen * (1 - quality.vignette * _from_centre(*seen.shape[:2]))
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def as_rows(qualities: list[Quality]) -> np.ndarray:
    """Return qualities as numbers, ``(n, 6)``, columns as in `QUALITIES`."""
    return np.array([astuple(quality) for quality in qualities], dtype=np.float32)


def in_widths(quality: Tensor) -> Tensor:
    """Measure qualities, ``(n, 6)``, from the middles of their ranges, in widths of these."""
    middle, width = _ranges()
    return (quality - middle) / width


def in_own_units(widths: Tensor) -> Tensor:
    """Undo `in_widths`."""
    middle, width = _ranges()
    return middle + widths * width


def _ranges() -> tuple[Tensor, Tensor]:
    low, high = torch.tensor([RANGES[name][:2] for name in QUALITIES]).T
    return (low + high) / 2, high - low


def _focus(seen: np.ndarray, sharpness: float) -> np.ndarray:
    if sharpness < 0:
        return gaussian_filter(seen, (-_BLUR * sharpness, -_BLUR * sharpness, 0), mode="nearest")
    blurred = gaussian_filter(seen, (1.0, 1.0, 0), mode="nearest")
    return seen + _SHARPEN * sharpness * (seen - blurred)


def _from_centre(height: int, width: int) -> np.ndarray:
    """Return 0 in the middle and 1 in the corners, ``(h, w, 1)``."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    return ((x * x + y * y) / 2)[..., None]
