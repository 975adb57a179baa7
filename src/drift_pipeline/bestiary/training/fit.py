"""One training loop for all of the bestiary's networks."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import trange

from drift_pipeline.bestiary.training.muon import make_optimizers
from drift_pipeline.common.threads import side_by_side

logger = logging.getLogger(__name__)

#: Threads among which the slow networks divide a batch.
WORKERS = 2


def fit(
    name: str,
    module: nn.Module,
    loss: Callable[[torch.Generator], Tensor],
    steps: int,
    learning_rate: float,
    seed: int,
    after_step: Callable[[], None] | None = None,
    workers: int = 1,
) -> float:
    """Minimise a loss with Muon and AdamW, a short warm-up and a cosine decay.

    Several workers draw a batch each at the same time, and their gradients are averaged: on few
    cores that is faster than one batch with every operation split, and the result depends on the
    number of workers but not on the number of cores.

    Args:
        name: What is trained, for the progress bar.
        module: What to train.
        loss: Draws a batch with the generator and returns its loss.
        steps: Number of updates.
        learning_rate: The highest learning rate.
        seed: Seed of the generators.
        after_step: Called after each update.
        workers: Batches in an update.

    Returns:
        The mean loss over the last tenth of the steps.

    Raises:
        FloatingPointError: If the loss is not finite; the step is named.
    """
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimizers = make_optimizers(module, learning_rate)
    warmup = min(100, max(1, steps // 10))

    def share(step: int) -> float:
        return min((step + 1) / warmup, 1.0) * (
            0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2
        )

    def differentiate(generator: torch.Generator) -> tuple[float, tuple[Tensor | None, ...]]:
        value = loss(generator)
        return value.item(), torch.autograd.grad(value, weights, allow_unused=True)

    schedules = [LambdaLR(optimizer, share) for optimizer in optimizers]
    generators = [torch.Generator().manual_seed(seed + 1000 * i) for i in range(workers)]
    recent: list[float] = []
    bar = trange(steps, desc=f"training {name}", unit="step", mininterval=2)
    with side_by_side(workers) as mapped:
        for step in bar:
            values, gradients = zip(*mapped(differentiate, generators), strict=True)
            value = sum(values) / workers
            if not math.isfinite(value):
                raise FloatingPointError(f"training {name}: the loss is not finite at step {step}")
            for weight, *parts in zip(weights, *gradients, strict=True):
                used = [part for part in parts if part is not None]
                weight.grad = reduce(torch.add, used) / workers if used else None
            nn.utils.clip_grad_norm_(weights, 1.0)
            list(mapped(lambda optimizer: optimizer.step(), optimizers))
            for schedule in schedules:
                schedule.step()
            if after_step is not None:
                after_step()
            recent = [*recent, value][-max(1, steps // 10) :]
            if step % 20 == 0:
                bar.set_postfix(loss=f"{sum(recent[-20:]) / len(recent[-20:]):.4f}")
    mean = sum(recent) / len(recent)
    seconds = bar.format_dict["elapsed"]
    logger.info("%s: %d steps in %.0f s, loss %.4f", name, steps, seconds, mean)
    return mean


def batch_of(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw ``size`` indices below ``count`` with replacement."""
    return torch.randint(count, (size,), generator=generator)
