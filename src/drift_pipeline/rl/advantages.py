"""Advantages: rewards measured against their own group or batch (section 3.2).

Notation: `g`: group size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_finite, require_same_shape


def group_advantages(rewards: Tensor, eps: float = 1e-8) -> Tensor:
    r"""Standardise rewards within each group: GRPO's advantage (Eq. 3).

    .. math::
        A_i = \frac{r_i - \mathrm{mean}(r)}{\mathrm{std}(r) + \epsilon}

    with the population standard deviation. A group whose rewards are all equal teaches nothing:
    its advantages are exactly 0.

    Args:
        rewards: rewards, one group per row, shape `(groups, g)`.
        eps: :math:`\epsilon`, added to the deviation.

    Returns:
        Advantages, shape `(groups, g)`; the dtype of `rewards`, at least float32 (computed in
        float64).

    Raises:
        ValueError: `rewards` has no group dimension or no entry, or one is NaN or infinite.

    Example:
        >>> group_advantages(torch.tensor([[1.0, 3.0], [0.1, 0.1]]))
        tensor([[-1.,  1.],
                [ 0.,  0.]])
    """
    if rewards.ndim < 2:
        raise ValueError(f"rewards must have shape (groups, g), got {tuple(rewards.shape)}")
    return _standardise(rewards, eps)


def batch_advantages(rewards: Tensor, eps: float = 1e-8) -> Tensor:
    """Standardise rewards over the whole batch: DDPO's advantage (Black et al., 2024).

    As `group_advantages`, with one mean and one deviation for all.

    Args:
        rewards: rewards, any shape.
        eps: added to the deviation.

    Returns:
        Advantages of the shape of `rewards`; its dtype, at least float32.

    Raises:
        ValueError: there is no reward, or one is NaN or infinite.

    Example:
        >>> batch_advantages(torch.tensor([[1.0, 1.0], [3.0, 3.0]]))
        tensor([[-1., -1.],
                [ 1.,  1.]])
    """
    return _standardise(rewards.flatten(), eps).view(rewards.shape)


def merge(advantages: Tensor, intrinsic: Tensor, shaping_ratio: float) -> Tensor:
    r"""Add the diversity's share (Eq. 14).

    .. math::
        \tilde A = A + \lambda A_{\text{int}}

    With rewards instead of advantages this is the coupled shaping of Eq. 12.

    Args:
        advantages: advantages of the task's reward, any shape.
        intrinsic: advantages of the intrinsic reward, the same shape.
        shaping_ratio: :math:`\lambda`.

    Returns:
        Merged advantages, the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> merge(torch.tensor([1.0, -1.0]), torch.tensor([-1.0, 1.0]), shaping_ratio=0.5)
        tensor([ 0.5000, -0.5000])
    """
    require_same_shape(advantages=advantages, intrinsic=intrinsic)
    return advantages + shaping_ratio * intrinsic


def _standardise(rewards: Tensor, eps: float) -> Tensor:
    if rewards.numel() == 0:
        raise ValueError(f"rewards are empty, shape {tuple(rewards.shape)}")
    require_finite("rewards", rewards)
    # Measured from the first reward, equal rewards are exactly zero before any rounding.
    values = rewards.to(torch.float64)
    shifted = values - values[..., :1]
    centred = shifted - shifted.mean(dim=-1, keepdim=True)
    std = shifted.std(dim=-1, correction=0, keepdim=True)
    return (centred / (std + eps)).to(at_least_float32(rewards.dtype))
