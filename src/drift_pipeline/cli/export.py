"""Export the adapter of any epoch: `drift-pipeline export --run drift-pickscore-s42 --epoch 24`.

Writes what a run writes at its end for its last epoch: the adapter for diffusers and for other
tools, and a model card. Nothing that is there is overwritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from kedro.io import DatasetError

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.cli.trained import find_epoch, load_checkpoint, refuse_taken, run_of
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.train import Train


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
    root: Path,
    train: Train,
    name: str,
    epoch: int | None = None,
    target: Path | None = None,
    options: tuple[str, str, str] = ("--run", "--epoch", "--to"),
) -> Path:
    """Write an epoch's adapter and its model card.

    Args:
        root: The project's folder.
        train: Parameters of `train`; they say where the runs are, and what the run's own states
            do not.
        name: The run.
        epoch: The epoch; by default the last.
        target: The folder to be made; by default one in the run's folder.
        options: What name, epoch and target were given by, for messages.

    Returns:
        The folder.

    Raises:
        ConfigurationError: Where there is no such run or epoch, where the folder has something in
            it, or where a file of the run cannot be read.
    """
    from drift_pipeline.datasets import LoraDataset
    from drift_pipeline.runs.model_card import make_release

    folder = root / train.runs_folder / name
    named, counted, placed = options
    epoch = find_epoch(folder, epoch, named, counted)
    target = target or folder / f"lora_epoch_{epoch:04d}"
    refuse_taken(target, placed)
    try:
        policy = load_checkpoint(folder, epoch)
        epochs = [_summary(folder, number) for number in range(1, epoch + 1)]
    except (DatasetError, ValueError) as error:
        raise ConfigurationError(f"{name} cannot be exported: {error}") from error
    run = run_of(policy.parameters, train, root)
    absolute = target.absolute()
    place = absolute.relative_to(root) if absolute.is_relative_to(root) else absolute
    release = make_release(run, policy, epochs, place.as_posix())
    LoraDataset(filepath=str(target)).save(release)
    return target


def _summary(folder: Path, epoch: int) -> dict[str, Any]:
    file = folder / f"epoch_{epoch:04d}" / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read ({error})") from error
    return summary
