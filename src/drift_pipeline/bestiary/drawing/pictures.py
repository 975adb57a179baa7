"""The drawn images that everything in the bestiary learns from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from drift_pipeline.bestiary.drawing.animal import backdrop, coat_colour, draw
from drift_pipeline.bestiary.drawing.captions import bare_caption, full_caption
from drift_pipeline.bestiary.drawing.plans import ANIMALS, PLANS
from drift_pipeline.bestiary.drawing.quality import Quality, as_rows, develop, draw_quality
from drift_pipeline.bestiary.drawing.scene import BACKGROUNDS, COATS, PATTERNS, Scene, draw_scene

_CHUNK = 250
#: Deviation of a warp, in half frames.
_WARP = 0.2
#: What varies in kinds, and in how many.
CATEGORIES = {
    "animal": len(ANIMALS),
    "coat": len(COATS),
    "background": len(BACKGROUNDS),
    "pattern": len(PATTERNS),
}


@dataclass(frozen=True)
class Pictures:
    """Drawn images, what is on them, and how good they are.

    Attributes:
        images: uint8, ``(n, 3, 64, 64)``.
        scenes: What was drawn, ``n`` of them.
        qualities: How well, whatever was drawn, ``n`` of them.
    """

    images: Tensor
    scenes: list[Scene]
    qualities: list[Quality]

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: Sequence[int] | slice) -> Pictures:
        chosen = range(len(self))[index] if isinstance(index, slice) else index
        return Pictures(
            self.images[list(chosen)],
            [self.scenes[i] for i in chosen],
            [self.qualities[i] for i in chosen],
        )

    def __add__(self, others: Pictures) -> Pictures:
        return Pictures(
            torch.cat([self.images, others.images]),
            self.scenes + others.scenes,
            self.qualities + others.qualities,
        )

    @property
    def animals(self) -> Tensor:
        """Index of each image's animal in `ANIMALS`, ``(n,)``."""
        return torch.tensor([ANIMALS.index(scene.animal) for scene in self.scenes])

    @property
    def bare_captions(self) -> list[str]:
        """Nothing but the animal's name, for each image."""
        return [bare_caption(scene.animal) for scene in self.scenes]

    @property
    def full_captions(self) -> list[str]:
        """Breed, animal and background for each image."""
        return [full_caption(scene) for scene in self.scenes]

    @property
    def quality(self) -> Tensor:
        """Each image's qualities as numbers, ``(n, 6)``, columns as in `QUALITIES`."""
        return torch.from_numpy(as_rows(self.qualities))

    def attributes(self) -> dict[str, Tensor]:
        """Return as numbers what varies: kinds are indices, colours are in [0, 1]."""
        scenes = self.scenes
        patterns = [PLANS[s.animal].pattern or s.pattern for s in scenes]
        return {
            "animal": self.animals,
            "coat": torch.tensor([list(COATS).index(s.coat) for s in scenes]),
            "pattern": torch.tensor([PATTERNS.index(p) for p in patterns]),
            "background": torch.tensor([list(BACKGROUNDS).index(s.background) for s in scenes]),
            "facing": torch.tensor([float(s.facing) for s in scenes]),
            "size": torch.tensor([s.size for s in scenes]),
            "x": torch.tensor([s.x for s in scenes]),
            "y": torch.tensor([s.y for s in scenes]),
            "tilt": torch.tensor([s.tilt for s in scenes]),
            "coat_colour": torch.tensor([coat_colour(s) for s in scenes]) / 255,
            "background_colours": torch.tensor([backdrop(s) for s in scenes]).flatten(1) / 255,
        }


def draw_twins(animals: Tensor, of: Tensor, each: int, generator: torch.Generator) -> Tensor:
    """Draw, with replacement, images of the same animals as some images show.

    Args:
        animals: Animal of every image, ``(n,)``.
        of: Indices of images, ``(m,)``.
        each: Twins of each.
        generator: Source of randomness.

    Returns:
        Indices of images, ``(m, each)``.
    """
    order, counts = animals.argsort(stable=True), torch.bincount(animals)
    starts, own = counts.cumsum(0) - counts, animals[of]
    place = (torch.rand(len(of), each, generator=generator) * counts[own][:, None]).long()
    return order[starts[own][:, None] + place]


def soften(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blur half of a batch, as generated images are blurred, so that a network bears with it.

    Args:
        images: uint8, ``(n, 3, h, w)``.
        generator: Decides how much: images are shrunk to a third at most, and enlarged again.

    Returns:
        Images of the same shape and type; every second one is as it was.
    """
    height, width = images.shape[-2:]
    small = int(torch.randint(height // 3, height, (1,), generator=generator))
    shrunk = F.interpolate(images[::2].float(), small, mode="bilinear", antialias=True)
    softened = images.clone()
    softened[::2] = F.interpolate(shrunk, (height, width), mode="bilinear").round().to(torch.uint8)
    return softened


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Warp images so that what is on them is no longer well drawn.

    Args:
        images: uint8, ``(n, 3, h, w)``.
        generator: Draws where each image's points come from, a tenth of the frame away (one
            deviation).

    Returns:
        Images of the same shape and type.
    """
    n, _, height, width = images.shape
    coarse = _WARP * torch.randn(n, 2, 6, 6, generator=generator)
    shift = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    places = torch.stack([x, y], dim=-1) + shift.permute(0, 2, 3, 1)
    warped = F.grid_sample(
        images.float(), places, mode="bilinear", padding_mode="reflection", align_corners=True
    )
    return warped.round().to(torch.uint8)


def draw_pictures(count: int, seed: int, workers: int = 2, fine: bool = False) -> Pictures:
    """Draw images, the 45 animals in turn; breed, pose, background and quality at random.

    Args:
        count: Number of images.
        seed: Seed of the whole set; image ``i`` depends on ``(seed, i)`` alone.
        workers: Processes that draw.
        fine: As for `draw_quality`.
    """
    scenes = [scene_of(seed, i) for i in range(count)]
    qualities = [quality_of(seed, i, fine) for i in range(count)]
    starts = range(0, count, _CHUNK)
    parts = [[part[i : i + _CHUNK] for i in starts] for part in (scenes, qualities)]
    with ProcessPoolExecutor(workers) as pool:
        chunks = pool.map(_draw_chunk, *parts)
        drawn = list(tqdm(chunks, total=len(starts), desc="drawing", unit="chunk"))
    images = torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2).contiguous()
    return Pictures(images, scenes, qualities)


def scene_of(seed: int, i: int) -> Scene:
    """Draw at random what is on image ``i`` of a set."""
    animal = ANIMALS[i % len(ANIMALS)]
    return draw_scene(np.random.default_rng((seed, i)), animal, PLANS[animal].coats)


def quality_of(seed: int, i: int, fine: bool = False) -> Quality:
    """Draw at random how good image ``i`` of a set is; apart from what is on it."""
    return draw_quality(np.random.default_rng((seed, i, 1)), fine)


def _draw_chunk(scenes: list[Scene], qualities: list[Quality]) -> np.ndarray:
    return np.stack([develop(draw(s), q) for s, q in zip(scenes, qualities, strict=True)])
