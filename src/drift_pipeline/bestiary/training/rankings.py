"""Sets of ranked images, and the loss by which PickScore and HPSv2 learn from them.

People rank several images of one prompt, as in HPSv2's data, and every two of them are a pair. Both
papers train a CLIP so that the softmax over a pair's scores matches the preference (Kirstain et al.
2023, "Pick-a-Pic"; Wu et al. 2023, "Human Preference Score v2").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.pictures import Pictures, distort, draw_twins
from drift_pipeline.bestiary.training.contrast import Features
from drift_pipeline.bestiary.training.fit import WORKERS, fit
from drift_pipeline.bestiary.training.preferences import agreement, cosines

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit

#: Images of a set. The last ones show any animal; those before them are badly drawn half the time.
SIZE = 8
_OTHERS, _BROKEN = 2, 2


@dataclass(frozen=True)
class Rankings:
    """Sets of images, and what people think of them; the first one's caption is the prompt.

    Attributes:
        index: The images of each set, ``(n, 8)``.
        broken: Whether an image is shown badly drawn, ``(n, 8)``.
        good: Whether it shows the prompt's animal, well drawn, ``(n, 8)``.
    """

    index: Tensor
    broken: Tensor
    good: Tensor

    def show(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images as people see them, ``(n, 8, 3, h, w)``."""
        shown = images[self.index]
        shown[self.broken] = distort(shown[self.broken], generator)
        return shown


def draw_rankings(animals: Tensor, count: int, generator: torch.Generator) -> Rankings:
    """Draw sets of images.

    Args:
        animals: Animal of each image, ``(n,)``.
        count: Number of sets.
        generator: Source of randomness.
    """
    first = torch.randint(len(animals), (count,), generator=generator)
    index = torch.cat([first[:, None], draw_twins(animals, first, SIZE - 1, generator)], dim=1)
    index[:, -_OTHERS:] = torch.randint(len(animals), (count, _OTHERS), generator=generator)
    broken = torch.zeros(count, SIZE, dtype=torch.bool)
    coin = torch.rand(count, _BROKEN, generator=generator)
    broken[:, -_OTHERS - _BROKEN : -_OTHERS] = coin < 0.5
    return Rankings(index, broken, (animals[index] == animals[first][:, None]) & ~broken)


def ranking_loss(scores: Tensor, taste: Tensor, good: Tensor) -> Tensor:
    """Return the cross-entropy of all pairs in which at least one image is good.

    Of two good images the taste decides, as `agreement` says; a good one wins over one that is not.

    Args:
        scores: The model's, ``(n, m)``.
        taste: True reward of the images, ``(n, m)``.
        good: As in `Rankings`, ``(n, m)``.
    """
    one, other = torch.triu_indices(scores.shape[1], scores.shape[1], offset=1)
    wanted = torch.where(
        good[:, one] & good[:, other],
        agreement(taste[:, one] - taste[:, other]),
        good[:, one].float(),
    )
    counts = good[:, one] | good[:, other]
    margin = scores[:, one] - scores[:, other]
    return F.binary_cross_entropy_with_logits(margin[counts], wanted[counts])


def train_preferences(
    name: str,
    model: nn.Module,
    features: Features,
    logit_scale: nn.Parameter,
    pictures: Pictures,
    token_ids: Tensor,
    taste: Callable[[Tensor], Tensor],
    how: Fit,
    seed: int,
) -> None:
    """Tune a CLIP on ranked images, in place.

    Args:
        name: What is trained, for the progress bar.
        model: The CLIP.
        features: ``(images uint8, token ids)`` to image and text features, ``(n, d)`` each.
        logit_scale: The model's logarithmic temperature.
        pictures: Images to draw sets from.
        token_ids: The bare caption of each image, ``(n, tokens)``.
        taste: The true reward of qualities, ``(n, 6)``.
        how: Number of updates, sets in an update, and the highest learning rate.
        seed: Seed of the sets.
    """
    animals, liked = pictures.animals, taste(pictures.quality)

    def loss(generator: torch.Generator) -> Tensor:
        sets = draw_rankings(animals, how.batch // WORKERS, generator)
        shown = sets.show(pictures.images, generator)
        image, text = features(shown.flatten(0, 1), token_ids[sets.index[:, 0]])
        scores = cosines(image.unflatten(0, (-1, SIZE)), text) * logit_scale.exp()
        return ranking_loss(scores, liked[sets.index], sets.good)

    model.train()
    fit(name, model, loss, how.steps, how.learning_rate, seed, workers=WORKERS)
    model.eval().requires_grad_(False)
