"""Generalized recall: how much of the base model's variety is still covered (appendix D).

Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
arXiv 1904.06991. Notation: `m`: reference images, `n`: generated images, `d`: embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.checks import require_finite


def generalized_recall(
    reference: Tensor, generated: Tensor, k: int = 10, chunk_size: int = 256
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
    _check(reference, generated, k, chunk_size)
    centres = generated.double()
    radii = torch.cat(
        [
            _radii(centres[start : start + chunk_size], centres, start, k)
            for start in range(0, len(centres), chunk_size)
        ]
    )
    covered = torch.cat(
        [
            (_distances(points.double(), centres) <= radii).any(dim=1)
            for points in reference.to(centres.device).split(chunk_size)
        ]
    )
    return covered.double().mean()


def _radii(rows: Tensor, centres: Tensor, start: int, k: int) -> Tensor:
    distances = _distances(rows, centres)
    index = torch.arange(len(rows), device=rows.device)
    distances[index, start + index] = torch.inf  # an image is not its own neighbour
    return distances.kthvalue(k, dim=1).values


def _distances(points: Tensor, centres: Tensor) -> Tensor:
    # Not by matrix products, whose cancellation would push duplicates off their own ball.
    return torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")


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
