"""The answer that a reader came for, in a sentence for each baseline: written from the numbers."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.config.analysis import Analyze

AT = (0.7, 0.8)
"""The marks that the paper's claim is judged at, shares of a baseline's gain in reward."""


def verdicts(summary: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Say for each baseline of the main comparison what ours keeps at equal reward.

    Args:
        summary: Of one reward, as `marks.sum_up` makes it.
        analyze: The main comparison and the anchor measure.

    Returns:
        A sentence per baseline that was compared.
    """
    mine = summary[(summary["comparison"] == analyze.main) & (summary["kind"] == "DG")]
    mine = mine[(mine["measure"] == analyze.anchor) & mine["mark"].isin(AT)]
    comparison = analyze.comparisons[analyze.main]
    ours, anchor = analyze.methods[comparison.ours].label, analyze.measures[analyze.anchor].label
    found = []
    for baseline, marks in mine.groupby("baseline", sort=False):
        theirs = analyze.methods[str(baseline)].label
        said = [_said(row, theirs, anchor) for _, row in marks.sort_values("mark").iterrows()]
        found.append(f"{ours} against {theirs}: {'; '.join(said)}.")
    return found


def _said(row: pd.Series, theirs: str, anchor: str) -> str:
    at = f"at {100 * row['mark']:.0f} % of {theirs}'s gain in reward"
    if row["seeds"] == 0:
        return f"{at} it does not arrive (0 of {row['of']} seeds)"
    text = f"{at} {100 * row['gain']:+.0f} % {anchor}"
    if pd.isna(row["low"]):
        return f"{text} (one seed, so it may be chance)"
    sure = row["low"] > 0 or row["high"] < 0
    seeds = f"{row['seeds']} of {row['of']} seeds"
    return (
        f"{text} (95 % interval over {seeds} {100 * row['low']:+.0f} to {100 * row['high']:+.0f} %"
        f"{'' if sure else ', so it may be chance'}; sign-flip p = {row['p']:.2f})"
    )
