"""The answer that a reader came for, in a sentence for each baseline: written from the numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from drift_pipeline.analysis.columns import fresh_column
from drift_pipeline.analysis.marks import NOT_THERE
from drift_pipeline.config.analysis import Analyze

AT = (0.7, 0.8)
"""The marks that the paper's claim is judged at, shares of a baseline's gain in reward."""
CHANCE = 0.05
"""Where p is not below it, or the interval contains 0, a gain may be chance."""


def verdicts(summary: pd.DataFrame, analyze: Analyze, name: str) -> list[str]:
    """Say for each baseline of a comparison what ours keeps at equal reward.

    Args:
        summary: Of one reward, as `marks.sum_up` makes it.
        analyze: The comparisons and the anchor measure.
        name: Of the comparison.

    Returns:
        A sentence per baseline.
    """
    mine = summary[(summary["comparison"] == name) & (summary["kind"] == "DG")]
    mine = mine[(mine["measure"] == analyze.anchor) & mine["mark"].isin(AT)]
    ours = analyze.methods[analyze.comparisons[name].ours].label
    anchor = analyze.measures[analyze.anchor].label
    found = []
    for baseline, marks in mine.groupby("baseline", sort=False):
        theirs = analyze.methods[str(baseline)].label
        rows = marks.sort_values("mark").to_dict("records")
        said = [_said(row, ours, anchor) for row in rows]
        found.append(f"{ours} against {theirs}, at equal reward: {'; '.join(said)}.")
    return found


def chance(checkpoints: pd.DataFrame, analyze: Analyze) -> str:
    """Say how far two draws of the base model differ; nothing where the second was not measured.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: The measures.
    """
    base = checkpoints[checkpoints["method"] == analyze.base].head(1).to_dict("records")
    said = []
    for name, measure in analyze.measures.items():
        # Generalized recall has the first draw as its reference.
        known = measure.metric != "recall" and base and fresh_column(name) in base[0]
        if known and pd.notna(base[0][fresh_column(name)]):
            differs = base[0][fresh_column(name)] / base[0][name] - 1
            said.append(f"{measure.label} {100 * differs:+.1f} %")
    return f"A fresh draw of the base model differs by chance: {', '.join(said)}." if said else ""


def _said(row: Mapping[Hashable, Any], ours: str, anchor: str) -> str:
    at = f"at {100 * row['mark']:.0f} % of its gain"
    seeds, of, low, high = row["seeds"], row["of"], row["low"], row["high"]
    if seeds == 0:
        why = f"{ours} does not get there" if row["why"] == NOT_THERE else row["why"]
        return f"{at} {why or f'{anchor} was not measured'} (0 of {of} seeds)"
    notes = [f"{seeds} of {of} seeds"]
    if seeds > 1:
        notes.append(f"95 % interval {100 * low:+.0f} to {100 * high:+.0f} %")
        notes.append(f"sign-flip p = {row['p']:.2f}")
    if seeds == 1 or row["p"] >= CHANCE or low <= 0 <= high:
        notes.append("it may be chance")
    if row["off"]:
        notes.append(f"in {row['off']} of them the images no longer show what was asked")
    return f"{at} {100 * row['gain']:+.0f} % {anchor} ({'; '.join(notes)})"
