"""Makes what the configuration names by its dotted path: rewards, encoders, true rewards."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from drift_pipeline import project
from drift_pipeline.parameters import ConfigurationError


def find(path: str, where: str) -> Any:
    """Import what a dotted path names.

    Args:
        path: `package.module.name`.
        where: The parameter it stands in, for messages.

    Raises:
        ConfigurationError: Where there is no such thing.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{where}: cannot import {path!r} ({error})") from error


def make(path: str, options: dict[str, Any], device: str, where: str) -> Any:
    """Import a class and construct it.

    Args:
        path: Its dotted path.
        options: What its constructor gets; paths are relative to the project's folder.
        device: `auto`, `cpu`, `cuda` ..., handed on where the constructor takes a `device` and
            the options name none.
        where: The parameter it stands in, for messages.

    Raises:
        ConfigurationError: Where there is no such class, or a file that it needs is missing.
    """
    hide_loading_bars()
    factory = find(path, where)
    options = project.current.locate(options)
    if "device" not in options and "device" in inspect.signature(factory).parameters:
        from drift_pipeline.rl.policy import resolve_device

        options["device"] = str(resolve_device(device))
    try:
        return factory(**options)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def hide_loading_bars() -> None:
    """Keep the libraries' own bars for files of a second's reading off the screen."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
