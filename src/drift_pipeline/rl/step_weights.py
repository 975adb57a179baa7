"""What each denoising step counts: by how loud it is, and by how loud it may be.

Notation: `s`: steps of a schedule.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def step_weights(
    setting: str | Sequence[float], stochastic: Tensor, deviations: Tensor | None = None
) -> Tensor:
    """Return what each step counts in the surrogate, on average 1 over the stochastic steps.

    - `uniform`: all alike, as in the paper.
    - `std`: σ_t over its mean, so that a step with little noise, whose score is loud, counts
      little (as Flow-GRPO's successors weigh steps).
    - a list: one number per step from noise to image; 0 leaves a step out.

    Args:
        setting: `uniform`, `std` or the list.
        stochastic: bool, shape `(s,)`; the other steps have no log-probability and count nothing.
        deviations: σ of each step, shape `(s,)`; for `std`.

    Returns:
        Weights, not negative, shape `(s,)`, float32.

    Raises:
        ValueError: the list leaves out every stochastic step or is not one number per step, or
            the deviations are not known.

    Example:
        >>> step_weights("std", torch.tensor([True, True]), torch.tensor([0.3, 0.1]))
        tensor([1.5000, 0.5000])
    """
    if setting == "uniform":
        weights = torch.ones(len(stochastic))
    elif setting == "std":
        if deviations is None:
            raise ValueError(
                "optimization.step_weights: std needs the deviations of the steps, and the "
                "policy's schedule does not give them; take uniform or a list"
            )
        weights = deviations.float().cpu()
    else:
        weights = torch.tensor([float(value) for value in setting])
        if len(weights) != len(stochastic):
            raise ValueError(
                f"optimization.step_weights has {len(weights)} numbers, and the schedule has "
                f"{len(stochastic)} steps: one for each, from noise to image"
            )
    weights = torch.where(stochastic, weights, 0.0)
    if not weights.any():
        raise ValueError("optimization.step_weights leaves out every step that draws noise")
    return weights * stochastic.sum() / weights.sum()


def score_shares(
    stochastic: Tensor, deviations: Tensor | None, responses: Tensor | None
) -> Tensor | None:
    r"""Return each step's share of the squared norm of a trajectory's score.

    The score of a step with respect to the network's output is :math:`z\, \partial\mu/\partial
    \hat\epsilon / \sigma`, z standard normal, so its expected squared norm is proportional to
    :math:`(\partial\mu/\partial\hat\epsilon)^2 / \sigma^2`. With equal advantages and weights
    this is how much of an update's noise, and of its gradient, each step brings.

    Args:
        stochastic: bool, shape `(s,)`.
        deviations: σ of each step, shape `(s,)`.
        responses: ∂μ/∂ε̂ of each step, shape `(s,)`.

    Returns:
        Shares, shape `(s,)`, that add up to 1; 0 for a deterministic step. `None` where deviations
        or responses are not known.
    """
    if deviations is None or responses is None:
        return None
    squared = (responses / torch.where(stochastic, deviations, 1.0)).square()
    squared = torch.where(stochastic, squared, 0.0)
    return squared / squared.sum()
