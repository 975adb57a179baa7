"""Find, check and make the classes that the configuration names by their dotted paths."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import STABLE_DIFFUSION, EncoderSpec, RewardSpec
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.mistakes import meant
from drift_pipeline.config.places import locate
from drift_pipeline.config.train import Train

METHOD_GETS = ("preset", "group_size", "prompt_noise", "bounds")
"""What a method's constructor gets besides its options."""
POLICY_SETTINGS = ("lora", "precision", "device", "channels_last", "gradient_checkpointing")
"""Parameters of `train` that a policy's constructor gets where it takes them."""
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
    if not module:
        raise ConfigurationError(f"{where}: {path!r} must be written as module.name")
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
    for name, encoder in (encoders or {}).items():
        check_options(encoder.encoder, encoder.options, f"encoders.{name}", "encoder")


def check_method(name: str, preset: MethodPreset) -> None:
    """See that a method's class can be imported and takes its options.

    Args:
        name: Of the preset.
        preset: The preset.

    Raises:
        ConfigurationError: In one line, why it cannot be made.
    """
    where = f"methods.{name}"
    check_options(preset.method, preset.options, where, "method", METHOD_GETS)
    takes = inspect.signature(find(preset.method, f"{where}.method")).parameters
    lacking = [given for given in METHOD_GETS if given not in takes]
    if lacking and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        raise ConfigurationError(
            f"{where}.method: the constructor of {preset.method} does not take "
            f"{', '.join(lacking)}, which every method gets; let it take **given"
        )


def check_policy(train: Train) -> None:
    """See that a policy's class can be imported, takes its options and what is set in `train`.

    Args:
        train: Names the class and its options.

    Raises:
        ConfigurationError: In one line, why it cannot be made.
    """
    spec = train.policy
    given = ("source", *POLICY_SETTINGS)
    check_options(spec.policy, spec.options, "train.policy", "policy", given)
    policy_settings(find(spec.policy, "train.policy.policy"), train)


def has_diffusers_files(train: Train) -> bool:
    """Return whether the base model and the adapter lie in diffusers' files.

    So they do for Stable Diffusion and for what inherits from it. Of another policy's files
    nothing is known.

    Args:
        train: Names the policy's class.

    Raises:
        ConfigurationError: Where there is no such class.
    """
    path = train.policy.policy
    return path == STABLE_DIFFUSION or bool(
        getattr(find(path, "train.policy.policy"), "diffusers_files", False)
    )


def policy_settings(build: Callable[..., Any], train: Train) -> dict[str, Any]:
    """Choose the settings of `train` that a policy's constructor takes.

    Raises:
        ConfigurationError: Where it does not take one that is not at its default.
    """
    takes = inspect.signature(build).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        return {name: getattr(train, name) for name in POLICY_SETTINGS}
    for name in POLICY_SETTINGS:
        default = Train.model_fields[name].get_default(call_default_factory=True)
        if name not in takes and getattr(train, name) != default:
            raise ConfigurationError(
                f"train.{name}: {train.policy.policy} has no such setting; leave it at {default}"
            )
    return {name: getattr(train, name) for name in POLICY_SETTINGS if name in takes}


def check_options(
    path: str,
    options: Mapping[str, Any],
    where: str,
    kind: str,
    given: Collection[str] = ("device",),
    under: str = "options",
) -> None:
    """Compare options with what a class's constructor takes.

    Args:
        path: The class's dotted path.
        options: What its constructor would get.
        where: The preset, for messages.
        kind: The key of the preset that names the class.
        given: What its constructor gets besides.
        under: The key of the preset that holds the options.

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
                f"{where}.{under}.{option}: is not an option of {path}; {hint}"
            )
    for parameter in takes:
        known = parameter.name in options or parameter.name in given
        if not known and parameter.default is parameter.empty:
            raise ConfigurationError(f"{where}.{under}: {path} needs {parameter.name!r}")


def make(path: str, options: dict[str, Any], root: Path, device: str, where: str) -> Any:
    """Import a class and construct it.

    Args:
        path: Its dotted path.
        options: What its constructor gets; paths are relative to `root`.
        root: The project's folder.
        device: `auto`, `cpu`, `cuda` ..., handed on where the constructor takes a `device` and
            the options name none.
        where: The parameter it stands in, for messages.

    Raises:
        ConfigurationError: Where there is no such class, a file that it needs is missing, or its
            constructor fails.
    """
    hide_loading_bars()
    factory = find(path, where)
    options = locate(options, root)
    if "device" not in options and "device" in inspect.signature(factory).parameters:
        from drift_pipeline.common.devices import resolve_device

        options["device"] = str(resolve_device(device))
    return construct(factory, options, path, where)


def construct(factory: Callable[..., Any], given: Mapping[str, Any], path: str, where: str) -> Any:
    """Call a class's constructor.

    Args:
        factory: From `find`.
        given: What it gets.
        path: Its dotted path, for messages.
        where: The parameter that it stands in, for messages.

    Raises:
        ConfigurationError: Where a file that it needs is missing, or it fails.
    """
    try:
        return factory(**given)
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
