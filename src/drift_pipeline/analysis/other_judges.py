"""The main comparison judged by what nobody trained on: the other rewards, and the true one.

A method that only pleases its own reward gains nothing here.
"""

from __future__ import annotations

import pandas as pd

from drift_pipeline.analysis.columns import by_column
from drift_pipeline.analysis.comparison import REWARD, TRUE
from drift_pipeline.analysis.marks import compute_marks, sum_up
from drift_pipeline.config.analysis import Analyze

NONE = ["judge", "baseline", "measure"]
AT = 0.7
"""The share of a baseline's gain, by each judge's own reckoning, at which diversity is compared."""


def judges_of(analyze: Analyze, reward: str) -> dict[str, str]:
    """Name the columns of what else judges a reward's runs, with what each is called."""
    others = {by_column(name): one.label for name, one in analyze.rewards.items() if name != reward}
    return {TRUE: "the true reward", **others}


def judged_by_others(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> pd.DataFrame:
    """Compare the main comparison's runs at equal reward, as each other judge sees it.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: The main comparison and its measures.
        reward: The reward that the runs were trained on.

    Returns:
        One row per judge, baseline and measure, as `marks.sum_up` gives them at `AT`, with a
        column `judge`; empty where none has judged both the base model and a run.
    """
    mine = checkpoints[checkpoints["reward"] == reward]
    tables = []
    for column, label in judges_of(analyze, reward).items():
        judged = column in mine and mine.loc[mine["method"] != analyze.base, column].notna().any()
        if not judged:
            continue
        seen = mine.assign(**{REWARD: mine[column]}).dropna(subset=[REWARD])
        main = analyze.comparisons[analyze.main]
        summary = sum_up(compute_marks(seen, analyze.main, main, analyze, reward))
        gains = summary[(summary["kind"] == "DG") & (summary["mark"] == AT)]
        tables.append(gains.assign(judge=label))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=NONE)
