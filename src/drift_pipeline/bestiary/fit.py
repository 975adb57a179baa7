"""One training loop for all of the bestiary's networks."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from tqdm import trange

logger = logging.getLogger(__name__)


def fit(
    name: str,
    parameters: Iterable[nn.Parameter],
    loss: Callable[[torch.Generator], Tensor],
    steps: int,
    learning_rate: float,
    seed: int,
    after_step: Callable[[], None] | None = None,
) -> float:
    """Minimises a loss with AdamW, a short warm-up and a cosine decay.

    Args:
        name: What is trained, for the progress bar.
        parameters: What to train.
        loss: Draws a batch with the generator and returns its loss.
        steps: Number of updates.
        learning_rate: The highest learning rate.
        seed: Seed of the generator.
        after_step: Called after each update.

    Returns:
        The mean loss over the last tenth of the steps.

    Raises:
        FloatingPointError: If the loss is not finite; the step is named.
    """
    weights = list(parameters)
    optimizer = torch.optim.AdamW(weights, lr=learning_rate, betas=(0.9, 0.99), weight_decay=1e-2)
    warmup = min(100, max(1, steps // 10))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min((step + 1) / warmup, 1.0)
            * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        ),
    )
    generator = torch.Generator().manual_seed(seed)
    recent: list[float] = []
    bar = trange(steps, desc=f"training {name}", unit="step", mininterval=2)
    for step in bar:
        value = loss(generator)
        if not torch.isfinite(value):
            raise FloatingPointError(f"training {name}: the loss is not finite at step {step}")
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        if after_step is not None:
            after_step()
        recent = [*recent, value.item()][-max(1, steps // 10) :]
        if step % 20 == 0:
            bar.set_postfix(loss=f"{sum(recent[-20:]) / len(recent[-20:]):.4f}")
    mean = sum(recent) / len(recent)
    seconds = bar.format_dict["elapsed"]
    logger.info("%s: %d steps in %.0f s, loss %.4f", name, steps, seconds, mean)
    return mean


def batch_of(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Draws ``size`` indices below ``count`` with replacement."""
    return torch.randint(count, (size,), generator=generator)
