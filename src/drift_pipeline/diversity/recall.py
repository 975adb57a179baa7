"""Generalized recall: how much of the base model's variety is still covered (appendix D).

Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
arXiv 1904.06991. Notation: `m`: reference images, `n`: generated images, `d`: embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.checks import require_finite


def generalized_recall(
    reference: Tensor, generated: Tensor, k: int = 10, chunk_size: int = 512
) -> Tensor:
    r"""Return the share of reference images inside the generated images' manifold.

    The manifold is a union of balls: each generated image is the centre of one, whose radius is
    the distance to its k-th nearest neighbour among the generated images, itself excluded. A
    reference image on a ball's surface counts as inside, so that generated duplicates (radius 0)
    still cover their own like.

    A set against itself gives 1. The value depends on both sample sizes and on the embedding:
    report them with it.

    Args:
        reference: embeddings of the base model's images, shape `(m, d)`.
        generated: embeddings of the policy's images, shape `(n, d)`, n of k + 1 or more.
        k: neighbourhood size.
        chunk_size: rows of a distance matrix held at a time; a matter of memory alone.

    Returns:
        The recall in [0, 1], float64, shape `()`.

    Raises:
        ValueError: the shapes do not agree, there are too few images, `k` or `chunk_size` is
            less than 1, or an embedding is NaN or infinite.

    Example:
        >>> reference = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> generated = torch.tensor([[0.0], [0.5], [1.0]])
        >>> generalized_recall(reference, generated, k=1).item()
        0.5
    """
    return covered(reference, generated, k, chunk_size).double().mean()


def covered(reference: Tensor, generated: Tensor, k: int = 10, chunk_size: int = 512) -> Tensor:
    """Mark the reference images inside the generated images' manifold.

    Args:
        reference: as for `generalized_recall`.
        generated: as for `generalized_recall`.
        k: as for `generalized_recall`.
        chunk_size: as for `generalized_recall`.

    Returns:
        bool, shape `(m,)`.

    Raises:
        ValueError: as `generalized_recall`.
    """
    _check(reference, generated, k, chunk_size)
    # Measured from the middle, the numbers are small and so is their rounding.
    middle = generated.double().mean(dim=0)
    centres, points = generated.double() - middle, reference.double() - middle
    # Products of matrices are fast but leave a rounding error where a distance is zero; without
    # this allowance, duplicates would fall off their own ball.
    allowance = 1e-12 * torch.maximum(centres.square().sum(1).max(), points.square().sum(1).max())
    radii = torch.cat(
        [
            _radii(centres[start : start + chunk_size], centres, start, k)
            for start in range(0, len(centres), chunk_size)
        ]
    )
    inside = [
        (_squared_distances(part, centres) <= radii + allowance).any(dim=1)
        for part in points.split(chunk_size)
    ]
    return torch.cat(inside)


def _radii(rows: Tensor, centres: Tensor, start: int, k: int) -> Tensor:
    distances = _squared_distances(rows, centres)
    index = torch.arange(len(rows), device=rows.device)
    distances[index, start + index] = torch.inf  # an image is not its own neighbour
    return distances.topk(k, dim=1, largest=False).values[:, -1]


def _squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    products = torch.addmm(centres.square().sum(dim=1), points, centres.T, alpha=-2)
    return products.add_(points.square().sum(dim=1)[:, None])


def _check(reference: Tensor, generated: Tensor, k: int, chunk_size: int) -> None:
    if reference.ndim != 2 or generated.ndim != 2 or reference.shape[1] != generated.shape[1]:
        raise ValueError(
            "reference (m, d) and generated (n, d) must agree in d, got "
            f"{tuple(reference.shape)} and {tuple(generated.shape)}"
        )
    if k < 1 or chunk_size < 1:
        raise ValueError(f"k ({k}) and chunk_size ({chunk_size}) must be 1 or more")
    if len(generated) < k + 1:
        raise ValueError(f"k = {k} needs {k + 1} generated images or more, got {len(generated)}")
    if len(reference) == 0:
        raise ValueError("there are no reference images")
    require_finite("reference", reference)
    require_finite("generated", generated)
