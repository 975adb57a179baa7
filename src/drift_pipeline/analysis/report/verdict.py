"""The answer that a reader came for, in a sentence for each baseline: written from the numbers."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.config.analysis import Analyze

AT = (0.7, 0.8)
"""The marks that the paper's claim is judged at, shares of a baseline's gain in reward."""
CHANCE = 0.05
"""Where p is not below it, or the interval contains 0, a gain may be chance."""


def verdicts(summary: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Say for each baseline of the main comparison what ours keeps at equal reward.

    Args:
        summary: Of one reward, as `marks.sum_up` makes it.
        analyze: The main comparison and the anchor measure.

    Returns:
        A sentence per baseline.
    """
    mine = summary[(summary["comparison"] == analyze.main) & (summary["kind"] == "DG")]
    mine = mine[(mine["measure"] == analyze.anchor) & mine["mark"].isin(AT)]
    ours = analyze.methods[analyze.comparisons[analyze.main].ours].label
    anchor = analyze.measures[analyze.anchor].label
    found = []
    for baseline, marks in mine.groupby("baseline", sort=False):
        theirs = analyze.methods[str(baseline)].label
        rows = marks.sort_values("mark").to_dict("records")
        said = [_said({str(k): v for k, v in row.items()}, ours, anchor) for row in rows]
        found.append(f"{ours} against {theirs}, at equal reward: {'; '.join(said)}.")
    return found


def _said(row: dict[str, object], ours: str, anchor: str) -> str:
    at = f"at {100 * float(str(row['mark'])):.0f} % of its gain"
    gain, low, high, p = (float(str(row[name])) for name in ("gain", "low", "high", "p"))
    seeds, of, off = (int(str(row[name])) for name in ("seeds", "of", "off"))
    if seeds == 0:
        why = str(row["why"]).replace("ours does not get there", f"{ours} does not get there")
        return f"{at} {why or f'{anchor} was not measured'} (0 of {of} seeds)"
    notes = [f"{seeds} of {of} seeds"]
    if seeds > 1:
        notes.append(f"95 % interval {100 * low:+.0f} to {100 * high:+.0f} %")
        notes.append(f"sign-flip p = {p:.2f}")
    if seeds == 1 or p >= CHANCE or low <= 0 <= high:
        notes.append("it may be chance")
    if off:
        notes.append(f"in {off} of them the images no longer show what was asked")
    return f"{at} {100 * gain:+.0f} % {anchor} ({'; '.join(notes)})"
