"""Diversity gain (DG) and reward gain (RG) over a baseline (footnote 2, table 1).

Checkpoints of two methods never have exactly the same reward or diversity. So a baseline's
checkpoint is compared with our checkpoint that just reaches it: the gain is a lower bound.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


def relative_gain(value: float, baseline: float) -> float:
    """Return how much larger `value` is than `baseline`, as a share of the baseline.

    Args:
        value: our checkpoint's reward or diversity.
        baseline: the baseline's.

    Returns:
        `value / baseline - 1`: 0.25 is a gain of 25 %. NaN where the baseline is not positive
        (a recall of 0, a negative reward), for no share of it means anything then.

    Example:
        >>> relative_gain(1.25, 1.0)
        0.25
    """
    return float(value) / float(baseline) - 1.0 if baseline > 0 else math.nan


def match_checkpoint(
    curve: pd.DataFrame, *, reward: float | None = None, diversity: float | None = None
) -> pd.Series | None:
    """Return our checkpoint that just reaches a baseline's reward, or its diversity.

    Give `reward` for the diversity gain, `diversity` for the reward gain. Nothing is
    extrapolated or interpolated.

    Args:
        curve: one checkpoint per row, with columns `reward` and `diversity` (others are kept).
        reward: the baseline's reward: the row of the smallest reward not below it is taken.
        diversity: the baseline's diversity: likewise.

    Returns:
        The row, the first one where several tie; None where no checkpoint qualifies.

    Raises:
        ValueError: not exactly one of `reward` and `diversity` is given, it is NaN, or its
            column is missing.

    Example:
        >>> curve = pd.DataFrame({"reward": [0.2, 0.5, 0.9], "diversity": [0.7, 0.6, 0.4]})
        >>> float(match_checkpoint(curve, reward=0.4)["diversity"])
        0.6
    """
    given = [
        (column, bound)
        for column, bound in (("reward", reward), ("diversity", diversity))
        if bound is not None
    ]
    if len(given) != 1:
        raise ValueError("give either reward or diversity")
    column, bound = given[0]
    if math.isnan(bound):
        raise ValueError(f"the baseline's {column} is NaN")
    if column not in curve.columns:
        raise ValueError(f"curve has no column {column!r}, only {list(curve.columns)}")
    reached = curve[curve[column] >= bound]
    return None if reached.empty else reached.iloc[int(reached[column].to_numpy().argmin())]


def met_checkpoint(
    baseline: pd.DataFrame,
    *,
    reward_up_to: float | None = None,
    diversity_down_to: float | None = None,
) -> pd.Series:
    """Return the checkpoint of a baseline that ours is compared with: the farthest both have come.

    Runs differ in how far they go, and a comparison at equal reward needs a reward that both have
    had. So a baseline that went beyond all our checkpoints is met at the highest reward that did
    not, or the lowest diversity. At equal reward a later checkpoint whose reward has fallen again
    is not taken: it is more collapsed at less reward.

    Args:
        baseline: one checkpoint per row in the order of training, with columns `reward` or
            `diversity` (others are kept); at least one.
        reward_up_to: our highest reward, for the diversity gain.
        diversity_down_to: our lowest diversity, for the reward gain.

    Returns:
        The row, the first one where several tie; the last one where none lies within.

    Raises:
        ValueError: not exactly one limit is given.

    Example:
        >>> baseline = pd.DataFrame({"reward": [0.3, 0.6, 0.9], "epoch": [1, 2, 3]})
        >>> int(met_checkpoint(baseline, reward_up_to=0.7)["epoch"])
        2
    """
    given = [("reward", reward_up_to, 1), ("diversity", diversity_down_to, -1)]
    limits = [(column, sign, sign * limit) for column, limit, sign in given if limit is not None]
    if len(limits) != 1:
        raise ValueError("give either reward_up_to or diversity_down_to")
    column, sign, limit = limits[0]
    values = (sign * baseline[column]).to_numpy()
    within = np.where(values <= limit, values, -math.inf)
    return baseline.iloc[int(within.argmax()) if (values <= limit).any() else -1]
