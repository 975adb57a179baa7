"""Trained checkpoints as commands name them: a run, an epoch of it, a folder for what is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.places import ADDRESS
from drift_pipeline.config.presets import read
from drift_pipeline.config.train import Train
from drift_pipeline.runs.folder import RunFolder
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from drift_pipeline.policies.base import PolicyState


def find_epoch(
    folder: Path, epoch: int | None = None, named: str = "--run", counted: str = "--epoch"
) -> int:
    """Find a run's epoch.

    Args:
        folder: The run's; its name is the run's.
        epoch: The epoch; by default the last that is there.
        named: The option that names the run, for messages.
        counted: The option that names the epoch.

    Raises:
        ConfigurationError: Where there is no such run or epoch, with those that there are, or the
            epoch is 0, which is the base model.
    """
    name, there = folder.name, sorted(RunFolder(folder).states())
    if not there:
        runs = sorted({state.parents[2].name for state in
                       folder.parent.glob("*/epoch_*/policy/state.json")})  # fmt: skip
        raise ConfigurationError(
            f"{named}: there is no run {name!r} in {folder.parent}; there are: "
            f"{', '.join(runs) or 'none'}"
        )
    epoch = there[-1] if epoch is None else epoch
    if epoch == 0:
        raise ConfigurationError(f"{counted}: epoch 0 is the base model, which needs no adapter")
    if epoch not in there:
        known = [number for number in there if number]
        named = f"{known[0]} to {known[-1]}" if known == [*range(1, len(known) + 1)] and known \
            else ", ".join(str(number) for number in known) or "none"  # fmt: skip
        raise ConfigurationError(f"{counted}: {name} has no epoch {epoch}; it has {named}")
    return epoch


def load_checkpoint(folder: Path, epoch: int) -> PolicyState:
    """Load the policy of a run's epoch.

    Args:
        folder: The run's.
        epoch: As `find_epoch` gives it.

    Raises:
        DatasetError: Where it is damaged; the message is one line that says what to do.
    """
    from drift_pipeline.datasets import PolicyDataset

    return PolicyDataset(filepath=str(folder / f"epoch_{epoch:04d}" / "policy")).load()


def refuse_taken(target: Path, option: str) -> None:
    """Refuse a folder that cannot be made anew.

    Args:
        target: The folder.
        option: Which option names it, for the message.

    Raises:
        ConfigurationError: Where it is an address, or there already and not an empty folder.
    """
    if ADDRESS.match(str(target)):
        raise ConfigurationError(f"{option}: {target} is an address; name a folder of this machine")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f"{option}: {target} is there already; remove it, or name another")


def run_of(identity: Mapping[str, Any], train: Train, root: Path) -> Run:
    """Make a run again from what its states say that they were made with.

    Args:
        identity: `PolicyState.parameters`, flat.
        train: For what a state does not depend on.
        root: The project's folder.

    Raises:
        ConfigurationError: Where it is of another version of this program.
    """
    method, reward = identity.get("method"), identity.get("reward")
    own = {**train.model_dump(mode="json"), **_values(identity, "train", Train)}
    found = read(Train, own, "train")
    parameters = {
        "method": method,
        "reward": reward,
        "seed": identity.get("seed"),
        "methods": {method: {"epochs": 1} | _values(identity, f"methods.{method}", MethodPreset)},
        "rewards": {reward: _values(identity, f"rewards.{reward}", RewardSpec)},
        "encoders": {
            found.encoder: _values(identity, f"encoders.{found.encoder}", EncoderSpec)
        },
        "train": found,
    }  # fmt: skip
    return Run.from_parameters(parameters, root)


def _values(identity: Mapping[str, Any], prefix: str, model: type[BaseModel]) -> dict[str, Any]:
    """Take what stands under a name out of flat values, and nest it as it was."""
    tree: dict[str, Any] = {}
    for key, value in identity.items():
        path = key.removeprefix(f"{prefix}.").split(".")
        # Digests of files and of code have a word in brackets behind the name.
        if not key.startswith(f"{prefix}.") or " " in key or path[0] not in model.model_fields:
            continue
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return tree
