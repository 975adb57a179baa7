"""The objective an update minimises (section 3.2).

Notation: `b`: batch size, a sample being one step of one trajectory.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_same_shape
from drift_pipeline.rl.ddim import expand_std


class SurrogateDiagnostics(TypedDict):
    """What a clipped surrogate tells about an update: detached tensors of shape `()`."""

    ratio_mean: Tensor
    """Mean importance ratio; 1 before the first update of an epoch."""
    ratio_max_dev: Tensor
    """Largest distance of a ratio from 1."""
    clip_fraction: Tensor
    """Share of ratios farther than the clip range from 1."""
    approx_kl: Tensor
    """Estimate of KL(old || new), mean of (ratio - 1) - log ratio (Schulman, 2020)."""


def clipped_surrogate(
    log_prob: Tensor, old_log_prob: Tensor, advantages: Tensor, clip_range: float
) -> tuple[Tensor, SurrogateDiagnostics]:
    r"""Return PPO's clipped surrogate as a loss, and how far the policy has moved.

    .. math::
        L = -\mathrm{mean}\left[ \min(\rho A, \mathrm{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A)
        \right], \quad \rho = \exp(\log \pi - \log \pi_{\text{old}})

    Schulman et al., "Proximal Policy Optimization Algorithms", arXiv 1707.06347, Eq. 7.

    Args:
        log_prob: log-probabilities under the policy being trained, with gradient, shape `(b,)`.
        old_log_prob: log-probabilities under the policy that sampled, shape `(b,)`.
        advantages: advantages, shape `(b,)`.
        clip_range: :math:`\epsilon`, positive.

    Returns:
        The loss to minimise, shape `()`, and the diagnostics.

    Raises:
        ValueError: the shapes differ (they never broadcast), or `clip_range` is not positive.

    Example:
        >>> zero, advantages = torch.zeros(2), torch.tensor([1.0, 2.0])
        >>> loss, diagnostics = clipped_surrogate(zero, zero, advantages, clip_range=1e-4)
        >>> loss.item(), diagnostics["ratio_mean"].item()
        (-1.5, 1.0)
    """
    require_same_shape(log_prob=log_prob, old_log_prob=old_log_prob, advantages=advantages)
    if clip_range <= 0:
        raise ValueError(f"clip_range must be positive, got {clip_range}")
    dtype = at_least_float32(log_prob.dtype)
    log_ratio = log_prob.to(dtype) - old_log_prob.to(dtype)
    weights = advantages.to(dtype)
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    loss = -torch.minimum(ratio * weights, clipped * weights).mean()
    return loss, _diagnose(log_ratio.detach(), clip_range)


def gaussian_kl(mean: Tensor, reference_mean: Tensor, std: Tensor) -> Tensor:
    r"""Return the exact KL divergence of two steps of the same deviation, per sample.

    .. math::
        D_{KL}[\pi_\theta || \pi_{\text{ref}}] =
        \mathrm{mean}_k \frac{(\mu_k - \mu_{\text{ref},k})^2}{2 \sigma^2}

    The mean over latent dimensions, as in `drift_pipeline.rl.ddim.log_prob`.

    Args:
        mean: mean of the policy's step, with gradient, shape `(b, ...)`.
        reference_mean: mean of the reference policy's step, shape `(b, ...)`.
        std: standard deviation of both, positive, shape `(b, 1, ...)`, `(b,)` or `()`.

    Returns:
        Divergences, not negative, shape `(b,)`, at least float32.

    Raises:
        ValueError: the shapes of the means differ.

    Example:
        >>> gaussian_kl(torch.ones(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.tensor([0.5]))
        tensor([2.])
    """
    require_same_shape(mean=mean, reference_mean=reference_mean)
    dtype = at_least_float32(mean.dtype)
    difference = mean.to(dtype) - reference_mean.to(dtype)
    return (difference / expand_std(std, difference)).square().div(2).flatten(1).mean(dim=1)


def _diagnose(log_ratio: Tensor, clip_range: float) -> SurrogateDiagnostics:
    deviation = log_ratio.expm1()  # ratio - 1, without losing the digits a clip of 1e-4 needs
    return SurrogateDiagnostics(
        ratio_mean=1 + deviation.mean(),
        ratio_max_dev=deviation.abs().max(),
        clip_fraction=(deviation.abs() > clip_range).to(deviation.dtype).mean(),
        approx_kl=(deviation - log_ratio).mean(),
    )
