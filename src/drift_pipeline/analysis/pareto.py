"""Pareto fronts of reward and diversity (figures 4, 9 and 10)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from drift_pipeline.common.checks import require_finite, require_same_shape


def pareto_front(reward: Tensor | ArrayLike, diversity: Tensor | ArrayLike) -> Tensor:
    """Mark the points that no other point dominates.

    A point dominates another if it is at least as good in both and better in one. Equal points
    do not dominate each other: both are kept.

    Args:
        reward: rewards, higher is better, shape `(n,)`; a tensor, array or column.
        diversity: diversities, higher is better, shape `(n,)`.

    Returns:
        True for the points on the front, bool, shape `(n,)`.

    Raises:
        ValueError: the inputs are not vectors of one length, or a value is NaN or infinite.

    Example:
        >>> pareto_front([0.2, 0.5, 0.4], [0.7, 0.6, 0.5]).tolist()
        [True, True, False]
    """
    r, d = _vector("reward", reward), _vector("diversity", diversity)
    require_same_shape(reward=r, diversity=d)
    no_worse = (r >= r[:, None]) & (d >= d[:, None])
    better = (r > r[:, None]) | (d > d[:, None])
    return ~(no_worse & better).any(dim=1)


def _vector(name: str, values: Tensor | ArrayLike) -> Tensor:
    if not isinstance(values, Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float64))
    if values.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), got {tuple(values.shape)}")
    require_finite(name, values)
    return values
