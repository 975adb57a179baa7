"""Pick a checkpoint: `drift-pipeline pick --keep 0.85`.

Of all measured checkpoints, the one with the most reward that keeps at least so much of the base
model's diversity; by default 85 % of the DreamSim diversity, by the lower end of its interval.
Checkpoints that no longer show what was asked are left out. Nothing is trained, drawn or measured.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.cli.export import export
from drift_pipeline.cli.trained import refuse_taken
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.analysis import Analyze
from drift_pipeline.config.check import AllParameters

if TYPE_CHECKING:
    from pandas import DataFrame

HIGHEST = 2.0
"""Share of the base model's diversity that can be asked for; a checkpoint may have more than 1."""


@click.command(help=__doc__)
@click.option("--keep", type=float, default=0.85, show_default=True, help="The least share of the "
              "base model's diversity.")  # fmt: skip
@click.option("--measure", default="dreamsim", show_default=True, help="Which diversity: dreamsim, "
              "clip, recall, vendi, bits, or another of analyze.measures.")  # fmt: skip
@click.option("--by", type=click.Choice(["low", "value"]), default="low", show_default=True,
              help="What has to be that much: its interval's lower end, or its value.")  # fmt: skip
@click.option("--reward", help="What the runs were trained on.  [default: the environment's]")
@click.option("--method", help="Pick a run of this method; others are still named.")
@click.option("--seed", type=int, help="Runs of this training seed alone.")
@click.option("--off-prompt", is_flag=True, help="Also checkpoints that no longer show what was "
              "asked.")  # fmt: skip
@click.option("--export", "target", type=click.Path(path_type=Path), help="Export its adapter to "
              "this folder, as `export` does.")  # fmt: skip
@click.option("--env", "-e", default="local", show_default=True, help="A folder of conf/.")
@click.option("--params", default="", help="As for `kedro run`: measure.reports=...")
def main(
    keep: float,
    measure: str,
    by: str,
    reward: str | None,
    method: str | None,
    seed: int | None,
    off_prompt: bool,
    target: Path | None,
    env: str,
    params: str,
) -> None:
    """Pick, say what it has, and export it where that is asked for."""
    if not 0 < keep <= HIGHEST:
        raise ConfigurationError(
            f"--keep: must be a share above 0, at most {HIGHEST:g}, such as 0.85 for 85 % "
            f"(it is {keep:g})"
        )
    if target is not None:
        refuse_taken(target, "--export")
    root = Path.cwd()
    checked = read_parameters(root, env, params)
    metrics = read_metrics(root, checked)
    analyze = _analyze(checked, metrics)
    reward = _reward(reward, str(checked.reward), analyze, metrics)

    from drift_pipeline.analysis.checkpoints import make_checkpoints
    from drift_pipeline.analysis.picked_text import describe, say_nothing_keeps
    from drift_pipeline.analysis.picking import Wish, pick

    wish = Wish(keep, measure, "low" if by == "low" else "value", off_prompt, method, seed)
    choice = pick(make_checkpoints(metrics, analyze), analyze, reward, wish)
    if (best := choice.picked.best) is None:
        raise ConfigurationError(say_nothing_keeps(choice, analyze, wish))
    for line in describe(choice, analyze, reward, wish):
        click.echo(line)
    if target is not None:
        options = ("--export", "--export", "--export")
        made = export(root, checked.train, best["run"], int(best["epoch"]), target, options)
        click.echo(f"Exported to {made}")


def read_metrics(root: Path, checked: AllParameters) -> DataFrame:
    """Read what was measured of all runs.

    Args:
        root: The project's folder.
        checked: Say where the tables, the images and the runs are.

    Raises:
        ConfigurationError: Where nothing was measured, a table is damaged, or measures are older
            than the images or the policies that they are of.
    """
    from drift_pipeline.datasets import MeasuredTableDataset
    from drift_pipeline.evaluation.staleness import refuse_outdated

    folder = root / checked.measure.reports
    metrics = MeasuredTableDataset(path=str(folder), pattern="*/metrics.parquet").load()
    if metrics.empty:
        raise ConfigurationError(
            f"nothing has been measured: there is no metrics.parquet in {folder}; run kedro run "
            "with a run's method, reward and seed, or name other tables with --params "
            "measure.reports=FOLDER"
        )
    refuse_outdated(metrics, root / checked.generate.folder, root / checked.train.runs_folder)
    return metrics


def _analyze(checked: AllParameters, metrics: DataFrame) -> Analyze:
    """Return what was measured under the names that the report has for it."""
    from drift_pipeline.analysis.picking import taking_all

    if checked.analyze is None:
        raise ConfigurationError("analyze: this environment has no such parameters to measure by")
    presets = checked.model_dump(mode="json")
    analyze = checked.analyze.with_presets(presets["rewards"], presets["methods"])
    measured = {*zip(metrics.get("metric", ()), metrics.get("encoder", ()), strict=True)}
    return taking_all(analyze.with_measured(measured), metrics)


def _reward(given: str | None, usual: str, analyze: Analyze, metrics: DataFrame) -> str:
    """Return the reward that the runs were trained on, where there are measured runs of it."""
    trained = _known({*metrics.get("reward", ())}, analyze.rewards)
    reward = usual if given is None else given
    if reward not in trained:
        raise ConfigurationError(
            f"--reward: no run was measured that was trained on {reward!r}; there are runs of: "
            f"{', '.join(trained) or 'none'}"
        )
    return reward


def _known(found: Collection[str], names: Collection[str]) -> list[str]:
    return [name for name in names if name in found]
