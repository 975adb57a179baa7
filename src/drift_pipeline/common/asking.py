"""Ask rewards, encoders and true rewards, whoever wrote them, and check what they answer.

Training and evaluation ask through here, so that an answer is read alike in both. Notation: n
images, d features.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drift_pipeline.common.errors import ConfigurationError

UNIT_TOLERANCE = 0.02
"""How far an embedding's length may be from 1: half precision leaves it within 0.01."""
logger = logging.getLogger(__name__)


class JudgeError(ConfigurationError):
    """A reward or an encoder that fails or gives what it should not; the message is one line."""


class NotFiniteError(JudgeError, FloatingPointError):
    """A score or an embedding that is NaN or infinite."""


def ask_scorer(
    name: str,
    scorer: Callable[..., Any],
    images: Tensor,
    prompts: Sequence[str],
    where: Callable[[int], str] | None = None,
) -> Tensor:
    """Score images.

    Args:
        name: The reward's name.
        scorer: Maps images and prompts to one number per image: a tensor, an array or a list, or
            such a thing in front of a dictionary, as ddpo-pytorch's rewards give it.
        images: `(n, 3, h, w)`, uint8.
        prompts: n texts.
        where: Says which image a row is, for messages.

    Returns:
        `(n,)` scores on the CPU, in the number format that they came in.

    Raises:
        JudgeError: The reward fails, or does not give one finite number per image; the message
            names the reward and says what it gave.
    """
    who = f"the reward {name!r}"
    given = _call(who, scorer, images, list(prompts))
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict):
        given = given[0]
    return _one_each(who, given, len(images), where)


def ask_truth(name: str, truth: Callable[[Tensor], Any], images: Tensor) -> Tensor:
    """Ask for the true reward of images.

    Args:
        name: The reward's name.
        truth: Maps images to one number each.
        images: `(n, 3, h, w)`, uint8.

    Returns:
        `(n,)`, as `ask_scorer` gives them.

    Raises:
        JudgeError: As `ask_scorer`.
    """
    who = f"the true reward of {name!r}"
    return _one_each(who, _call(who, truth, images), len(images), None)


def ask_encoder(
    name: str,
    encoder: Callable[[Tensor], Any],
    images: Tensor,
    where: Callable[[int], str] | None = None,
) -> Tensor:
    """Embed images.

    Args:
        name: The encoder's name.
        encoder: Maps images to rows of length one.
        images: `(n, 3, h, w)`, uint8.
        where: Says which image a row is, for messages.

    Returns:
        `(n, d)` embeddings on the CPU, in the number format that they came in.

    Raises:
        JudgeError: The encoder fails, or does not give one finite row of length one per image.
    """
    who = f"the encoder {name!r}"
    given = _call(who, encoder, images)
    rows = _tensor(given)
    if rows is None or rows.ndim != 2 or len(rows) != len(images) or not rows.is_floating_point():
        raise JudgeError(
            f"{who} gave {_described(given)} for {len(images)} images; it must give one row of "
            f"numbers per image, ({len(images)}, d)"
        )
    finite = rows.isfinite().all(dim=1)
    _require_finite(finite, who, "embedding", where)
    lengths = rows.double().norm(dim=1)
    wrong = (lengths - 1).abs() > UNIT_TOLERANCE
    if wrong.any():
        raise JudgeError(
            f"{who} gave a row of length {float(lengths[wrong][0]):.4g}; distances are measured "
            "between rows of length 1, so normalise them"
        )
    return rows


def _one_each(who: str, given: Any, n: int, where: Callable[[int], str] | None) -> Tensor:
    values = _tensor(given)
    if values is None or values.numel() != n or max([*values.shape, 1]) != n:
        raise JudgeError(
            f"{who} gave {_described(given)} for {n} images; it must give one number per image, as "
            "a tensor, an array or a list"
        )
    values = values.flatten()
    _require_finite(values.float().isfinite(), who, "score", where, values)
    return values


def _call(who: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        logger.debug("%s raised", who, exc_info=True)
        reason = " ".join(str(error).split()) or "without a message"
        raise JudgeError(f"{who} raised {type(error).__name__}: {reason}") from error


def _tensor(given: Any) -> Tensor | None:
    """Return numbers as a tensor on the CPU; `None` for anything else."""
    if not isinstance(given, Tensor | np.ndarray | list | tuple | int | float | np.generic):
        return None
    try:
        values = torch.as_tensor(given).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        return None
    return None if values.is_complex() else values


def _require_finite(
    finite: Tensor,
    who: str,
    what: str,
    where: Callable[[int], str] | None,
    values: Tensor | None = None,
) -> None:
    if finite.all():
        return
    row = int((~finite).nonzero()[0])
    place = where(row) if where else f"image {row + 1} of {len(finite)}"
    it = "not finite" if values is None else f"{values[row].item()}, which is not finite"
    raise NotFiniteError(f"{place}: the {what} of {who} is {it}")


def _described(given: Any) -> str:
    """Say in a few words what something is."""
    shape = getattr(given, "shape", None)
    if isinstance(given, Tensor | np.ndarray) and shape is not None:
        kind = "a tensor" if isinstance(given, Tensor) else "an array"
        return f"{kind} of shape {tuple(shape)} and type {given.dtype}"
    if isinstance(given, dict):
        return f"a dict with the keys {', '.join(map(repr, [*given][:4])) or 'none'}"
    if isinstance(given, list | tuple):
        kinds = sorted({type(item).__name__ for item in given})
        inside = f" of {', '.join(kinds[:4])}" if kinds else ""
        return f"a {type(given).__name__} of length {len(given)}{inside}"
    if given is None:
        return "None"
    text = repr(given)
    return f"{type(given).__name__} {text if len(text) < 40 else text[:40] + '…'}"
