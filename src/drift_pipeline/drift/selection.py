"""Which candidates of a prompt train the policy (section 5.1 and appendix E).

The policy draws 2G candidates for a prompt; G of them form the group that updates it. Notation:
`n`: candidates, `g`: group size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from drift_pipeline.common.checks import require_finite

Selection: TypeAlias = Callable[[Tensor, int], Tensor]


def select_concentrated(rewards: Tensor, group_size: int) -> Tensor:
    r"""Select the `group_size` candidates whose rewards lie closest together (Eq. 32).

    With :math:`D_{ij} = |r_i - r_j|`, every candidate sums its distances to its G - 1 nearest
    neighbours, itself excluded; the candidate of the smallest sum is the reference :math:`i^*`,
    and the group is the reference with those neighbours. Reward outliers are left out. Ties go to
    the lowest index.

    Args:
        rewards: rewards of one prompt's candidates, shape `(n,)`.
        group_size: G, between 1 and n.

    Returns:
        Indices into `rewards`, int64, shape `(g,)`: the reference, then its neighbours from the
        nearest to the farthest.

    Raises:
        ValueError: `rewards` is not a finite vector, or `group_size` is outside 1 to n.

    Example:
        >>> select_concentrated(torch.tensor([9.0, 1.0, 1.5, 0.0, 1.1]), group_size=3).tolist()
        [4, 1, 2]
    """
    _check(rewards, group_size)
    distances = _distances(rewards).fill_diagonal_(torch.inf)  # last in line: not its own neighbour
    nearest, neighbours = distances.sort(dim=1, stable=True)
    sums = nearest[:, : group_size - 1].sum(dim=1)
    return _group(sums.sort(stable=True).indices[:1], neighbours, group_size)


def select_contrasted(rewards: Tensor, group_size: int) -> Tensor:
    r"""Select the `group_size` candidates whose rewards lie far apart (Eq. 33).

    The opposite of `select_concentrated`, for the ablation of section 6.1: every candidate sums
    its distances to its G - 1 farthest neighbours, and the one of the largest sum is the
    reference. Ties go to the lowest index.

    Args:
        rewards: rewards of one prompt's candidates, shape `(n,)`.
        group_size: G, between 1 and n.

    Returns:
        Indices into `rewards`, int64, shape `(g,)`: the reference, then its neighbours from the
        farthest to the nearest.

    Raises:
        ValueError: `rewards` is not a finite vector, or `group_size` is outside 1 to n.

    Example:
        >>> select_contrasted(torch.tensor([9.0, 1.0, 1.5, 0.0, 1.1]), group_size=3).tolist()
        [0, 3, 1]
    """
    _check(rewards, group_size)
    distances = _distances(rewards).fill_diagonal_(-torch.inf)
    farthest, neighbours = distances.sort(dim=1, stable=True, descending=True)
    sums = farthest[:, : group_size - 1].sum(dim=1)
    return _group(sums.sort(stable=True, descending=True).indices[:1], neighbours, group_size)


def select_all(rewards: Tensor, group_size: int) -> Tensor:
    """Keep every candidate: the group of plain GRPO.

    Args:
        rewards: rewards of one prompt's candidates, shape `(n,)`.
        group_size: G, equal to n.

    Returns:
        The indices 0 to n - 1, int64, shape `(g,)`.

    Raises:
        ValueError: `rewards` is not a finite vector, or `group_size` is not n, so that keeping
            all would not give a group of G.

    Example:
        >>> select_all(torch.tensor([9.0, 1.0, 1.5]), group_size=3).tolist()
        [0, 1, 2]
    """
    _check(rewards, group_size)
    if len(rewards) != group_size:
        raise ValueError(
            f"selection 'all' keeps every candidate: {len(rewards)} candidates do not make a "
            f"group of {group_size}"
        )
    return torch.arange(group_size, device=rewards.device)


SELECTIONS: dict[str, Selection] = {
    "all": select_all,
    "concentrated": select_concentrated,
    "contrasted": select_contrasted,
}
"""The selections by the name a method preset gives them."""


def _check(rewards: Tensor, group_size: int) -> None:
    if rewards.ndim != 1:
        raise ValueError(f"rewards must have shape (n,), got {tuple(rewards.shape)}")
    if not 1 <= group_size <= len(rewards):
        raise ValueError(
            f"group_size {group_size} is outside 1 to {len(rewards)}, the number of candidates"
        )
    require_finite("rewards", rewards)


def _distances(rewards: Tensor) -> Tensor:
    # In float64 the differences and short sums of float32 numbers of like size are exact: equal
    # sums tie as they should.
    values = rewards.detach().double()
    return (values[:, None] - values[None, :]).abs()


def _group(reference: Tensor, neighbours: Tensor, group_size: int) -> Tensor:
    return torch.cat([reference, neighbours[reference[0], : group_size - 1]])
