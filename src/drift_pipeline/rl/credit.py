"""Credit: which candidates are trained on, and how good each was.

Joins the paper's three ideas as a method preset asks for them. Notation: `c`: candidates of a
group, `g`: group size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from drift_pipeline.drift.selection import SELECTIONS
from drift_pipeline.drift.shaping import intrinsic_reward
from drift_pipeline.parameters import Method
from drift_pipeline.rl.advantages import batch_advantages, group_advantages, merge


@dataclass(frozen=True)
class Credit:
    """What the samples of an epoch are worth; each `(groups, g)`."""

    intrinsic: Tensor
    """R_int, Eq. 13."""
    advantage: Tensor
    """A, of the reward alone."""
    advantage_intrinsic: Tensor
    """A_int, of the diversity alone."""
    total: Tensor
    """What the policy is trained with: Eq. 14, or Eq. 12 normalised."""


def select(rewards: Tensor, selection: str, group_size: int) -> Tensor:
    """Choose the samples of every group.

    Args:
        rewards: `(groups, c)`.
        selection: A name in `SELECTIONS`.
        group_size: g.

    Returns:
        Indices into each group's candidates, `(groups, g)`.
    """
    choose = SELECTIONS[selection]
    return torch.stack([choose(group, group_size) for group in rewards])


def assign(
    rewards: Tensor, diversity: Tensor, method: Method, bounds: tuple[float, float] = (0.0, 1.0)
) -> Credit:
    """Turn rewards and diversities into advantages.

    Where the two are merged as rewards (Eq. 12) they must share a scale, so the reward is first
    mapped to [0, 1] by its bounds, as in section 6. Merging advantages (Eq. 14) needs no scale.

    Args:
        rewards: `(groups, g)`.
        diversity: `(groups, g)`, Eq. 11.
        method: Says how to normalise and to merge.
        bounds: Rewards that count as 0 and as 1.
    """
    normalise = group_advantages if method.advantage == "group" else batch_advantages
    intrinsic = intrinsic_reward(diversity, method.shaping.sigma)
    advantage, advantage_intrinsic = normalise(rewards), normalise(intrinsic)
    if method.shaping.ratio == 0:
        total = advantage
    elif method.shaping.merge == "advantage":
        total = merge(advantage, advantage_intrinsic, method.shaping.ratio)
    else:
        low, high = bounds
        total = normalise(merge((rewards - low) / (high - low), intrinsic, method.shaping.ratio))
    return Credit(intrinsic, advantage, advantage_intrinsic, total)
