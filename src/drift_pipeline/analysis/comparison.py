"""The gains of a method over its baselines, measure by measure and seed by seed (footnote 2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from drift_pipeline.analysis.gains import match_checkpoint, met_checkpoint, relative_gain
from drift_pipeline.common.values import without_nan
from drift_pipeline.config.analysis import Analyze, Comparison

REWARD, TRUE = "reward_normalised", "true_reward"
COLUMNS = [
    *("comparison", "reward", "ours", "baseline", "seed", "kind", "measure", "gain"),
    *("baseline_epoch", "baseline_value", "baseline_low", "baseline_high"),
    *("baseline_asked", "baseline_true"),
    *("matched_epoch", "matched_value", "matched_low", "matched_high"),
    *("matched_asked", "matched_true"),
    *("matched_on", "required", "reached", "best", "farthest_epoch", "farthest", "why"),
]


def compute_gains(
    checkpoints: pd.DataFrame, name: str, comparison: Comparison, analyze: Analyze, reward: str
) -> pd.DataFrame:
    """Compare our checkpoints with each baseline's farthest one that they can be compared with.

    The diversity gain (DG) of each measure is read at our checkpoint of the smallest reward not
    below the baseline's, the reward gain (RG) at the one of the smallest `analyze.anchor`
    diversity not below the baseline's. Runs of one seed are compared with each other: of the
    seeds that are expected, and of others for which both have been measured.

    The baseline's checkpoint is the one of the highest reward (for the RG of the lowest diversity)
    that did not go beyond all of ours (`met_checkpoint`).

    Args:
        checkpoints: As `make_checkpoints` makes them.
        name: The comparison's name.
        comparison: What is compared.
        analyze: Measures and anchor.
        reward: The reward that the runs were trained on.

    Returns:
        One row per baseline, seed and measure. `gain` is a share (0.25 is 25 %), and NaN where
        `why` says why: no checkpoint qualifies, a run or a value is missing. `required` is the
        baseline's value of `matched_on`, `reached` ours there, `best` our highest, `farthest`
        the baseline's highest reward (for the RG its lowest diversity), at `farthest_epoch`. Of the
        two checkpoints that are compared, `_asked` is the share of images that show what was asked
        and `_true` the true reward.
    """
    mine = checkpoints[checkpoints["reward"] == reward]
    rows = []
    for baseline in comparison.baselines:
        shared = shared_seeds(mine, comparison.ours, baseline)
        for seed in sorted({*comparison.seeds, *shared}):
            ours = mine[(mine["method"] == comparison.ours) & (mine["seed"] == seed)]
            theirs = mine[(mine["method"] == baseline) & (mine["seed"] == seed)]
            for row in _pair(ours, theirs, analyze):
                rows.append({"baseline": baseline, "seed": seed, **row})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["comparison"], table["reward"], table["ours"] = name, reward, comparison.ours
    numbers = [column for column in COLUMNS[7:-1] if column != "matched_on"]
    table[numbers] = table[numbers].astype(float)
    return table


def compute_all_gains(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> pd.DataFrame:
    """Compute the gains of every comparison that is made under a reward, below each other."""
    tables = [
        compute_gains(checkpoints, name, comparison, analyze, reward)
        for name, comparison in analyze.comparisons_of(reward).items()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def average_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """Average gains over seeds, then over baselines, as the last row of Table 1 does.

    Args:
        gains: Of one comparison and reward, as `compute_gains` makes them.

    Returns:
        One row per kind and measure: `gain` (NaN where no baseline has one), `lowest` and `highest`
        among the baselines, `baselines` that have one, `of` all.
    """
    seeds = gains.groupby(["kind", "measure", "baseline"], sort=False)["gain"].mean()
    each = seeds.groupby(["kind", "measure"], sort=False)
    table = each.agg(gain="mean", lowest="min", highest="max", baselines="count", of="size")
    return table.reset_index()


def gain_values(gains: pd.DataFrame) -> dict[str, Any]:
    """Average gains as nested plain values, which DVC reads as metrics.

    Args:
        gains: Of one reward, any number of comparisons.

    Returns:
        By comparison: by measure the mean gain, None where there is none, and how many of the
        baselines have one.
    """
    values: dict[str, Any] = {}
    for name, table in gains.groupby("comparison", sort=False):
        values[str(name)] = {
            str(row["measure"]): without_nan(
                {key: row[key] for key in ("kind", "gain", "baselines", "of")}
            )
            for row in average_gains(table).to_dict("records")
        }
    return values


def gain_metrics(gains: pd.DataFrame, comparison: str) -> dict[str, float | None]:
    """Return the average gains of one comparison in percent: a line of `dvc metrics show`.

    Args:
        gains: Of one reward, any number of comparisons.
        comparison: The one that is shown.

    Returns:
        By measure the mean gain, rounded to a tenth; `None` where there is none.
    """
    table = average_gains(gains[gains["comparison"] == comparison])
    percent = {str(row["measure"]): 100 * row["gain"] for row in table.to_dict("records")}
    return {
        name.removesuffix("_normalised"): None if math.isnan(value) else round(value, 1)
        for name, value in percent.items()
    }


def shared_seeds(checkpoints: pd.DataFrame, ours: str, baseline: str) -> list[int]:
    """List the seeds that two methods have runs of."""
    both = (
        {int(seed) for seed in checkpoints.loc[checkpoints["method"] == method, "seed"]}
        for method in (ours, baseline)
    )
    return sorted(set.intersection(*both))


def _pair(ours: pd.DataFrame, theirs: pd.DataFrame, analyze: Analyze) -> Iterator[dict[str, Any]]:
    """Yield the rows of one baseline and seed: DG of every measure, then RG."""
    wanted = [("DG", measure, REWARD) for measure in analyze.measures]
    wanted.append(("RG", REWARD, analyze.anchor))
    for kind, measure, matched_on in wanted:
        row: dict[str, Any] = {"kind": kind, "measure": measure, "matched_on": matched_on}
        compared = _compare(ours, theirs, measure, matched_on, analyze.asked)
        yield {**row, "gain": math.nan, **compared}


def _compare(
    ours: pd.DataFrame, theirs: pd.DataFrame, measure: str, matched_on: str, asked: str | None
) -> dict[str, Any]:
    if theirs.empty:
        return {"why": "the baseline's run is missing"}
    if ours.empty:
        return {"why": "our run of this seed is missing"}
    side = "reward" if matched_on == REWARD else "diversity"
    theirs = theirs.sort_values("epoch", kind="stable").reset_index(drop=True)
    if side == "reward":
        limit = {"reward_up_to": float(ours[matched_on].max())}
    else:
        limit = {"diversity_down_to": float(ours[matched_on].min())}
    met = met_checkpoint(pd.DataFrame({side: theirs[matched_on]}), **limit)
    baseline = theirs.loc[[met.name]].iloc[0]
    far = theirs[matched_on].fillna(-math.inf if side == "reward" else math.inf)
    far = theirs.iloc[int(far.argmax() if side == "reward" else far.argmin())]
    known = {"farthest_epoch": far["epoch"], "farthest": far[matched_on]}
    known |= {"required": baseline[matched_on], **_part("baseline", baseline, measure, asked)}
    if math.isnan(baseline[matched_on]) or math.isnan(baseline[measure]):
        return {**known, "why": "the baseline was not measured so"}
    known["best"] = ours[matched_on].max()
    found = match_checkpoint(
        pd.DataFrame({side: ours[matched_on]}), **{side: float(baseline[matched_on])}
    )
    if found is None:
        return {**known, "why": "no checkpoint qualifies"}
    match = ours[ours.index == found.name].iloc[0]
    known |= {"reached": match[matched_on], **_part("matched", match, measure, asked)}
    if math.isnan(match[measure]):
        return {**known, "why": "our checkpoint was not measured so"}
    gain = relative_gain(match[measure], baseline[measure])
    why = "the baseline is not positive" if math.isnan(gain) else ""
    return {**known, "gain": gain, "why": why}


def _part(prefix: str, row: pd.Series, measure: str, asked: str | None) -> dict[str, Any]:
    return {
        f"{prefix}_epoch": row["epoch"],
        f"{prefix}_value": row[measure],
        f"{prefix}_low": row[f"{measure}_low"],
        f"{prefix}_high": row[f"{measure}_high"],
        f"{prefix}_asked": math.nan if asked is None else row.get(asked, math.nan),
        f"{prefix}_true": row[TRUE],
    }
