"""DreamSim and CLIP diversity: the mean squared distance of two images (appendix D).

Notation: `n`: images, `d`: embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_finite


def mean_pairwise_distance(embeddings: Tensor) -> Tensor:
    r"""Return the mean squared distance over all pairs of images (Eq. 31, for one prompt).

    .. math::
        \frac{2}{n (n - 1)} \sum_{i < j} \lVert e_i - e_j \rVert^2
        = \frac{2}{n - 1} \sum_i \lVert e_i - \bar e \rVert^2

    The right-hand side needs no pairs: O(n d) instead of O(n² d). Eq. 31 averages the result
    over prompts; with one prompt per entry of the leading dimension that is `.mean()`.

    Args:
        embeddings: unit embeddings, shape `(..., n, d)`.

    Returns:
        Mean squared distances, shape `(...)`, at most 2n / (n - 1) for unit embeddings; the dtype
        of `embeddings`, at least float32 (computed in float64). Identical images give exactly 0.

    Raises:
        ValueError: there are fewer than two images, or an embedding is NaN or infinite.

    Example:
        >>> mean_pairwise_distance(torch.eye(3))
        tensor(2.)
    """
    if embeddings.ndim < 2 or embeddings.shape[-2] < 2:
        raise ValueError(
            "embeddings must have shape (..., n, d) with n of 2 or more, got "
            f"{tuple(embeddings.shape)}"
        )
    require_finite("embeddings", embeddings)
    # Measured from the first image, identical images are exactly zero before any rounding.
    values = embeddings.to(torch.float64)
    points = values - values[..., :1, :]
    centred = points - points.mean(dim=-2, keepdim=True)
    distance = 2 * centred.square().sum(dim=(-2, -1)) / (embeddings.shape[-2] - 1)
    return distance.to(at_least_float32(embeddings.dtype))
