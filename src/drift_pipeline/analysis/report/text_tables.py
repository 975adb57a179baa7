"""Tables as people read them: cells of text, for a page, for Markdown and for LaTeX."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from drift_pipeline.analysis.comparison import REWARD, TRUE
from drift_pipeline.analysis.marks import MARKS
from drift_pipeline.analysis.table_1 import GAIN_ROW, OF_BEST, RAW
from drift_pipeline.config.analysis import Analyze

ABSENT = "–"
REWARDS = {REWARD: ("Reward (normalised)", 4), RAW: ("Reward (raw)", 3)}
TRUE_REWARD = {TRUE: ("True reward", 4)}


@dataclass(frozen=True)
class TextTable:
    """A table of text: columns of words, then columns of numbers.

    Attributes:
        header: One cell per column.
        rows: One list of cells per row.
        rule: Rows above which a line is drawn.
        words: Columns of words, from the left.
    """

    header: list[str]
    rows: list[list[str]]
    rule: tuple[int, ...] = ()
    words: int = 1


def table_1_columns(table: pd.DataFrame, analyze: Analyze) -> dict[str, tuple[str, int]]:
    """List the columns of numbers that Table 1 shows, in order: label and decimals by name.

    The share that shows what was asked and the true reward stand there where a row has them; a
    table from before they were measured has neither.

    Args:
        table: As `make_table` makes it.
        analyze: Measures, in order, with their decimals.
    """
    measures = dict(analyze.measures)
    if _has(table, analyze.asked):
        measures |= {name: m for name, m in analyze.further.items() if name == analyze.asked}
    columns = {name: (measure.label, measure.decimals) for name, measure in measures.items()}
    if _has(table, OF_BEST):
        anchor = analyze.measures[analyze.anchor].label
        columns[OF_BEST] = (f"{anchor}, share of the best front's", 2)
    return columns | REWARDS | (TRUE_REWARD if _has(table, TRUE) else {})


def table_1_as_text(table: pd.DataFrame, analyze: Analyze) -> TextTable:
    """Write Table 1 as text.

    Args:
        table: As `make_table` makes it.
        analyze: Measures, in order, with their decimals.
    """
    columns = table_1_columns(table, analyze)
    gained = {*analyze.measures, REWARD}
    rows = []
    for row in table.to_dict("records"):
        cells = [str(row["label"])]
        for name, (_, decimals) in columns.items():
            if row["row"] == GAIN_ROW:
                part = (row.get(f"{name}_baselines"), row.get("of"))
                cells.append(gain_text(row.get(name), *part) if name in gained else "")
            else:
                cells.append(number_text(row[name], decimals, row[f"{name}_spread"]))
        rows.append(cells)
    header = ["Algorithm", *(f"{label} ↑" for label, _ in columns.values())]
    return TextTable(header, rows, rule=(1, len(rows) - 1))  # the base model above, the gains below


def gains_as_text(gains: pd.DataFrame, analyze: Analyze) -> TextTable:
    """Write the gains of a comparison as text, one row per baseline and seed.

    Args:
        gains: As `compute_gains` makes them.
        analyze: Measures, in order, and labels.
    """
    beside = _beside(gains, analyze)
    both = [f"{label}: its → ours" for label in beside.values()]
    header = ["Over", "seed", "its reward", "DG read at", *both]
    header += [f"DG {measure}" for measure in analyze.measures]
    header += [f"its {analyze.anchor}", "RG read at", *both, "RG"]
    rows = []
    for (baseline, seed), group in gains.groupby(["baseline", "seed"], sort=False):
        by = {str(row["measure"]): row for row in group.to_dict("records")}
        first, last = by[next(iter(analyze.measures))], by[REWARD]
        row = [analyze.methods[str(baseline)].label, str(seed)]
        row += [_required(first, 3), _checkpoint(first), *(_both(first, n) for n in beside)]
        row += [gain_text(by[name]["gain"]) for name in analyze.measures]
        row += [_required(last, 4), _checkpoint(last), *(_both(last, n) for n in beside)]
        row.append(gain_text(last["gain"]))
        rows.append(row)
    return TextTable(header, rows)


def marks_as_text(summary: pd.DataFrame, analyze: Analyze) -> TextTable:
    """Write the gains along the baselines' way: one row per baseline and measure.

    Args:
        summary: Of one comparison, as `marks.sum_up` makes it.
        analyze: Measures, in order, and labels.
    """
    header = ["Over", "gain", *(f"at {100 * mark:.0f} %" for mark in MARKS), "all the way"]
    labels = {("DG", name): f"DG {measure.label}" for name, measure in analyze.measures.items()}
    labels["RG", REWARD] = "RG"
    rows = []
    for baseline, mine in summary.groupby("baseline", sort=False):
        for (kind, measure), label in labels.items():
            of = mine[mine["measure"] == measure]
            cells = [of[(of["kind"] == kind) & (of["mark"] == mark)] for mark in MARKS]
            cells.append(of[of["kind"] == "area"])
            texts = [
                interval_text(cell.to_dict("records")[0]) if len(cell) else "" for cell in cells
            ]
            rows.append([analyze.methods[str(baseline)].label, label, *texts])
    return TextTable(header, rows, words=2)


def judged_as_text(judged: pd.DataFrame, analyze: Analyze) -> TextTable:
    """Write the diversity gains as other judges see them: one row per judge and baseline.

    Args:
        judged: As `other_judges.judged_by_others` makes them.
        analyze: Measures, in order, and labels.
    """
    header = [
        "Judged by",
        "over",
        *(f"DG {measure.label}" for measure in analyze.measures.values()),
    ]
    rows = []
    for (judge, baseline), mine in judged.groupby(["judge", "baseline"], sort=False):
        cells = [mine[mine["measure"] == name].to_dict("records") for name in analyze.measures]
        texts = [interval_text(cell[0]) if cell else "" for cell in cells]
        rows.append([str(judge), analyze.methods[str(baseline)].label, *texts])
    return TextTable(header, rows, words=2)


def interval_text(row: Mapping[Hashable, Any]) -> str:
    """Write a gain over seeds with its interval, and how many seeds have one where some have not.

    Example:
        >>> row = {"gain": 0.3, "low": 0.1, "high": 0.5, "p": 0.03, "seeds": 5, "of": 6, "off": 1}
        >>> interval_text(row)
        '+30 % (+10 to +50; 5 of 6 seeds; 1 off the prompt)'
    """
    if pd.isna(row["gain"]):
        return ABSENT
    notes = []
    if not pd.isna(row["low"]):
        notes.append(f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f}")
    if row["seeds"] < row["of"]:
        notes.append(f"{row['seeds']} of {row['of']} seeds")
    if row["off"]:
        notes.append(f"{row['off']} off the prompt")
    return f"{100 * row['gain']:+.0f} %" + (f" ({'; '.join(notes)})" if notes else "")


def number_text(value: float | None, decimals: int, spread: float | None = None) -> str:
    """Write a number with its standard deviation over seeds, where there are several."""
    if value is None or pd.isna(value):
        return ABSENT
    text = f"{value:.{decimals}f}"
    return text if spread is None or pd.isna(spread) else f"{text} ± {spread:.{decimals}f}"


def gain_text(gain: float | None, baselines: float | None = None, of: float | None = None) -> str:
    """Write a share as percent; where only some baselines have one, how many.

    Example:
        >>> gain_text(0.4346, 2, 3)
        '+43.46 % (2 of 3)'
    """
    if gain is None or pd.isna(gain):
        return ABSENT
    text = f"{100 * gain:+.2f} %"
    return text if baselines is None or baselines == of else f"{text} ({baselines:g} of {of:g})"


def _has(table: pd.DataFrame, column: str | None) -> bool:
    return column in table and bool(table[column].notna().any())


def _beside(gains: pd.DataFrame, analyze: Analyze) -> dict[str, str]:
    """List what stands beside the gains, the endings of its columns with their labels."""
    labels = {} if analyze.asked is None else {"asked": analyze.further[analyze.asked].label}
    labels["true"] = "True reward"
    return {name: label for name, label in labels.items() if _has(gains, f"baseline_{name}")}


def _both(row: dict[Hashable, Any], name: str) -> str:
    """Write a number of the baseline's checkpoint, and that of ours."""
    return " → ".join(number_text(row[f"{part}_{name}"], 3) for part in ("baseline", "matched"))


def _required(row: dict[Hashable, Any], decimals: int) -> str:
    text = number_text(row["required"], decimals)
    return text if text == ABSENT else f"{text} (epoch {row['baseline_epoch']:g})"


def _checkpoint(row: dict[Hashable, Any]) -> str:
    return ABSENT if pd.isna(row["matched_epoch"]) else f"epoch {row['matched_epoch']:g}"
