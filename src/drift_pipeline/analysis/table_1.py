"""Table 1: every method's last checkpoints, and what DRIFT gains over the baselines."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from drift_pipeline.analysis.checkpoints import last_checkpoints
from drift_pipeline.analysis.comparison import REWARD, TRUE, average_gains
from drift_pipeline.common.values import without_nan
from drift_pipeline.config.analysis import Analyze

RAW = "reward_raw"
GAIN_ROW = "gain"
OF_BEST = "of_best"


def make_table(
    checkpoints: pd.DataFrame, gains: pd.DataFrame, analyze: Analyze, reward: str
) -> pd.DataFrame:
    """Build Table 1 for one reward.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        gains: Of this reward; the main comparison's are taken.
        analyze: Methods, measures and their order.
        reward: The reward that the runs were trained on.

    Returns:
        One row per method (base model, baselines, ours) and the row `gain` at last. Columns `row`,
        `label`, `seeds` (runs averaged), `epochs` (of these checkpoints, as text), and for each
        measure, `analyze.asked`, `reward_normalised`, `reward_raw` and `true_reward`: the mean
        over seeds, `_low` and `_high` (mean bounds of the seeds' bootstrap intervals over prompts)
        and `_spread` (standard deviation over seeds, NaN for a single one); `of_best`, the share of
        the best front's diversity at that reward, with its `_spread`. In the row `gain` the
        values are shares (0.25 is 25 %), averaged over baselines as in footnote 2; `_low` and
        `_high` are the smallest and largest baseline's, and `<measure>_baselines` says how many of
        `of` have one. What is missing is NaN, and `seeds` is 0 for a method without runs; one of
        `Comparison.own` without runs has no row.
    """
    comparison = analyze.comparisons[analyze.main]
    mine = last_checkpoints(checkpoints[checkpoints["reward"] == reward])
    asked = [] if analyze.asked is None else [analyze.asked]
    columns = [*analyze.measures, *asked, REWARD, RAW, TRUE]
    mine = mine.assign(**{OF_BEST: mine.get(OF_BEST, math.nan)})
    rows: list[dict[str, Any]] = []
    for method in [analyze.base, *comparison.methods]:
        runs = mine[mine["method"] == method]
        if runs.empty and method in comparison.own:
            continue
        rows.append(_method_row(runs, method, analyze.methods[method].label, columns))
    rows.append(_gain_row(average_gains(gains[gains["comparison"] == analyze.main])))
    return pd.DataFrame(rows)


def table_values(table: pd.DataFrame) -> dict[str, Any]:
    """Return the table as nested plain values, which DVC reads as metrics: row, measure, number."""
    return {
        str(row["row"]): without_nan({str(k): v for k, v in row.items() if k != "row"})
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    }


def _method_row(runs: pd.DataFrame, method: str, label: str, columns: list[str]) -> dict[str, Any]:
    epochs = sorted({int(epoch) for epoch in runs["epoch"]})
    row: dict[str, Any] = {
        "row": method,
        "label": label,
        "seeds": len(runs),
        "epochs": ", ".join(str(epoch) for epoch in epochs),
    }
    for column in columns:
        row[column] = float(runs[column].mean())
        row[f"{column}_low"] = float(runs[f"{column}_low"].mean())
        row[f"{column}_high"] = float(runs[f"{column}_high"].mean())
        row[f"{column}_spread"] = float(runs[column].std(ddof=1)) if len(runs) > 1 else math.nan
    row[OF_BEST] = float(runs[OF_BEST].mean())
    row[f"{OF_BEST}_spread"] = float(runs[OF_BEST].std(ddof=1)) if len(runs) > 1 else math.nan
    return row


def _gain_row(averages: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {"row": GAIN_ROW, "label": "DG / RG (avg.)", "seeds": 0, "epochs": ""}
    for gain in averages.to_dict("records"):
        name = str(gain["measure"])
        row |= {name: gain["gain"], f"{name}_low": gain["lowest"], f"{name}_high": gain["highest"]}
        row |= {f"{name}_baselines": gain["baselines"], "of": gain["of"]}
    return row
