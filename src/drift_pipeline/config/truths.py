"""True rewards that YAML names: functions of images, or classes that are made with options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.classes import check_options, find, make
from drift_pipeline.config.components import RewardSpec


def check_truths(rewards: Mapping[str, RewardSpec]) -> None:
    """See that true rewards can be imported and take the options that they are given.

    Args:
        rewards: Name to reward; those without a true reward are passed over.

    Raises:
        ConfigurationError: In one line, the first that cannot be made and why.
    """
    for name, reward in rewards.items():
        if reward.truth is not None:
            _check(reward.truth, reward.truth_options, f"rewards.{name}")


def make_truth(path: str, options: dict[str, Any], root: Path, device: str, where: str) -> Any:
    """Import a true reward, and construct it where it is a class.

    Args:
        path: Its dotted path.
        options: What its constructor gets; paths are relative to `root`.
        root: The project's folder.
        device: Handed on where the constructor takes a `device` and the options name none.
        where: The parameter it stands in, for messages.

    Returns:
        What maps images to true rewards.

    Raises:
        ConfigurationError: Where it cannot be imported or made.
    """
    found = find(path, where)
    return make(path, options, root, device, where) if inspect.isclass(found) else found


def _check(path: str, options: Mapping[str, Any], where: str) -> None:
    if inspect.isclass(find(path, f"{where}.truth")):
        check_options(path, options, where, "truth", under="truth_options")
    elif options:
        raise ConfigurationError(
            f"{where}.truth_options: {path} is no class, so nothing takes them; name a class as "
            "truth, or set truth_options to null"
        )
