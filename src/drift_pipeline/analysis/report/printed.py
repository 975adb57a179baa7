"""Table 1 and the gains of a reward, printed: plain values, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from drift_pipeline.analysis.comparison import gain_values
from drift_pipeline.analysis.marks import sum_up
from drift_pipeline.analysis.report.markup import to_latex, to_markdown
from drift_pipeline.analysis.report.text_tables import (
    TextTable,
    gains_as_text,
    marks_as_text,
    table_1_as_text,
)
from drift_pipeline.analysis.table_1 import table_values
from drift_pipeline.common.values import without_nan
from drift_pipeline.config.analysis import Analyze


def print_table_1(table: pd.DataFrame, analyze: Analyze, reward: str) -> dict[str, Any]:
    """Print Table 1.

    Args:
        table: As `make_table` makes it.
        analyze: Measures and labels.
        reward: The reward that the runs were trained on.

    Returns:
        `values`, which DVC reads as metrics, and the texts `markdown` and `latex`.
    """
    text = table_1_as_text(table, analyze)
    caption = f"Diversity and reward of the last checkpoints, {analyze.rewards[reward].label}."
    return {
        "values": table_values(table),
        "markdown": to_markdown(text, caption),
        "latex": to_latex(text, caption, f"tab:{reward}"),
    }


def print_gains(gains: pd.DataFrame, analyze: Analyze, reward: str) -> dict[str, Any]:
    """Print the gains, one table per comparison.

    Args:
        gains: Of this reward, all comparisons.
        analyze: Measures, comparisons and labels.
        reward: The reward that the runs were trained on.

    Returns:
        `values`, which DVC reads as metrics, and the texts `markdown` and `latex`.
    """
    texts = _by_comparison(
        gains, gains_as_text, analyze, reward, "Gains of {}", f"tab:gains-{reward}"
    )
    return {"values": gain_values(gains), **texts}


def print_marks(marks: pd.DataFrame, analyze: Analyze, reward: str) -> dict[str, Any]:
    """Print the gains along the baselines' way, one table per comparison.

    Args:
        marks: Of this reward, all comparisons, as `compute_all_marks` makes them.
        analyze: Measures, comparisons and labels.
        reward: The reward that the runs were trained on.

    Returns:
        `values`, one per row of `sum_up`, and the texts `markdown` and `latex`.
    """
    summary = sum_up(marks)
    values = [
        without_nan({str(key): value for key, value in row.items()})
        for row in summary.to_dict("records")
    ]
    about = "Gains of {} along each baseline's way"
    texts = _by_comparison(summary, marks_as_text, analyze, reward, about, f"tab:marks-{reward}")
    return {"values": values, **texts}


def _by_comparison(
    table: pd.DataFrame,
    as_text: Callable[[pd.DataFrame, Analyze], TextTable],
    analyze: Analyze,
    reward: str,
    about: str,
    label: str,
) -> dict[str, str]:
    """Print the rows of each comparison as Markdown and LaTeX, with ours in the caption."""
    markdown, latex = [], []
    for name, rows in table.groupby("comparison", sort=False):
        text = as_text(rows, analyze)
        ours = analyze.methods[analyze.comparisons[str(name)].ours].label
        caption = f"{about.format(ours)}, {analyze.rewards[reward].label}."
        markdown.append(to_markdown(text, caption))
        latex.append(to_latex(text, caption, f"{label}-{name}"))
    return {"markdown": "\n".join(markdown), "latex": "\n".join(latex)}
