"""The training of the reader of attributes and qualities, and how well it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.pictures import Pictures
from drift_pipeline.bestiary.drawing.quality import ERROR_WEIGHT, QUALITIES, in_widths
from drift_pipeline.bestiary.reader import KINDS, Reader, read
from drift_pipeline.bestiary.tastes import TASTES
from drift_pipeline.bestiary.training.fit import WORKERS, batch_of, fit

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit


def train_reader(
    shown: Pictures, held_out: Pictures, how: Fit, seed: int
) -> tuple[Reader, dict[str, float]]:
    """Train the reader to tell what was drawn, and how well.

    Args:
        shown: Images to learn from.
        held_out: Images to measure it by.
        how: Steps, batch and learning rate.
        seed: Seed of the weights and of the batches.

    Returns:
        The reader; for each kind the share of held-out images that it reads right; for each quality
        and for each taste the correlation of what it reads with what is true.
    """
    torch.manual_seed(seed)
    reader = Reader()
    known, quality = answers(shown), in_widths(shown.quality)

    def loss(generator: torch.Generator) -> Tensor:
        index = batch_of(len(shown), how.batch // WORKERS, generator)
        logits, seen = reader(shown.images[index])
        wrong = ERROR_WEIGHT * F.mse_loss(seen, quality[index])
        for name in KINDS:
            wrong = wrong + F.cross_entropy(logits[name], known[name][index])
        return wrong

    fit("the reader", reader, loss, how.steps, how.learning_rate, seed, workers=WORKERS)
    reader.eval().requires_grad_(False)
    return reader, accuracy(reader, held_out)


def answers(pictures: Pictures) -> dict[str, Tensor]:
    """Return what the reader should read: the index of each kind, ``(n,)``."""
    known = pictures.attributes()
    known["facing"] = (known["facing"] > 0).long()
    return {name: known[name] for name in KINDS}


def accuracy(reader: Reader, pictures: Pictures) -> dict[str, float]:
    """Measure how well a reader reads images whose answers are known; see `train_reader`."""
    kinds, quality = read(reader, pictures.images)
    true = pictures.quality
    right = {
        name: float((kinds[name] == answer).float().mean())
        for name, answer in answers(pictures).items()
    }
    alike = {name: _correlation(quality[:, i], true[:, i]) for i, name in enumerate(QUALITIES)}
    liked = {name: _correlation(taste(quality), taste(true)) for name, taste in TASTES.items()}
    return right | alike | liked


def _correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])
