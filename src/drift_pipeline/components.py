"""Makes what the configuration names by its dotted path: rewards, encoders, true rewards."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Mapping
from typing import Any

from drift_pipeline import project
from drift_pipeline.config.mistakes import meant
from drift_pipeline.parameters import ConfigurationError, EncoderSpec, RewardSpec

logger = logging.getLogger(__name__)


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
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a user's own module may fail in any way
        logger.debug("%s cannot be imported", path, exc_info=True)
        kind = (
            "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        )
        raise ConfigurationError(
            f"{where}: cannot import {path!r} ({kind}{' '.join(str(error).split())})"
        ) from error
    if not callable(found):
        raise ConfigurationError(f"{where}: {path!r} is {found!r}, which cannot be called")
    return found


def check_classes(
    rewards: Mapping[str, RewardSpec], encoders: Mapping[str, EncoderSpec] | None = None
) -> None:
    """See that rewards and encoders can be imported and take the options that they are given.

    Args:
        rewards: Name to reward.
        encoders: Name to encoder.

    Raises:
        ConfigurationError: In one line, the first that cannot be made and why.
    """
    for name, reward in rewards.items():
        check_options(reward.scorer, reward.options, f"rewards.{name}", "scorer")
        if reward.truth is not None:
            find(reward.truth, f"rewards.{name}.truth")
    for name, encoder in (encoders or {}).items():
        check_options(encoder.encoder, encoder.options, f"encoders.{name}", "encoder")


def check_options(path: str, options: Mapping[str, Any], where: str, kind: str) -> None:
    """Compare options with what a class's constructor takes.

    Args:
        path: The class's dotted path.
        options: What its constructor would get.
        where: The preset, for messages.
        kind: The key of the preset that names the class.

    Raises:
        ConfigurationError: It cannot be imported, an option is unknown, or one is missing.
    """
    factory = find(path, f"{where}.{kind}")
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # written in C: it will say so itself
        return
    takes = [p for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names = [parameter.name for parameter in takes]
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for option in options:
        if option not in names and not anything:
            near = meant(option, names)
            hint = f"did you mean {near}?" if near else f"it takes: {', '.join(names) or 'none'}"
            raise ConfigurationError(
                f"{where}.options.{option}: is not an option of {path}; {hint}"
            )
    for parameter in takes:
        given = parameter.name in options or parameter.name == "device"
        if not given and parameter.default is parameter.empty:
            raise ConfigurationError(f"{where}.options: {path} needs {parameter.name!r}")


def make(path: str, options: dict[str, Any], device: str, where: str) -> Any:
    """Import a class and construct it.

    Args:
        path: Its dotted path.
        options: What its constructor gets; paths are relative to the project's folder.
        device: `auto`, `cpu`, `cuda` ..., handed on where the constructor takes a `device` and
            the options name none.
        where: The parameter it stands in, for messages.

    Raises:
        ConfigurationError: Where there is no such class, a file that it needs is missing, or its
            constructor fails.
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
    except Exception as error:
        logger.debug("%s cannot be made", path, exc_info=True)
        raise ConfigurationError(
            f"{where}: {path} cannot be made ({type(error).__name__}: "
            f"{' '.join(str(error).split())})"
        ) from error


def hide_loading_bars() -> None:
    """Keep the libraries' own bars for files of a second's reading off the screen."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
