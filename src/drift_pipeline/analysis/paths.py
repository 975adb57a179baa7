"""A run as a path from the base model through reward and diversity, compared at equal reward.

No verdict should hang on one choice of checkpoint. So a run is read all along its way, by straight
lines between its checkpoints: what diversity it had when it first reached a reward, what reward it
has had at a diversity, and the area between two such curves.

Notation: `n`: checkpoints of a run, the base model first, in the order of training.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

_GRID = 512
"""Rewards at which an area is measured."""


def on_the_way(reward: ArrayLike, value: ArrayLike, target: float) -> float:
    """Return what a run had of something when it first reached a reward.

    Args:
        reward: Rewards, `(n,)`.
        value: Diversities, or anything else, `(n,)`.
        target: The reward that is reached.

    Returns:
        The value between the checkpoint before and the first that has the reward (linear), the
        first checkpoint's where it starts with the reward; NaN where the run never reaches it.

    Example:
        >>> on_the_way([0.2, 0.4, 0.3, 0.8], [1.0, 0.8, 0.7, 0.2], 0.55)
        0.45
    """
    rewards, values = (np.asarray(one, dtype=float) for one in (reward, value))
    reached = np.flatnonzero(rewards >= target)
    if not len(reached):
        return math.nan
    after = int(reached[0])
    if after == 0:
        return float(values[0])
    before = after - 1
    share = (target - rewards[before]) / (rewards[after] - rewards[before])
    return float(values[before] + share * (values[after] - values[before]))


def reward_kept_at(reward: ArrayLike, diversity: ArrayLike, least: float) -> float:
    """Return the highest reward that a run has had with at least a diversity.

    Args:
        reward: Rewards, `(n,)`.
        diversity: Diversities, `(n,)`.
        least: The diversity that is kept.

    Returns:
        The highest reward on the lines between checkpoints where the diversity is not below
        `least`; NaN where it always is.

    Example:
        >>> reward_kept_at([0.2, 0.6], [1.0, 0.5], 0.75)
        0.4
    """
    rewards, kept = (np.asarray(one, dtype=float) for one in (reward, diversity))
    found = [*rewards[kept >= least]]
    for i in range(len(rewards) - 1):
        low, high = sorted((kept[i], kept[i + 1]))
        if low < least < high:
            share = (least - kept[i]) / (kept[i + 1] - kept[i])
            found.append(rewards[i] + share * (rewards[i + 1] - rewards[i]))
    return float(max(found)) if found else math.nan


def area_gain(
    ours: tuple[ArrayLike, ArrayLike], theirs: tuple[ArrayLike, ArrayLike], start: float
) -> float:
    """Return how much more diversity a run keeps than another, over all rewards that both reach.

    Args:
        ours: Rewards and diversities of our run, `(n,)` each.
        theirs: Of the other.
        start: The reward from which they are compared, the base model's.

    Returns:
        The area between the two curves of `on_the_way`, as a share of the other's, from `start` to
        the lower of the two highest rewards; NaN where one does not rise above `start`.
    """
    end = min(float(np.max(np.asarray(run[0], dtype=float))) for run in (ours, theirs))
    if not end > start:
        return math.nan
    grid = np.linspace(start, end, _GRID)
    ours_at, theirs_at = (
        np.trapezoid([on_the_way(*run, target) for target in grid], grid) for run in (ours, theirs)
    )
    return float(ours_at / theirs_at - 1) if theirs_at > 0 else math.nan


def hypervolume(reward: ArrayLike, diversity: ArrayLike, worst: tuple[float, float]) -> float:
    """Return the area that points dominate, above and right of a reference point.

    Args:
        reward: Rewards, `(n,)`.
        diversity: Diversities, `(n,)`.
        worst: Reference point, reward and diversity; what does not exceed it counts nothing.

    Example:
        >>> hypervolume([1.0, 2.0], [2.0, 1.0], (0.0, 0.0))
        3.0
    """
    points = np.stack([np.asarray(one, dtype=float) for one in (reward, diversity)], axis=1)
    points = points[(points > worst).all(axis=1)]
    total, above = 0.0, worst[1]
    for r, d in points[np.argsort(-points[:, 0], kind="stable")]:
        if d > above:
            total += (r - worst[0]) * (d - above)
            above = d
    return float(total)
