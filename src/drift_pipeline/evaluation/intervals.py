"""Bootstrap intervals over prompts (Efron 1979): what a number owes to the choice of prompts."""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.rl.randomness import generator


def bootstrap_mean(by_prompt: Tensor, resamples: int, seed: int = 0) -> tuple[float, float]:
    """Bound the mean of a measure over prompts by its percentile bootstrap.

    Every measure here is a mean over prompts, or a smooth function of one, so one function
    serves all.

    Args:
        by_prompt: The measure of each prompt, shape `(prompts,)`.
        resamples: Number of bootstrap samples.
        seed: Seed of the samples, so that the interval can be reproduced.

    Returns:
        The 2.5th and the 97.5th percentile of the resampled means.

    Raises:
        ValueError: there are no prompts.

    Example:
        >>> bootstrap_mean(torch.ones(40), 100)
        (1.0, 1.0)
    """
    count = len(by_prompt)
    if count == 0:
        raise ValueError("there are no prompts to take the mean of")
    drawn = torch.randint(count, (resamples, count), generator=generator(seed, "bootstrap"))
    means = by_prompt.double()[drawn].mean(dim=1)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return low, high
