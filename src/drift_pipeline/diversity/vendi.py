"""Vendi score: the effective number of distinct images (appendix D).

Friedman and Dieng, "The Vendi Score", arXiv 2210.02410; orders other than 1: Pasarkar and Dieng,
"Cousins of the Vendi Score", arXiv 2310.12952. Notation: `n`: images, `d`: embedding size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from drift_pipeline.common.checks import require_finite


def vendi_score(embeddings: Tensor, q: float = 1.0) -> Tensor:
    r"""Return the exponential of the order-q entropy of the similarity matrix's spectrum.

    .. math::
        \mathrm{Vendi} = \exp\Big(-\sum_i p_i \ln p_i\Big), \quad
        \mathrm{Vendi}_q = \Big(\sum_i p_i^q\Big)^{1 / (1 - q)}

    with :math:`p` the eigenvalues of :math:`K / n`, K the cosine similarities. It runs from 1
    (all images alike) to n (all orthogonal). The spectrum of the smaller of K (n × n) and the
    embeddings' second moments (d × d) is taken: they share it.

    Contrary to the paper's remark the score is not invariant to the sample size: report n and
    the embedding with it.

    Args:
        embeddings: embeddings, shape `(n, d)`; rows are scaled to unit length.
        q: order, not negative: 0 counts distinct images however rare, infinity (`math.inf`)
            looks at the most common one alone.

    Returns:
        The score, float64, shape `()`.

    Raises:
        ValueError: `embeddings` is not a finite, non-empty matrix without zero rows, or `q` is
            negative or NaN.

    Example:
        >>> round(vendi_score(torch.eye(5)).item(), 6)
        5.0
    """
    if not q >= 0:
        raise ValueError(f"q must not be negative, got {q}")
    return _entropy(_spectrum(_directions(embeddings)), q).exp()


def vendi_surprisals(embeddings: Tensor) -> Tensor:
    r"""Return what each image adds to the logarithm of the Vendi score of order 1.

    With :math:`\Sigma` the second moments of the unit embeddings :math:`x_i`,

    .. math::
        h_i = -x_i^\top \ln(\Sigma)\, x_i, \quad \frac{1}{n} \sum_i h_i = \ln \mathrm{Vendi}.

    :math:`h_i` is also the score's influence function up to a constant, so resampling the
    :math:`h_i` gives an interval that is right to first order without further decompositions.

    Args:
        embeddings: embeddings, shape `(n, d)`; rows are scaled to unit length.

    Returns:
        Surprisals, float64, shape `(n,)`: large for images unlike the others.

    Raises:
        ValueError: as `vendi_score`.

    Example:
        >>> vendi_surprisals(torch.eye(4)).exp()
        tensor([4., 4., 4., 4.], dtype=torch.float64)
    """
    points = _directions(embeddings)
    n, d = points.shape
    if n > d:
        values, vectors = torch.linalg.eigh(points.T @ points / n)
        shares = (points @ vectors).square()
    else:
        values, vectors = torch.linalg.eigh(points @ points.T / n)
        shares = n * values.clamp_min(0) * vectors.square()
    kept = values > _floor(n, d, values)
    return -(shares[:, kept] * values[kept].log()).sum(dim=1)


def _directions(embeddings: Tensor) -> Tensor:
    if embeddings.ndim != 2 or embeddings.numel() == 0:
        raise ValueError(f"embeddings must have shape (n, d), got {tuple(embeddings.shape)}")
    require_finite("embeddings", embeddings)
    points = embeddings.double()
    lengths = torch.linalg.vector_norm(points, dim=1, keepdim=True)
    if bool((lengths == 0).any()):
        raise ValueError("an embedding is zero and has no direction")
    return points / lengths


def _spectrum(points: Tensor) -> Tensor:
    """Return the positive eigenvalues of K / n, scaled to sum to 1."""
    n, d = points.shape
    moments = points.T @ points if n > d else points @ points.T
    values = torch.linalg.eigvalsh(moments / n)
    values = values[values > _floor(n, d, values)]
    return values / values.sum()


def _floor(n: int, d: int, values: Tensor) -> Tensor:
    """Bound what rounding leaves of a zero: for small q it would count as an image of its own."""
    return max(n, d) * torch.finfo(values.dtype).eps * values[-1]


def _entropy(p: Tensor, q: float) -> Tensor:
    """Return the Rényi entropy of order q."""
    if q == 1:
        return -(p * p.log()).sum()
    if math.isinf(q):
        return -p.max().log()
    return torch.logsumexp(q * p.log(), dim=0) / (1 - q)
