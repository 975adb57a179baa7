"""What a judge's errors depend on: whether it favours a background or a coat."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def biases(
    scores: Tensor, truth: Tensor, prompts: Tensor, kinds: dict[str, Tensor]
) -> dict[str, float]:
    """Measure how well scores follow the truth within prompts, and whom their errors favour.

    Only images of one prompt are ever compared, so each prompt's own mean does not count.

    Args:
        scores: What a judge says, ``(n,)``.
        truth: What it should say, in any unit, ``(n,)``.
        prompts: Index of each image's prompt, ``(n,)``.
        kinds: Index of each image's kind, ``(n,)``, for each attribute.

    Returns:
        ``correlation`` within prompts; for each attribute the `bias` of the errors, in deviations
        of the scores within prompts.
    """
    given, true = (values.double() - mean_by(values, prompts) for values in (scores, truth))
    errors = (given - (given @ true) / (true @ true) * true) / given.square().mean().sqrt()
    correlation = (given @ true) / (given.norm() * true.norm())
    return {"correlation": float(correlation)} | {
        f"bias_{name}": bias(errors, index) for name, index in kinds.items()
    }


def bias(errors: Tensor, kinds: Tensor) -> float:
    """Measure how far the mean error of a kind is from zero.

    Args:
        errors: ``(n,)``.
        kinds: Index of each image's kind, ``(n,)``.

    Returns:
        The root mean square, over images, of the mean error of their kind.
    """
    return float(mean_by(errors, kinds).square().mean().sqrt())


def mean_by(values: Tensor, index: Tensor) -> Tensor:
    """Return for each image the mean over all that have its index, ``(n,)``."""
    member = F.one_hot(index.long()).double()
    means = (values.double() @ member) / member.sum(dim=0).clamp(min=1)
    return means[index.long()]
