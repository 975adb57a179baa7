"""Free fronts: what anyone can have of a run's last checkpoint by blending it with its base model.

Training has to beat what needs no training.
"""

from __future__ import annotations

import logging

import pandas as pd

from drift_pipeline.analysis.columns import values_of
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.config.analysis import Analyze

logger = logging.getLogger(__name__)

KEYS = ["method", "seed", "blend"]


def make_free(free: pd.DataFrame, checkpoints: pd.DataFrame, analyze: Analyze) -> pd.DataFrame:
    """Turn the measures of blended checkpoints into points of fronts.

    Args:
        free: One row per run, blend and metric, as `measure` writes them; may be empty.
        checkpoints: As `make_checkpoints` makes them; blends of another than a run's last
            checkpoint are left out, with a warning.
        analyze: Measures.

    Returns:
        One row per reward, method, seed and blend, the base model and the checkpoint itself
        included (`blend` is empty, and `last` says which is the checkpoint), by rising reward;
        values as of the checkpoints.
    """
    empty = pd.DataFrame(columns=["reward", *KEYS, REWARD])
    if free.empty:
        return empty
    tables = []
    for reward in analyze.rewards:
        mine = free[free["reward"] == reward]
        if mine.empty:
            continue
        points = pd.DataFrame(values_of(mine, KEYS, analyze, reward)).reset_index()
        if REWARD not in points:
            continue
        known = checkpoints[checkpoints["reward"] == reward]
        for method, seed in dict.fromkeys(zip(points["method"], points["seed"], strict=True)):
            blended = points[(points["method"] == method) & (points["seed"] == seed)]
            run = known[(known["method"] == method) & (known["seed"] == seed)]
            last = mine[(mine["method"] == method) & (mine["seed"] == seed)]["epoch"].max()
            if run.empty or run["epoch"].max() != last:
                logger.warning(
                    "The blends of %s, seed %d, are not of its last epoch and are left out; run "
                    "generate and measure with %s in generate.free",
                    method,
                    seed,
                    method,
                )
                continue
            ends = [known[known["method"] == analyze.base], run.sort_values("epoch").tail(1)]
            ends = [end.assign(method=method, seed=seed, blend="") for end in ends if len(end)]
            table = pd.concat([*ends, blended], ignore_index=True)
            table = table[[*points.columns]].assign(last=table["run"] == run["run"].iloc[0])
            table.insert(0, "reward", reward)
            tables.append(table.sort_values(REWARD, kind="stable"))
    return pd.concat(tables, ignore_index=True) if tables else empty
