"""From what was measured to checkpoints that can be compared: one row per checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from drift_pipeline.analysis.columns import columns_of, rows_of
from drift_pipeline.analysis.left_out import left_out
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.analysis import Analyze
from drift_pipeline.runs.run import run_name

logger = logging.getLogger(__name__)

IDENTITY = ["run", "method", "seed", "epoch"]
COLUMNS = [
    *IDENTITY,
    *("reward", "images", "seconds", "metric", "encoder"),
    *("value", "low", "high", "n", "protocol"),
]
"""What `metrics.parquet` must have."""
KEPT = ["method", "seed", "images", "seconds", "n", "protocol"]
SHOWN = 4


def expected_names(analyze: Analyze) -> list[str]:
    """Name the runs that the comparisons need, the base model first."""
    return [analyze.base, *(run_name(*run) for run in analyze.expected_runs())]


def make_checkpoints(metrics: pd.DataFrame, analyze: Analyze) -> pd.DataFrame:
    """Turn measured rows into comparable checkpoints.

    Args:
        metrics: One row per run, epoch and metric. Runs of methods and rewards that are not
            compared are left out, with a warning; of the others every seed counts, expected or not.
        analyze: What is compared.

    Returns:
        One row per reward, run and epoch, sorted; the base model once for each reward. Columns
        `reward` (the reward that the row belongs to), `run`, `method`, `seed`, `epoch`,
        `images`, `seconds`, `n`, `protocol`, and for each measure, `reward_normalised`,
        `reward_raw` and `true_reward` the value, `<measure>_low` and `<measure>_high`; NaN where
        not measured. `by_<reward>` is the mean score by each of the other rewards, and
        `<measure>_fresh`, of the base model alone, what its fresh draw has.

    Raises:
        ConfigurationError: Where nothing was measured, columns are missing, runs were measured
            under different protocols, or a value is ambiguous.
    """
    _require_columns(metrics)
    for line in left_out(metrics, analyze):
        logger.warning(line)
    wanted = analyze.compared()
    kinds = zip(metrics["method"], metrics["reward"], strict=True)
    taken = pd.Series([kind in wanted for kind in kinds], index=metrics.index, dtype=bool)
    used = metrics[(metrics["method"] == analyze.base) | taken]
    if used.empty:
        raise ConfigurationError(
            f"none of the runs to compare has been measured (expected: "
            f"{_some(expected_names(analyze))}); run kedro run --pipelines=measure, or change "
            "analyze.comparisons"
        )
    used = _alike(used, {*expected_names(analyze)})
    _require_same_judges(used)
    tables = []
    for reward in analyze.rewards:
        mine = used[(used["method"] == analyze.base) | (used["reward"] == reward)]
        tables.append(_one_reward(mine, reward, analyze))
    return pd.concat(tables, ignore_index=True)


def last_checkpoints(checkpoints: pd.DataFrame) -> pd.DataFrame:
    """Return the last measured checkpoint of each run, one row per reward and run."""
    order = checkpoints.sort_values("epoch", kind="stable")
    return order.groupby(["reward", "run"], sort=False).tail(1).sort_index()


def one_seed(checkpoints: pd.DataFrame, methods: Sequence[str]) -> list[pd.DataFrame]:
    """Choose one run of each method, for figures that show one: of the lowest common seed.

    Args:
        checkpoints: Of one reward, as `make_checkpoints` makes them.
        methods: The methods, in order; one without a run is left out.

    Returns:
        The runs' checkpoints. Where no seed is shared each method comes with its lowest.
    """
    found = [checkpoints[checkpoints["method"] == method] for method in methods]
    found = [runs for runs in found if not runs.empty]
    shared = set.intersection(*({*runs["seed"]} for runs in found)) if found else set()
    return [runs[runs["seed"] == (min(shared) if shared else runs["seed"].min())] for runs in found]


def missing_runs(checkpoints: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Name the runs that the comparisons need and that were not measured, in order."""
    found = {*checkpoints["run"]}
    if (checkpoints["method"] == analyze.base).any():
        found.add(analyze.base)
    return [name for name in expected_names(analyze) if name not in found]


def reported(checkpoints: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Name the rewards that the report speaks of: the expected, and those with measured runs."""
    trained = {*checkpoints.loc[checkpoints["method"] != analyze.base, "reward"]}
    return [name for name, about in analyze.rewards.items() if about.expected or name in trained]


def any_measured(checkpoints: pd.DataFrame, methods: list[str], reward: str) -> bool:
    """Return whether a run of one of these methods was measured under a reward."""
    mine = checkpoints[checkpoints["reward"] == reward]
    return bool(mine["method"].isin(methods).any())


def _require_columns(metrics: pd.DataFrame) -> None:
    if not len(metrics.columns):
        raise ConfigurationError(
            "no run has been measured yet; train some, then run kedro run --pipelines=measure"
        )
    absent = [column for column in COLUMNS if column not in metrics.columns]
    if absent:
        raise ConfigurationError(
            f"the measured runs have no column {', '.join(absent)}; measure them again"
        )


def _alike(metrics: pd.DataFrame, expected: set[str]) -> pd.DataFrame:
    """Keep the runs of one protocol: others are refused where they are expected, else left out."""
    protocols = {*metrics.loc[metrics["run"].isin(expected), "protocol"]}
    others = ~metrics["protocol"].isin(protocols) if protocols else metrics["protocol"].isna()
    if others.any():
        names = _some(sorted({*metrics.loc[others, "run"]}))
        logger.warning("Left out, since measured with other prompts, seeds or sampling: %s", names)
    _require_one_protocol(metrics[~others])
    return metrics[~others]


def _require_same_judges(metrics: pd.DataFrame) -> None:
    """Refuse numbers that different versions of a judge, or of the base model, have given.

    Tables of before this was noted agree with each other and with no later ones.
    """
    for column, what in (("base", "base model"), ("judge", "encoder or reward")):
        if column not in metrics.columns:
            continue
        noted = metrics.assign(**{column: metrics[column].fillna("not noted")})
        keys = ["metric", "encoder"] if column == "judge" else []
        groups = [rows for _, rows in noted.groupby(keys, sort=False)] if keys else [noted]
        for rows in groups:
            runs = rows.groupby(column, sort=False)["run"].unique()
            if len(runs) > 1:
                name = f" {rows['encoder'].iloc[0]}" if keys else ""
                listed = "; ".join(_some(sorted(names)) for names in runs)
                raise ConfigurationError(
                    f"runs that were measured against different versions of the {what}{name}, or "
                    f"with other settings, cannot be compared ({listed}); run kedro run "
                    "--pipelines=measure for each of the older ones"
                )


def _require_one_protocol(metrics: pd.DataFrame) -> None:
    protocols = metrics.groupby("protocol", sort=False)["run"].unique()
    if len(protocols) > 1:
        groups = "; ".join(f"{name}: {_some(sorted(runs))}" for name, runs in protocols.items())
        raise ConfigurationError(
            "runs that were measured with different prompts, seeds or sampling cannot be compared "
            f"({groups}); measure them again alike"
        )


def _one_reward(metrics: pd.DataFrame, reward: str, analyze: Analyze) -> pd.DataFrame:
    keys = ["run", "epoch"]
    first = metrics.groupby(keys, sort=False)[KEPT].first()
    columns: dict[str, pd.Series] = {}
    for name, measure in columns_of(analyze, reward).items():
        rows = rows_of(metrics, measure)
        _require_once(rows, name)
        values = rows.set_index(keys)[["value", "low", "high"]].astype(float)
        for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
            columns[name + suffix] = values[part].reindex(first.index)
    table = pd.concat([first, pd.DataFrame(columns, index=first.index)], axis=1).reset_index()
    table = table.replace([np.inf, -np.inf], np.nan)
    table.insert(0, "reward", reward)
    return table.sort_values(["method", "seed", "run", "epoch"], ignore_index=True)


def _require_once(rows: pd.DataFrame, name: str) -> None:
    again = rows[rows.duplicated(["run", "epoch"])]
    if again.empty:
        return
    run, epoch = again.iloc[0][["run", "epoch"]]
    encoders = sorted({*rows["encoder"].astype(str)})
    how = (
        f"with {', '.join(encoders)}; name one as analyze.measures.{name}.encoder"
        if len(encoders) > 1
        else "and not once; delete its metrics.parquet and measure it again"
    )
    raise ConfigurationError(f"{name} of {run}, epoch {epoch} was measured several times {how}")


def _some(names: list[str] | np.ndarray) -> str:
    shown = ", ".join(str(name) for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
