"""Whether a run can continue: what it was trained with, against what is asked for now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drift_pipeline.runs.identity import COMMIT, CONTENT, SOURCE, TRAINING_CODE

EARLIER = "code of drift, rl, scorers and encoders"
"""What earlier versions called the one hash of their code; they hashed models otherwise, too."""
SHOWN = 6


@dataclass(frozen=True)
class Differences:
    """In what two identities differ.

    Attributes:
        parameters: Parameters, models and prompts, each with its old and new value.
        source: Source, each in words.
    """

    parameters: list[str]
    source: list[str]

    @property
    def listed(self) -> str:
        """The parameters that differ, the first few by name."""
        more = f" and {len(self.parameters) - SHOWN} more" if len(self.parameters) > SHOWN else ""
        return "; ".join(self.parameters[:SHOWN]) + more


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Differences:
    """Compare two identities as `Run.identity` gives them.

    The commit of a model counts where both know it: a machine may have had it in no cache yet.

    Args:
        old: From a state on the disk.
        new: What is asked for, or the identity of a later state.
    """
    old, new = _plain(old), _plain(new)
    source = []
    if EARLIER in old and EARLIER not in new:
        source.append("an earlier version of this package, whose source cannot be compared")
        old = {key: value for key, value in old.items() if not _of_files(key)}
        new = {key: value for key, value in new.items() if not _of_files(key)}
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    keys = [key for key in keys if not key.endswith(COMMIT) or (key in old and key in new)]
    # Where the parameter itself differs, so does what it stands for; that goes without saying.
    keys = [key for key in keys if key.rpartition(" (")[0] not in keys]
    source += [_named(key, old, new) for key in keys if key.endswith(SOURCE)]
    parameters = [
        f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
        for key in keys
        if not key.endswith(SOURCE)
    ]
    return Differences(parameters, source)


def _named(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    values = f"{old.get(key, 'absent')} -> {new.get(key, 'absent')}"
    if key == TRAINING_CODE:
        return f"this package's training code ({values})"
    parameter = key.removesuffix(f" {SOURCE}")
    return f"{parameter}: {new.get(parameter, parameter)} or what it imports ({values})"


def _of_files(key: str) -> bool:
    return key == EARLIER or key.endswith(("(files)", CONTENT, COMMIT, SOURCE))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
