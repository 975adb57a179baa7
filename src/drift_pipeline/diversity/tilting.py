r"""The best policy there is, estimated from the base model's images: a tilted distribution (Eq. 4).

The policy of highest reward at a given divergence from the base model is known:
:math:`\pi^*(x) \propto \pi_{ref}(x) \exp(r(x) / \beta)`. With images of the base model in hand
it need not be trained: each counts by :math:`\exp(r / \beta)` (self-normalised importance
sampling). Where few images carry the weight the estimate says little; `effective_sample_size` says
how many do.

Notation: `p`: prompts, `n`: images of each, `d`: embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor


def tilted_weights(rewards: Tensor, beta: float) -> Tensor:
    r"""Weigh the base model's images as the best policy draws them (Eq. 4).

    .. math::
        w_i = \frac{\exp(r_i / \beta)}{\sum_j \exp(r_j / \beta)}

    Args:
        rewards: shape `(p, n)`.
        beta: :math:`\beta`, above 0; infinity gives the base model.

    Returns:
        Weights, float64, shape `(p, n)`; those of a prompt sum to 1.

    Raises:
        ValueError: beta is not above 0.

    Example:
        >>> tilted_weights(torch.tensor([[0.0, 0.0, 1.0]]), 1e-3)
        tensor([[0., 0., 1.]], dtype=torch.float64)
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0, got {beta}")
    return (rewards.double() / beta).softmax(dim=-1)


def effective_sample_size(weights: Tensor) -> Tensor:
    r"""Return how many equally weighted images would tell as much (Kong 1992).

    .. math:: 1 / \sum_i w_i^2

    Args:
        weights: shape `(..., n)`, of sum 1.

    Returns:
        Shape `(...)`, from 1 to n.
    """
    return weights.square().sum(dim=-1).reciprocal()


def tilted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of each prompt's values, `(p,)`, of `(p, n)`."""
    return (values.double() * weights).sum(dim=-1)


def tilted_distance(embeddings: Tensor, weights: Tensor) -> Tensor:
    r"""Return the mean squared distance of two images that are drawn by the weights (Eq. 31).

    .. math::
        \frac{\sum_{i \ne j} w_i w_j \lVert e_i - e_j \rVert^2}{\sum_{i \ne j} w_i w_j}
        = \frac{2 (\sum_i w_i \lVert e_i \rVert^2 - \lVert \sum_i w_i e_i \rVert^2)}
        {1 - \sum_i w_i^2}

    An image is never paired with itself, which a policy would not draw twice. Equal weights give
    `pairwise.mean_pairwise_distance`.

    Args:
        embeddings: unit embeddings, shape `(p, n, d)`.
        weights: shape `(p, n)`, those of a prompt of sum 1.

    Returns:
        Mean squared distances, float64, shape `(p,)`; NaN where one image has all the weight.
    """
    points, shares = embeddings.double(), weights.double()
    mean = (shares[..., None, :] @ points).squeeze(-2)
    squares = (shares * points.square().sum(dim=-1)).sum(dim=-1)
    return 2 * (squares - mean.square().sum(dim=-1)) / (1 - shares.square().sum(dim=-1))


def tilted_bits(kinds: Tensor, weights: Tensor, draws: int) -> Tensor:
    r"""Return the entropy that `kind_bits` finds, on average, in images drawn by the weights.

    .. math::
        \sum_k \sum_{m=1}^{N} \binom{N}{m} s_k^m (1 - s_k)^{N - m} \frac{m}{N} \log_2 \frac{N}{m}

    with :math:`s_k` the weight of kind k. So far it has the bias of checkpoints of which N images
    are drawn. The weights come from a sample as well: where few images carry them, it is lower by
    about another (K - 1) / (2 ln 2) over their effective number.

    Args:
        kinds: whole numbers, shape `(p, n)`.
        weights: shape `(p, n)`, those of a prompt of sum 1.
        draws: N, images of a prompt.

    Returns:
        Entropies in bits, float64, shape `(p,)`.
    """
    counts = torch.arange(1, draws + 1, dtype=torch.float64)
    each = counts / draws * (draws / counts).log2()
    found = []
    for row, share in zip(kinds, weights.double(), strict=True):
        names, index = torch.unique(row, return_inverse=True)
        of_kind = torch.zeros(len(names), dtype=torch.float64).index_add_(0, index, share)
        chance = torch.distributions.Binomial(draws, of_kind.clamp(0, 1)[:, None])
        found.append((chance.log_prob(counts).exp() * each).sum())
    return torch.stack(found)
