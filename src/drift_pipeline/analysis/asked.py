"""Whether a checkpoint's images still show what was asked: no diversity counts without it."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.config.analysis import Analyze

LEAST = 0.9
"""The share of the base model's that a checkpoint must keep."""
IN_PERCENT = f"{100 * LEAST:.0f} %"


def off_prompt(checkpoints: pd.DataFrame, analyze: Analyze) -> pd.Series:
    """Mark the checkpoints that show what was asked far less often than the base model does.

    Args:
        checkpoints: As `make_checkpoints` makes them, of any rewards.
        analyze: Says which measure is the share of images that show what was asked.

    Returns:
        bool, one per row: whether its share is below `LEAST` times the base model's. False where
        either was not measured.
    """
    asked = analyze.asked
    if asked is None or not is_measured(checkpoints, analyze):
        return pd.Series(False, index=checkpoints.index)
    base = checkpoints[checkpoints["method"] == analyze.base].groupby("reward")[asked].first()
    return checkpoints[asked] < LEAST * checkpoints["reward"].map(base).astype(float)


def is_measured(checkpoints: pd.DataFrame, analyze: Analyze) -> bool:
    """Return whether any checkpoint has a share; tables from before it was measured have none."""
    return analyze.asked in checkpoints and bool(checkpoints[analyze.asked].notna().any())
