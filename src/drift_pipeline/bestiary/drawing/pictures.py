"""The drawn images that everything in the bestiary learns from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from drift_pipeline.bestiary.drawing.animal import backdrop, coat_colour, draw
from drift_pipeline.bestiary.drawing.captions import bare_caption, full_caption
from drift_pipeline.bestiary.drawing.plans import ANIMALS, PLANS
from drift_pipeline.bestiary.drawing.scene import BACKGROUNDS, COATS, PATTERNS, Scene, draw_scene

_CHUNK = 250
#: What varies in kinds, and in how many.
CATEGORIES = {
    "animal": len(ANIMALS),
    "coat": len(COATS),
    "background": len(BACKGROUNDS),
    "pattern": len(PATTERNS),
}


@dataclass(frozen=True)
class Pictures:
    """Drawn images and what is on them.

    Attributes:
        images: uint8, ``(n, 3, 64, 64)``.
        scenes: What was drawn, ``n`` of them.
    """

    images: Tensor
    scenes: list[Scene]

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: Sequence[int] | slice) -> Pictures:
        chosen = range(len(self))[index] if isinstance(index, slice) else index
        return Pictures(self.images[list(chosen)], [self.scenes[i] for i in chosen])

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


def draw_pictures(count: int, seed: int, workers: int = 2) -> Pictures:
    """Draw images, the 45 animals in turn; breed, pose and background at random.

    Args:
        count: Number of images.
        seed: Seed of the whole set; image ``i`` depends on ``(seed, i)`` alone.
        workers: Processes that draw.
    """
    starts = range(0, count, _CHUNK)
    with ProcessPoolExecutor(workers) as pool:
        chunks = pool.map(partial(_draw_chunk, count=count, seed=seed), starts)
        drawn = list(tqdm(chunks, total=len(starts), desc="drawing", unit="chunk"))
    scenes = list(chain.from_iterable(scenes for scenes, _ in drawn))
    images = np.concatenate([images for _, images in drawn])
    return Pictures(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), scenes)


def _draw_chunk(start: int, count: int, seed: int) -> tuple[list[Scene], np.ndarray]:
    scenes = []
    for i in range(start, min(start + _CHUNK, count)):
        animal = ANIMALS[i % len(ANIMALS)]
        scenes.append(draw_scene(np.random.default_rng((seed, i)), animal, PLANS[animal].coats))
    return scenes, np.stack([draw(scene) for scene in scenes])
