"""Gains at marks on a baseline's way, so that no verdict hangs on one choice of checkpoint.

The marks are shares of the baseline's own gain in reward: half of it, 70, 80, 90 % and all of it.
At each, both runs are read where they first have that reward (`paths.on_the_way`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from drift_pipeline.analysis.asked import off_prompt
from drift_pipeline.analysis.comparison import REWARD, shared_seeds
from drift_pipeline.analysis.gains import relative_gain
from drift_pipeline.analysis.over_seeds import over_seeds
from drift_pipeline.analysis.paths import area_gain, on_the_way, reward_kept_at
from drift_pipeline.config.analysis import Analyze, Comparison

MARKS = (0.5, 0.7, 0.8, 0.9, 1.0)
AREA = 0.0
"""Stands for the mark of a gain over all rewards that both reach."""
NOT_THERE = "ours does not get there"
COLUMNS = [
    *("comparison", "reward", "ours", "baseline", "seed", "kind", "measure", "mark", "at"),
    *("gain", "ours_value", "baseline_value", "ours_off", "baseline_off", "why"),
]


def compute_marks(
    checkpoints: pd.DataFrame, name: str, comparison: Comparison, analyze: Analyze, reward: str
) -> pd.DataFrame:
    """Compare our run with each baseline's all along the baseline's way.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        name: The comparison's name.
        comparison: What is compared.
        analyze: Measures and anchor.
        reward: The reward that the runs were trained on.

    Returns:
        One row per baseline, seed, kind, measure and mark. `DG`: how much more diversity ours had
        than the baseline where each first reached the mark, the reward `at`. `RG`: how much more
        reward ours has had than the baseline with at least the anchor diversity that the baseline
        has there. `area`: the diversity gain over all rewards from the base model's to the lower
        of both runs' highest (`mark` is 0). `gain` is a share, NaN where `why` says why: ours does
        not get there, or has not come down to the diversity, or a run is missing. `_off` says
        whether the checkpoint that gets there, for the area any, no longer shows what was asked.
    """
    mine = checkpoints[checkpoints["reward"] == reward]
    mine = mine.assign(off=off_prompt(mine, analyze)).sort_values("epoch", kind="stable")
    base = mine[mine["method"] == analyze.base]
    rows: list[dict[str, Any]] = []
    for baseline in comparison.baselines if len(base) else ():
        shared = shared_seeds(mine, comparison.ours, baseline)
        for seed in sorted({*comparison.seeds, *shared}):
            ours, theirs = (
                pd.concat([base, mine[(mine["method"] == method) & (mine["seed"] == seed)]])
                for method in (comparison.ours, baseline)
            )
            for row in _pair(ours, theirs, analyze):
                rows.append({"baseline": baseline, "seed": seed, **row})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["comparison"], table["reward"], table["ours"] = name, reward, comparison.ours
    for column in ("ours_off", "baseline_off"):
        table[column] = table[column].fillna(False).astype(bool)
    table["gain"] = table["gain"].astype(float)
    return table


def compute_all_marks(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> pd.DataFrame:
    """Compute the marks of every comparison that is made under a reward, below each other."""
    tables = [
        compute_marks(checkpoints, name, comparison, analyze, reward)
        for name, comparison in analyze.comparisons_of(reward).items()
    ]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def sum_up(marks: pd.DataFrame) -> pd.DataFrame:
    """Sum the marks up over seeds.

    Args:
        marks: As `compute_marks` makes them.

    Returns:
        One row per comparison, baseline, kind, measure and mark: `gain`, the geometric mean over
        the seeds that have one; `low` and `high`, Student's t interval over their logarithms; `p`
        of the sign-flip test; `seeds` that have one, `of` all that are expected or there; `why`
        the first without one has none; `off`, seeds where ours no longer shows what was asked.
    """
    keys = ["comparison", "reward", "ours", "baseline", "kind", "measure", "mark"]
    rows = []
    for key, group in marks.groupby(keys, sort=False):
        # Ratios are compared by their logarithms: twice as much and half as much are alike.
        found = over_seeds(np.log1p(group["gain"].astype(float)))
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "gain": math.expm1(found.mean),
                "low": math.expm1(found.low),
                "high": math.expm1(found.high),
                "p": found.p,
                "seeds": found.seeds,
                "of": len(group),
                "why": next((why for why in group["why"] if why), ""),
                "off": int(group.loc[group["gain"].notna(), "ours_off"].sum()),
            }
        )
    columns = [*keys, "gain", "low", "high", "p", "seeds", "of", "why", "off"]
    return pd.DataFrame(rows, columns=columns)


def _pair(ours: pd.DataFrame, theirs: pd.DataFrame, analyze: Analyze) -> Iterator[dict[str, Any]]:
    """Yield the rows of one baseline and seed; both runs begin with the base model."""
    start, top = float(theirs[REWARD].iloc[0]), float(theirs[REWARD].max())
    if why := _why_not(ours, theirs):
        kinds = [("DG", measure) for measure in analyze.measures] + [("RG", REWARD)]
        for mark in MARKS:
            yield from ({"kind": k, "measure": m, "mark": mark, "why": why} for k, m in kinds)
        for measure in analyze.measures:
            yield {"kind": "area", "measure": measure, "mark": AREA, "why": why}
        return
    for mark in MARKS:
        at = min(start + mark * (top - start), top)  # not beyond it by rounding
        shown = {
            "mark": mark,
            "at": at,
            "ours_off": _off_at(ours, at),
            "baseline_off": _off_at(theirs, at),
        }
        for measure in analyze.measures:
            values = [on_the_way(run[REWARD], run[measure], at) for run in (ours, theirs)]
            yield {**_gain("DG", measure, *values), **shown}
        least = on_the_way(theirs[REWARD], theirs[analyze.anchor], at)
        kept = [reward_kept_at(run[REWARD], run[analyze.anchor], least) for run in (ours, theirs)]
        if not ours[analyze.anchor].min() <= least:
            kept[0] = math.nan  # it has not come down to this diversity, so it may go on rising
        off = {"ours_off": _off_at(ours, kept[0]), "baseline_off": _off_at(theirs, kept[1])}
        yield {**_gain("RG", REWARD, *kept), **shown, **off}
    for measure in analyze.measures:
        mine, other = ((run[REWARD], run[measure]) for run in (ours, theirs))
        gain = area_gain(mine, other, start)
        off = {"ours_off": bool(ours["off"].any()), "baseline_off": bool(theirs["off"].any())}
        yield {"kind": "area", "measure": measure, "mark": AREA, "gain": gain, **off}


def _why_not(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """Say why two runs, each with the base model before it, cannot be compared; "" if they can."""
    if len(theirs) < 2:
        return "the baseline's run is missing"
    if len(ours) < 2:
        return "our run of this seed is missing"
    rises = float(theirs[REWARD].max()) > float(theirs[REWARD].iloc[0])
    return "" if rises else "the baseline does not rise above the base model"


def _gain(kind: str, measure: str, ours: float, theirs: float) -> dict[str, Any]:
    gain = math.nan if math.isnan(ours) else relative_gain(ours, theirs)
    why = NOT_THERE if math.isnan(ours) and not math.isnan(theirs) else ""
    return {
        "why": why,
        "kind": kind,
        "measure": measure,
        "gain": gain,
        "ours_value": ours,
        "baseline_value": theirs,
    }


def _off_at(run: pd.DataFrame, reward: float) -> bool:
    """Return whether the first checkpoint that has a reward no longer shows what was asked."""
    reached = run[run[REWARD] >= reward]
    return bool(len(reached) and reached["off"].iloc[0])
