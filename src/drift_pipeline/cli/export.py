"""Export the adapter of any epoch: `drift-pipeline export --run drift-pickscore-s42 --epoch 24`.

Writes what a run writes at its end for its last epoch: the adapter for diffusers and for other
tools, and a model card. Nothing that is there is overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from kedro.io import DatasetError
from pydantic import BaseModel

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.places import ADDRESS
from drift_pipeline.config.presets import read
from drift_pipeline.config.train import Train
from drift_pipeline.runs.folder import RunFolder
from drift_pipeline.runs.run import Run


@click.command(help=__doc__)
@click.option("--run", "name", required=True, help="A run's name: <method>-<reward>-s<seed>.")
@click.option("--epoch", type=int, help="An epoch of that run.  [default: the last]")
@click.option("--to", "target", type=click.Path(path_type=Path), help="The folder to be made.  "
              "[default: lora_epoch_<number> in the run's folder]")  # fmt: skip
@click.option("--env", "-e", default="local", show_default=True, help="A folder of conf/.")
@click.option("--params", default="", help="As for `kedro run`: train.runs_folder=...")
def main(name: str, epoch: int | None, target: Path | None, env: str, params: str) -> None:
    """Export an epoch, and say where to."""
    root = Path.cwd()
    train = read_parameters(root, env, params).train
    folder = export(root, train, name, epoch, target)
    click.echo(f"Exported to {folder}")


def export(
    root: Path, train: Train, name: str, epoch: int | None = None, target: Path | None = None
) -> Path:
    """Write an epoch's adapter and its model card.

    Args:
        root: The project's folder.
        train: Parameters of `train`; they say where the runs are, and what the run's own states
            do not.
        name: The run.
        epoch: The epoch; by default the last.
        target: The folder to be made; by default one in the run's folder.

    Returns:
        The folder.

    Raises:
        ConfigurationError: Where there is no such run or epoch, where the folder has something in
            it, or where a file of the run cannot be read.
    """
    from drift_pipeline.datasets import LoraDataset, PolicyDataset
    from drift_pipeline.runs.model_card import make_release

    folder = root / train.runs_folder / name
    epoch = _find(folder, name, epoch)
    target = target or folder / f"lora_epoch_{epoch:04d}"
    if ADDRESS.match(str(target)):
        raise ConfigurationError(f"--to: {target} is an address; name a folder of this machine")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(f"--to: {target} is there already; remove it, or name another")
    try:
        policy = PolicyDataset(filepath=str(folder / f"epoch_{epoch:04d}" / "policy")).load()
        epochs = [_summary(folder, number) for number in range(1, epoch + 1)]
    except (DatasetError, ValueError) as error:
        raise ConfigurationError(f"{name} cannot be exported: {error}") from error
    run = run_of(policy.parameters, train, root)
    absolute = target.absolute()
    place = absolute.relative_to(root) if absolute.is_relative_to(root) else absolute
    release = make_release(run, policy, epochs, place.as_posix())
    LoraDataset(filepath=str(target)).save(release)
    return target


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


def _find(folder: Path, name: str, epoch: int | None) -> int:
    """Find the run, and the epoch where none is given."""
    there = sorted(RunFolder(folder).states())
    if not there:
        runs = sorted({state.parents[2].name for state in
                       folder.parent.glob("*/epoch_*/policy/state.json")})  # fmt: skip
        raise ConfigurationError(
            f"--run: there is no run {name!r} in {folder.parent}; there are: "
            f"{', '.join(runs) or 'none'}"
        )
    epoch = there[-1] if epoch is None else epoch
    if epoch == 0:
        raise ConfigurationError("--epoch: epoch 0 is the base model, which needs no adapter")
    if epoch not in there:
        known = [number for number in there if number]
        named = f"{known[0]} to {known[-1]}" if known == [*range(1, len(known) + 1)] and known \
            else ", ".join(str(number) for number in known) or "none"  # fmt: skip
        raise ConfigurationError(f"--epoch: {name} has no epoch {epoch}; it has {named}")
    return epoch


def _summary(folder: Path, epoch: int) -> dict[str, Any]:
    file = folder / f"epoch_{epoch:04d}" / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error})") from error
    return summary


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
