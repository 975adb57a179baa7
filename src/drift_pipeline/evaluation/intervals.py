"""Bootstrap intervals over prompts (Efron 1979): what a number owes to the choice of prompts."""

from __future__ import annotations

import numpy as np
from scipy.stats import bootstrap
from torch import Tensor

SEED = 0
"""The same for every measure, so that all of them see the same samples of the prompts."""


def bootstrap_mean(by_prompt: Tensor, resamples: int) -> tuple[float, float]:
    """Bound the mean of a measure over prompts by its percentile bootstrap.

    Every measure here is a mean over prompts, or a smooth function of one, so one function
    serves all. The same values always have the same interval.

    Args:
        by_prompt: The measure of each prompt, shape `(prompts,)`.
        resamples: Number of bootstrap samples.

    Returns:
        The 2.5th and the 97.5th percentile of the resampled means; for one prompt its value.

    Raises:
        ValueError: there are no prompts.

    Example:
        >>> import torch
        >>> bootstrap_mean(torch.ones(40), 100)
        (1.0, 1.0)
    """
    if len(by_prompt) == 0:
        raise ValueError("there are no prompts to take the mean of")
    values = by_prompt.double().numpy()
    if len(values) == 1:  # SciPy wants two
        return float(values[0]), float(values[0])
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return float(interval.low), float(interval.high)
