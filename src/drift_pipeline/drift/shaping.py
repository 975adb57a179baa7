"""Diversity of a group as an intrinsic reward (section 5.3, appendix C).

The shaping reward is a difference of potentials, so that over a whole trajectory only the clean
image's diversity remains (Eq. 8, 9) and the optimal policy stays the same (theorem 1). Notation:
`g`: group size, `d`: embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_finite


def intra_group_diversity(embeddings: Tensor) -> Tensor:
    r"""Return each image's mean squared distance to the others of its group (Eq. 10, 11).

    .. math::
        d(x^i) = \frac{1}{G - 1} \sum_{j \ne i} \lVert E(x^i) - E(x^j) \rVert^2

    Args:
        embeddings: unit embeddings of the selected images, shape `(..., g, d)`; DreamSim's in
            the paper.

    Returns:
        Diversities, shape `(..., g)`, between 0 and 4 for unit embeddings; the dtype of
        `embeddings`, at least float32 (computed in float64). Identical images give exactly 0.

    Raises:
        ValueError: a group has fewer than two images, or an embedding is NaN or infinite.

    Example:
        >>> intra_group_diversity(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        tensor([1., 1., 2.])
    """
    if embeddings.ndim < 2 or embeddings.shape[-2] < 2:
        raise ValueError(
            "embeddings must have shape (..., g, d) with g of 2 or more, got "
            f"{tuple(embeddings.shape)}"
        )
    require_finite("embeddings", embeddings)
    points = embeddings.double()
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    diversity = distances.square().sum(dim=-1) / (embeddings.shape[-2] - 1)
    return diversity.to(at_least_float32(embeddings.dtype))


def intrinsic_reward(diversity: Tensor, sigma: float, discount: float = 1.0) -> Tensor:
    r"""Return the clipped intrinsic reward of a trajectory (Eq. 9, 13).

    .. math::
        R_{\text{int}}(\tau^i) = \mathrm{clip}(\gamma^T d(x_0^i), 0, \sigma)

    Args:
        diversity: intra-group diversity of the final images, any shape.
        sigma: upper bound :math:`\sigma`, not negative; keeps the policy from living off
            diversity alone.
        discount: :math:`\gamma^T`, the discount over the whole trajectory.

    Returns:
        Intrinsic rewards in [0, sigma], of the shape of `diversity`.

    Raises:
        ValueError: `sigma` is negative.

    Example:
        >>> intrinsic_reward(torch.tensor([0.3, 1.7]), sigma=1.0)
        tensor([0.3000, 1.0000])
    """
    if sigma < 0:
        raise ValueError(f"sigma must not be negative, got {sigma}")
    return (discount * diversity).clamp(0.0, sigma)
