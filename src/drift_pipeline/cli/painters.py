"""Which models draw beside each other, and whether they can be: the same base model and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError

from drift_pipeline.cli.trained import find_epoch, load_checkpoint, run_of
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import verify_folder
from drift_pipeline.common.values import flat
from drift_pipeline.config.check import AllParameters
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from drift_pipeline.evaluation.drawing import Painter

BASE = "base"
"""What the base model is called."""
SAMPLING = ("steps", "guidance", "eta")
"""Parameters of `train.sampling` that an image depends on."""


def choose_painters(
    root: Path,
    checked: AllParameters,
    name: str | None,
    epoch: int | None,
    adapter: Path | None,
    beside: str,
    given: Mapping[str, Any],
) -> tuple[list[Painter], Run]:
    """Load the policies that draw, and find what they have in common.

    Args:
        root: The project's folder.
        checked: Parameters of the environment; runs say themselves how they were trained.
        name: A run, `--run`; none where the base model or an adapter draws.
        epoch: Its epoch, `--epoch`; by default the last.
        adapter: The folder of an exported adapter, `--adapter`.
        beside: `base`, runs and `<run>@<epoch>`, with commas between.
        given: Parameters of the sampling that hold for all.

    Returns:
        The painters, the base model first, and a run with their base model and sampling: the
        first run's, or where there is none the environment's.

    Raises:
        ConfigurationError: Where there is no such run, epoch or adapter, it is damaged, or the
            runs do not have base model and sampling in common.
    """
    if name is not None and adapter is not None:
        raise ConfigurationError("--adapter: give either it or --run; runs can stand in --beside")
    if epoch is not None and name is None:
        raise ConfigurationError(
            "--epoch: it is the epoch of --run; of runs in --beside, write <run>@<epoch>"
        )
    others = [part.strip() for part in beside.split(",") if part.strip()]
    based = BASE in others or (name is None and adapter is None)
    wanted = [] if name is None else [(name, epoch, "--run", "--epoch")]
    wanted += [(*_named(other), "--beside", "--beside") for other in others if other != BASE]
    runs_folder = root / checked.train.runs_folder
    found = {
        (run, find_epoch(runs_folder / run, number, named, counted)): None
        for run, number, named, counted in wanted
    }
    tuned = [_of_run(runs_folder / run, number) for run, number in found]
    runs = [run_of(painter.state.parameters, checked.train, root)
            for painter in tuned if painter.state is not None]  # fmt: skip
    own = runs[0] if runs else Run.from_parameters(checked.model_dump(), root)
    run = _sampled(own, given)
    for painter, other in zip(tuned, runs, strict=True):
        _refuse_other(run, _sampled(other, given), tuned[0].title, painter.title)
    painters = [*([_base()] if based else []), *([_of_adapter(adapter)] if adapter else []), *tuned]
    return painters, run


def refuse_other_weights(painters: Sequence[Painter], run: Run) -> None:
    """Refuse policies whose base model has been replaced since they were trained.

    Args:
        painters: Who draws.
        run: Their run, whose base model is there.

    Raises:
        ConfigurationError: With the first such policy.
    """
    from drift_pipeline.evaluation.staleness import base_identity

    now = base_identity(run)
    for painter in painters:
        then = painter.state.parameters if painter.state else {}
        if changed := [key for key in now if "(" in key and then.get(key, now[key]) != now[key]]:
            raise ConfigurationError(
                f"{painter.title} was trained on another base model than the one that is now in "
                f"{run.train.base_model} ({changed[0]} differs); put that one back, or train the "
                "run again"
            )


def _named(text: str) -> tuple[str, int | None]:
    """Read `<run>` or `<run>@<epoch>`."""
    name, at, number = text.partition("@")
    if at and not (number.isascii() and number.isdigit()):
        raise ConfigurationError(
            f"--beside: {text!r} names no epoch after @; write <run>@<epoch>, such as {name}@24"
        )
    return name, int(number) if at else None


def _base() -> Painter:
    from drift_pipeline.evaluation.drawing import Painter

    return Painter("base model", BASE, None, {})


def _of_run(folder: Path, epoch: int) -> Painter:
    from drift_pipeline.evaluation.drawing import Painter

    try:
        state = load_checkpoint(folder, epoch)
    except DatasetError as error:
        raise ConfigurationError(f"{folder.name} cannot be drawn with: {error}") from error
    about = {"run": folder.name, "epoch": str(epoch), "policy": state.fingerprint or ""}
    title = f"{folder.name}, epoch {epoch}"
    return Painter(title, f"{folder.name}_epoch_{epoch:04d}", state, about)


def _of_adapter(folder: Path) -> Painter:
    from drift_pipeline.evaluation.drawing import Painter
    from drift_pipeline.policies.lora_import import load_exported

    try:
        verify_folder(folder, "export it again")
        state = load_exported(folder)
    except (DatasetError, ValueError) as error:
        raise ConfigurationError(
            f"--adapter: {error}; name a folder that `export` or a run has written"
        ) from error
    return Painter(str(folder), "adapter", state, {"adapter": str(folder)})


def _sampled(run: Run, given: Mapping[str, Any]) -> Run:
    sampling = run.train.sampling.model_copy(update=dict(given))
    return run.model_copy(update={"train": run.train.model_copy(update={"sampling": sampling})})


def _refuse_other(run: Run, other: Run, first: str, title: str) -> None:
    """Refuse a run whose images would differ from the first one's by more than its policy."""
    one, two = (_drawn_by(each) for each in (run, other))
    if differing := [key for key in one | two if one.get(key) != two.get(key)]:
        key = differing[0]
        option = f"--{key.rpartition('.')[2]}"
        common = f"; give {option} for all" if option in ("--steps", "--guidance") else ""
        raise ConfigurationError(
            f"--beside: {title} was trained with {key} {two.get(key)}, {first} with "
            f"{one.get(key)}; draw them apart{common}"
        )


def _drawn_by(run: Run) -> dict[str, Any]:
    train = run.train
    return {
        "train.base_model": train.base_model,
        "train.precision": train.precision,
        **flat(train.policy.model_dump(mode="json"), "train.policy"),
        **{f"train.sampling.{key}": getattr(train.sampling, key) for key in SAMPLING},
    }
