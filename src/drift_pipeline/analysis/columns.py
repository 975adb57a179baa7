"""What the columns of a checkpoint's values are called, and which measured rows they show."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.config.analysis import Analyze, Measure


def values_of(
    metrics: pd.DataFrame, keys: list[str], analyze: Analyze, reward: str
) -> dict[str, pd.Series]:
    """Return the values of each column of `columns_of` that was measured, indexed by `keys`."""
    found = {}
    for name, measure in columns_of(analyze, reward).items():
        rows = rows_of(metrics, measure)
        if len(rows):
            found[name] = rows.set_index(keys)["value"]
    return found


def columns_of(analyze: Analyze, reward: str) -> dict[str, Measure]:
    """Name the columns of values that the checkpoints of a reward have, and what each shows."""
    fresh = {
        fresh_column(name): measure.model_copy(update={"metric": f"{measure.metric}_fresh"})
        for name, measure in analyze.measures.items()
    }
    others = {
        by_column(name): Measure(metric="reward", encoder=name, label="")
        for name in analyze.rewards
        if name != reward
    }
    return {
        **fresh,
        **others,
        **analyze.measures,
        **analyze.further,
        "reward_normalised": Measure(metric="reward_normalised", encoder=reward, label=""),
        "reward_raw": Measure(metric="reward", encoder=reward, label=""),
        "true_reward": Measure(metric="true_reward", encoder=reward, label=""),
    }


def fresh_column(measure: str) -> str:
    """Name the column of what the base model's fresh draw has of a measure."""
    return f"{measure}_fresh"


def by_column(reward: str) -> str:
    """Name the column of a reward by which runs were judged that were trained on another."""
    return f"by_{reward}"


def rows_of(metrics: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return the rows of a measure."""
    rows = metrics[metrics["metric"] == measure.metric]
    return rows if measure.encoder is None else rows[rows["encoder"] == measure.encoder]
