"""What went wrong, in one line: for failures that a person can mend without reading code."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from click import ClickException
from kedro.config import MissingConfigException
from kedro.framework.session.abstract_session import KedroSessionError
from kedro.io import DatasetError
from kedro.validation.exceptions import ParameterValidationError
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from drift_pipeline.common.errors import ConfigurationError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
NO_MEMORY = ("OutOfMemoryError", "MemoryError", "CUDA out of memory", "can't allocate memory")
"""Names and messages of such errors; PyTorch is not imported for their sake."""
KEPT = "what is whole is kept, and the same command resumes from there"
EXPLAINED = (
    DatasetError,
    FloatingPointError,
    KedroSessionError,
    MissingConfigException,
    OmegaConfBaseException,
    OSError,
    ParameterValidationError,
    YAMLError,
)
"""Errors whose own message says enough."""


class RunError(ClickException):
    """A run has failed for a reason that can be mended; the message is one line."""


def explain(error: BaseException) -> str | None:
    """Say in one line what went wrong and how to mend it.

    Args:
        error: What was raised; the errors that it was raised from count, too.

    Returns:
        The line; `None` for what can only be a mistake in a program, which needs its traceback.
    """
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, ConfigurationError):
            return cause.message
    for cause in reversed(causes):
        text = one_line(cause)
        if getattr(cause, "errno", None) in FULL or "No space left on device" in text:
            return f"the disk is full ({_place(cause)}); free some space: {KEPT}"
        if any(sign in f"{type(cause).__name__}: {text}" for sign in NO_MEMORY):
            return (
                f"out of memory ({text}); lower train.sampling.batch_size, "
                "train.optimization.micro_batch_size or generate.batch_size, or set "
                f"train.gradient_checkpointing=true: {KEPT}"
            )
        if getattr(cause, "errno", None) in FORBIDDEN:
            return (
                f"no permission ({_place(cause)}); check who owns the folder and how it is mounted"
            )
    if str(error).startswith("Duplicate keys found"):  # Kedro raises a bare ValueError
        return f"{one_line(error)} Change the value where it stands, or in another environment"
    if not isinstance(error, EXPLAINED):
        return None
    inner = [cause for cause in causes if isinstance(cause, DatasetError)][-1:]
    if inner and str(inner[0]).startswith("Failed while saving"):
        # Images are drawn while they are saved, so this can be a mistake in any code.
        reason = inner[0].__cause__
        return one_line(reason) if isinstance(reason, EXPLAINED) else None
    return one_line(error) or type(error).__name__


def one_line(error: BaseException) -> str:
    """Return an error's message without line breaks."""
    return " ".join(str(error).split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(error: BaseException) -> str:
    file = getattr(error, "filename", None)
    return f"{error.strerror}: {file}" if file and isinstance(error, OSError) else one_line(error)
