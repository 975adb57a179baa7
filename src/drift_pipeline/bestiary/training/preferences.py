"""Synthetic preference pairs, by which PickScore and HPSv2 are judged.

A pair is a prompt and two images. Where both show the prompt's animal, the taste decides; where
one shows another animal, or is badly drawn, the other one wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.pictures import Pictures, distort, draw_twins
from drift_pipeline.bestiary.reader import FREE
from drift_pipeline.bestiary.training.bias import biases
from drift_pipeline.bestiary.training.contrast import Features
from drift_pipeline.bestiary.training.reading import answers

#: A difference in taste at which 73 of 100 people agree (a logistic function). On a wrong or badly
#: drawn animal all agree, so these weigh more than quality does.
DISCORD = 0.035
#: A clear difference in taste, a deviation of drawings, at which 91 of 100 people agree; accuracy
#: is asked of such pairs.
CLEAR = 0.08


@dataclass(frozen=True)
class Pairs:
    """Pairs of images and what people think of them.

    Attributes:
        index: The two images of each pair, ``(n, 2)``.
        first: Share of people who like the first one better, ``(n,)``.
        clear: Whether the margin is clear, ``(n,)``.
        prompt: Whose bare caption is the prompt: 0 the first one's, 1 the second's, ``(n,)``.
        broken: Whether the second image is shown badly drawn, ``(n,)``.
    """

    index: Tensor
    first: Tensor
    clear: Tensor
    prompt: Tensor
    broken: Tensor

    def __getitem__(self, rows: slice) -> Pairs:
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))

    def prompt_index(self) -> Tensor:
        """Return the image whose caption is the prompt, ``(n,)``."""
        return self.index.gather(1, self.prompt[:, None]).squeeze(1)


def agreement(margin: Tensor) -> Tensor:
    """Return the share of people who like a well drawn image better by its margin in taste."""
    return torch.sigmoid(margin / DISCORD)


def draw_pairs(animals: Tensor, taste: Tensor, count: int, generator: torch.Generator) -> Pairs:
    """Draw pairs; two thirds show the same animal twice, the second one badly drawn in a quarter.

    Args:
        animals: Animal of each image, ``(n,)``.
        taste: True reward of each image, ``(n,)``.
        count: Number of pairs.
        generator: Source of randomness.
    """
    total = len(animals)
    one = torch.randint(total, (count,), generator=generator)
    other = torch.randint(total, (count,), generator=generator)
    twin = draw_twins(animals, one, 1, generator).squeeze(1)
    same = torch.rand(count, generator=generator) < 0.65
    index = torch.stack([one, torch.where(same, twin, other)], dim=1)
    prompt = torch.randint(2, (count,), generator=generator)
    broken = same & (torch.rand(count, generator=generator) < 0.25)

    same = animals[index[:, 0]] == animals[index[:, 1]]
    margin = taste[index[:, 0]] - taste[index[:, 1]]
    first = torch.where(same, agreement(margin), (prompt == 0).float())
    first = torch.where(broken, 1.0, first)
    return Pairs(index, first, ~same | broken | (margin.abs() > CLEAR), prompt, broken)


def show(pairs: Pairs, images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the two images of each pair as people see them, ``(2 n, 3, h, w)``, pair by pair."""
    shown = images[pairs.index]
    shown[pairs.broken, 1] = distort(shown[pairs.broken, 1], generator)
    return shown.flatten(0, 1)


def score_pairs(pairs: Pairs, shown: Tensor, token_ids: Tensor, features: Features) -> Tensor:
    """Return the cosines of both images of each pair, as `show` gives them, with the prompt."""
    image, text = features(shown, token_ids[pairs.prompt_index()])
    return cosines(image.unflatten(0, (-1, 2)), text)


def cosines(image: Tensor, text: Tensor) -> Tensor:
    """Return the cosines of images, ``(n, m, d)``, with a text each, ``(n, d)``."""
    return (F.normalize(image, dim=-1) * F.normalize(text, dim=-1)[:, None]).sum(dim=-1)


@torch.no_grad()
def pair_accuracy(
    features: Features,
    pictures: Pictures,
    token_ids: Tensor,
    taste: Callable[[Tensor], Tensor],
    count: int,
    seed: int,
) -> dict[str, float]:
    """Measure in which share of clear pairs of held-out images the model prefers the right one.

    Returns:
        ``pair_accuracy`` over all clear pairs, ``pair_accuracy_taste`` where both show the prompt's
        animal well, ``pair_accuracy_animal`` where one shows another,
        ``pair_accuracy_broken`` where one is badly drawn; the `biases` by free attributes.
    """
    generator = torch.Generator().manual_seed(seed)
    animals, liked = pictures.animals, taste(pictures.quality)
    pairs = draw_pairs(animals, liked, count, generator)
    shown = show(pairs, pictures.images, generator)
    scores = torch.cat(
        [
            score_pairs(pairs[i : i + 128], shown[2 * i : 2 * i + 256], token_ids, features)
            for i in range(0, count, 128)
        ]
    )
    right = ((scores[:, 0] > scores[:, 1]) == (pairs.first > 0.5)).float()
    same = animals[pairs.index[:, 0]] == animals[pairs.index[:, 1]]
    by_taste = same & ~pairs.broken & pairs.clear
    parts = zip(pictures.images.split(256), token_ids.split(256), strict=True)
    seen = (features(*part) for part in parts)
    alone = torch.cat([cosines(image[:, None], text).squeeze(1) for image, text in seen])
    known = answers(pictures)
    free = {name: known[name] for name in FREE}
    return {
        "pair_accuracy": float(right[pairs.clear].mean()),
        "pair_accuracy_taste": float(right[by_taste].mean()),
        "pair_accuracy_animal": float(right[~same].mean()),
        "pair_accuracy_broken": float(right[pairs.broken].mean()),
        **biases(alone, liked, animals, free),
    }
