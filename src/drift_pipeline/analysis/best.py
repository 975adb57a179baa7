"""The best front (Eq. 4) beside the checkpoints: how much diversity there could be at a reward."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from drift_pipeline.analysis.columns import values_of
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.config.analysis import Analyze

logger = logging.getLogger(__name__)

SURE = 10.0
"""Images that must carry a prompt's weight for the front to be drawn as a solid line."""


def agreeing(table: pd.DataFrame, metrics: pd.DataFrame, what: str) -> pd.DataFrame:
    """Keep a table's rows where they were measured as the checkpoints were, or none of them.

    Args:
        table: One row per metric: `metric`, `encoder`, `judge`, `base`, `protocol`.
        metrics: The same of the checkpoints.
        what: What the table is, for the warning.

    Returns:
        The table; without rows where its protocol, its base model or the judge or the bounds of one
        of its metrics are others than those of all checkpoints.
    """
    if table.empty:
        return table
    columns = ["metric", "encoder", "judge"]
    known = metrics[columns].drop_duplicates() if "judge" in metrics else pd.DataFrame()
    odd = ~table["protocol"].isin({*metrics["protocol"]})
    if len(known):
        pairs = table[columns].merge(known, on=columns, how="left", indicator=True)
        measured = table[columns[:2]].merge(
            known[columns[:2]].drop_duplicates(), how="left", indicator="known"
        )
        other = (pairs["_merge"] == "left_only") & (measured["known"] == "both")
        odd |= other.to_numpy() | ~table["base"].isin({*metrics["base"]})
    if odd.any():
        logger.warning(
            "%s was measured with other prompts, sampling, base model, judges or bounds than the "
            "runs, and is left out; run kedro run --pipelines=measure",
            what,
        )
        return table.iloc[:0]
    return table


def make_best(best: pd.DataFrame, analyze: Analyze) -> pd.DataFrame:
    """Turn what was estimated of the best policies into points of a front.

    Args:
        best: One row per reward, strength and measure, as `measure` writes them; may be empty.
        analyze: Measures.

    Returns:
        One row per reward and strength, from the weakest: `reward`, `beta`, `effective`, and the
        columns of the checkpoints that can be estimated. Without rows where nothing was.
    """
    tables = []
    for reward in analyze.rewards if not best.empty else ():
        mine = best[best["best_for"] == reward]
        table = mine[["beta", "effective"]].drop_duplicates().set_index("beta")
        for name, values in values_of(mine, ["beta"], analyze, reward).items():
            table[name] = values.reindex(table.index)
        table = table.sort_index(ascending=False).reset_index()
        table.insert(0, "reward", reward)
        tables.append(table)
    empty = pd.DataFrame(columns=["reward", "beta", "effective", REWARD])
    return pd.concat(tables, ignore_index=True) if tables else empty


def with_share_of_best(
    checkpoints: pd.DataFrame, best: pd.DataFrame, analyze: Analyze
) -> pd.DataFrame:
    """Add `of_best`: each checkpoint's anchor diversity as a share of the best front's there."""
    shares = [
        mine[analyze.anchor] / best_at(best[best["reward"] == name], analyze.anchor, mine[REWARD])
        for name, mine in checkpoints.groupby("reward", sort=False)
    ]
    return checkpoints.assign(of_best=pd.concat(shares))


def best_at(best: pd.DataFrame, measure: str, rewards: pd.Series) -> pd.Series:
    """Return the best front's diversity at some rewards, between its points (linear).

    Args:
        best: Points of one reward, as `make_best` makes them.
        measure: Column of the diversity.
        rewards: Normalised rewards.

    Returns:
        The diversities, with the index of `rewards`: the weakest point's, which is next to the
        base model, at its reward and below; NaN beyond the last point that enough images carry.
    """
    sure = best[best["effective"] >= SURE] if measure in best else best.iloc[:0]
    sure = sure.dropna(subset=[REWARD, measure] if len(sure) else [])
    if len(sure) < 2:
        return pd.Series(np.nan, index=rewards.index)
    points = sure.sort_values(REWARD)
    found = np.interp(rewards.astype(float), points[REWARD], points[measure], right=np.nan)
    return pd.Series(found, index=rewards.index)
