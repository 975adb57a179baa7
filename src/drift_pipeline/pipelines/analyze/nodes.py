"""Nodes of the `analyze` pipeline: each names its data and calls one function.

What is made for each reward comes out as a dictionary by reward, and goes in again as keyword
arguments named after the rewards.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from drift_pipeline.analysis.parameters import Analyze

if TYPE_CHECKING:
    from pandas import DataFrame

    from drift_pipeline.analysis.picture import Picture
    from drift_pipeline.datasets.measured import Shards
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = Picture = Shards = Any

Pictures = dict[str, Picture]
logger = logging.getLogger(__name__)


def checkpoints(metrics: DataFrame, analyze: Analyze, **_after: Any) -> DataFrame:
    """Turn measured rows into checkpoints that can be compared."""
    from drift_pipeline.analysis.left_out import left_out
    from drift_pipeline.analysis.measured import make_checkpoints

    for line in left_out(metrics, analyze):
        logger.warning(line)
    return make_checkpoints(metrics, analyze)


def gains(checkpoints: DataFrame, analyze: Analyze) -> dict[str, DataFrame]:
    """Compare methods with their baselines (footnote 2)."""
    from drift_pipeline.analysis.comparison import compute_all_gains

    return {reward: compute_all_gains(checkpoints, analyze, reward) for reward in analyze.rewards}


def table_1(checkpoints: DataFrame, analyze: Analyze, **gains: DataFrame) -> dict[str, DataFrame]:
    """Build Table 1."""
    from drift_pipeline.analysis.table import make_table

    return {
        reward: make_table(checkpoints, table, analyze, reward) for reward, table in gains.items()
    }


def print_table_1(analyze: Analyze, **tables: DataFrame) -> dict[str, Any]:
    """Write Table 1 as values, Markdown and LaTeX."""
    from drift_pipeline.analysis.printing import to_latex, to_markdown
    from drift_pipeline.analysis.sheets import table_sheet
    from drift_pipeline.analysis.table import table_values

    texts: dict[str, Any] = {}
    for reward, table in tables.items():
        sheet = table_sheet(table, analyze)
        caption = f"Diversity and reward of the last checkpoints, {analyze.rewards[reward].label}."
        texts[f"{reward}.values"] = table_values(table)
        texts[f"{reward}.markdown"] = to_markdown(sheet, caption)
        texts[f"{reward}.latex"] = to_latex(sheet, caption, f"tab:{reward}")
    return texts


def print_gains(analyze: Analyze, **gains: DataFrame) -> dict[str, Any]:
    """Write the gains as values, Markdown and LaTeX, a table a comparison."""
    from drift_pipeline.analysis.comparison import gain_values
    from drift_pipeline.analysis.printing import to_latex, to_markdown
    from drift_pipeline.analysis.sheets import gains_sheet

    texts: dict[str, Any] = {}
    for reward, table in gains.items():
        markdown, latex = [], []
        for name, rows in table.groupby("comparison", sort=False):
            sheet = gains_sheet(rows, analyze)
            ours = analyze.methods[analyze.comparisons[str(name)].ours].label
            caption = f"Gains of {ours}, {analyze.rewards[reward].label}."
            markdown.append(to_markdown(sheet, caption))
            latex.append(to_latex(sheet, caption, f"tab:gains-{reward}-{name}"))
        texts[f"{reward}.values"] = gain_values(table)
        texts[f"{reward}.markdown"] = "\n".join(markdown)
        texts[f"{reward}.latex"] = "\n".join(latex)
    return texts


def gain_metrics(analyze: Analyze, **gains: DataFrame) -> dict[str, dict[str, float | None]]:
    """Sum the main comparison up in a line for DVC's metrics."""
    from drift_pipeline.analysis.comparison import gain_metrics

    return {reward: gain_metrics(table, analyze.main) for reward, table in gains.items()}


def fronts(checkpoints: DataFrame, analyze: Analyze, **gains: DataFrame) -> dict[str, Pictures]:
    """Draw Figures 4, 9 and 10."""
    from drift_pipeline.analysis.fronts import draw_fronts
    from drift_pipeline.analysis.measured import any_measured

    return {
        reward: {
            name: draw_fronts(
                checkpoints, table[table["comparison"] == name], comparison, analyze, reward
            )
            for name, comparison in analyze.comparisons_of(reward).items()
            if any_measured(checkpoints, comparison.methods, reward)
        }
        for reward, table in gains.items()
    }


def bars(analyze: Analyze, **gains: DataFrame) -> dict[str, Pictures]:
    """Draw Figures 6 and 8."""
    from drift_pipeline.analysis.bars import draw_bars

    return {
        reward: {
            name: draw_bars(table[table["comparison"] == name], comparison, analyze)
            for name, comparison in analyze.comparisons_of(reward).items()
            if table[table["comparison"] == name]["gain"].notna().any()
        }
        for reward, table in gains.items()
    }


def curves(checkpoints: DataFrame, training: DataFrame, analyze: Analyze) -> dict[str, Pictures]:
    """Draw how runs went: training, costs, proxy against true reward."""
    from drift_pipeline.analysis import curves
    from drift_pipeline.analysis.measured import any_measured

    drawn: dict[str, Pictures] = {}
    for reward in analyze.rewards:
        drawn[reward] = {}
        if any_measured(checkpoints, analyze.comparisons[analyze.main].methods, reward):
            drawn[reward]["costs"] = curves.draw_costs(checkpoints, analyze, reward)
        if curves.has_training(training, analyze, reward):
            drawn[reward]["training"] = curves.draw_training(training, analyze, reward)
        if curves.has_truth(checkpoints, reward):
            drawn[reward]["truth"] = curves.draw_truth(checkpoints, analyze, reward)
    return drawn


def collapse(checkpoints: DataFrame, embeddings: Shards, analyze: Analyze) -> dict[str, Pictures]:
    """Draw Figure 2, where there are embeddings."""
    from drift_pipeline.analysis.collapse import draw_collapse
    from drift_pipeline.analysis.shown import collapse_rows

    drawn: dict[str, Pictures] = {}
    for reward in analyze.rewards:
        rows, base = collapse_rows(checkpoints, embeddings, analyze, reward)
        drawn[reward] = {}
        if rows and base is not None:
            drawn[reward]["collapse"] = draw_collapse(rows, base, analyze.collapse.encoder)
    return drawn


def grids(checkpoints: DataFrame, images: Shards, analyze: Analyze) -> dict[str, Pictures]:
    """Draw Figures 1, 5, 7 and 11, where there are pictures."""
    from drift_pipeline.analysis.grids import draw_grid
    from drift_pipeline.analysis.shown import grid_blocks

    drawn: dict[str, Pictures] = {}
    for reward in analyze.rewards:
        drawn[reward] = {}
        for name, comparison in analyze.comparisons_of(reward).items():
            blocks, labels = grid_blocks(checkpoints, images, comparison, analyze, reward)
            if blocks:
                drawn[reward][name] = draw_grid(blocks, labels, analyze.grid.images)
    return drawn


def findings(
    checkpoints: DataFrame, metrics: DataFrame, analyze: Analyze, **gains: DataFrame
) -> list[dict[str, str]]:
    """List what did not come out, and what was left out."""
    import pandas as pd

    from drift_pipeline.analysis import findings
    from drift_pipeline.analysis.left_out import left_out
    from drift_pipeline.analysis.measured import missing_runs

    found = [findings.Finding("left out", "", line) for line in left_out(metrics, analyze)]
    found += findings.find(checkpoints, pd.concat(gains.values(), ignore_index=True), analyze)
    logger.info(
        "Compared %d runs; %d are missing; %d remarks on what did not come out",
        checkpoints["run"].nunique(),
        len(missing_runs(checkpoints, analyze)),
        len(found),
    )
    return findings.as_rows(found)


def report(
    checkpoints: DataFrame, findings: list[dict[str, str]], analyze: Analyze, **parts: Any
) -> str:
    """Write the page; parts are named `<reward>.<part>`."""
    from drift_pipeline.analysis.report import render

    by_reward = {
        reward: {
            name.removeprefix(f"{reward}."): part
            for name, part in parts.items()
            if name.startswith(f"{reward}.")
        }
        for reward in analyze.rewards
    }
    return render(checkpoints, findings, by_reward, analyze)
