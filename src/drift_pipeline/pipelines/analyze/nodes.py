"""Nodes of the `analyze` pipeline: each names its data and calls one function.

What is made for each reward comes out as a dictionary by reward, and goes in again as keyword
arguments `<reward>.<part>`: with a dot, so that a reward may be called what an argument is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from drift_pipeline.config.analysis import Analyze

if TYPE_CHECKING:
    from pandas import DataFrame

    from drift_pipeline.analysis.figures.figure import DrawnFigure
    from drift_pipeline.datasets.found import CheckpointTables
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = DrawnFigure = CheckpointTables = Any

Figures = dict[str, DrawnFigure]


def settings(
    analyze: Analyze,
    rewards: dict[str, Any],
    methods: dict[str, Any],
    metrics: DataFrame,
    **_after: Any,
) -> Analyze:
    """Take in all rewards and methods that there are presets of; leave out what no run has."""
    measured = {*zip(metrics.get("metric", ()), metrics.get("encoder", ()), strict=True)}
    return analyze.with_presets(rewards, methods).with_measured(measured)


def checkpoints(
    metrics: DataFrame, best: DataFrame, free: DataFrame, analyze: Analyze, **_after: Any
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Turn measured rows into checkpoints that can be compared, beside best and free fronts."""
    from drift_pipeline.analysis.best import agreeing, make_best, with_share_of_best
    from drift_pipeline.analysis.checkpoints import make_checkpoints
    from drift_pipeline.analysis.free import make_free

    made = make_checkpoints(metrics, analyze)
    front = make_best(agreeing(best, metrics, "the best front"), analyze)
    shared = with_share_of_best(made, front, analyze)
    free = agreeing(free, metrics, "a blend of a checkpoint with its base model")
    return shared, front, make_free(free, shared, analyze)


def gains(checkpoints: DataFrame, analyze: Analyze) -> dict[str, DataFrame]:
    """Compare methods with their baselines (footnote 2)."""
    from drift_pipeline.analysis.comparison import compute_all_gains

    return {reward: compute_all_gains(checkpoints, analyze, reward) for reward in analyze.rewards}


def marks(checkpoints: DataFrame, analyze: Analyze) -> dict[str, DataFrame]:
    """Compare methods with their baselines all along the baselines' way."""
    from drift_pipeline.analysis.marks import compute_all_marks

    return {reward: compute_all_marks(checkpoints, analyze, reward) for reward in analyze.rewards}


def marks_figures(analyze: Analyze, **marks: DataFrame) -> dict[str, Figures]:
    """Draw the gains along the way."""
    from drift_pipeline.analysis.figures.of_reward import mark_figures

    return {r: mark_figures(table, analyze, r) for r, table in _by_reward(marks)}


def print_marks(analyze: Analyze, **marks: DataFrame) -> dict[str, Any]:
    """Write the gains along the way as values, Markdown and LaTeX, one table per comparison."""
    from drift_pipeline.analysis.report.printed import print_marks

    return _named({r: print_marks(table, analyze, r) for r, table in _by_reward(marks)})


def table_1(checkpoints: DataFrame, analyze: Analyze, **gains: DataFrame) -> dict[str, DataFrame]:
    """Build Table 1."""
    from drift_pipeline.analysis.table_1 import make_table

    return {r: make_table(checkpoints, table, analyze, r) for r, table in _by_reward(gains)}


def print_table_1(analyze: Analyze, **tables: DataFrame) -> dict[str, Any]:
    """Write Table 1 as values, Markdown and LaTeX."""
    from drift_pipeline.analysis.report.printed import print_table_1

    return _named({r: print_table_1(table, analyze, r) for r, table in _by_reward(tables)})


def print_gains(analyze: Analyze, **gains: DataFrame) -> dict[str, Any]:
    """Write the gains as values, Markdown and LaTeX, one table per comparison."""
    from drift_pipeline.analysis.report.printed import print_gains

    return _named({r: print_gains(table, analyze, r) for r, table in _by_reward(gains)})


def gain_metrics(analyze: Analyze, **gains: DataFrame) -> dict[str, dict[str, float | None]]:
    """Sum the main comparison up in a line for DVC's metrics."""
    from drift_pipeline.analysis.comparison import gain_metrics

    return {r: gain_metrics(table, analyze.main) for r, table in _by_reward(gains)}


def fronts(
    checkpoints: DataFrame,
    best: DataFrame,
    free: DataFrame,
    analyze: Analyze,
    **gains: DataFrame,
) -> dict[str, Figures]:
    """Draw Figures 4, 9 and 10."""
    from drift_pipeline.analysis.figures.of_reward import front_figures

    return {
        r: front_figures(checkpoints, best, free, table, analyze, r)
        for r, table in _by_reward(gains)
    }


def bars(analyze: Analyze, **gains: DataFrame) -> dict[str, Figures]:
    """Draw Figures 6 and 8."""
    from drift_pipeline.analysis.figures.of_reward import bar_figures

    return {r: bar_figures(table, analyze, r) for r, table in _by_reward(gains)}


def curves(checkpoints: DataFrame, training: DataFrame, analyze: Analyze) -> dict[str, Figures]:
    """Draw how runs went: training, costs, proxy against true reward."""
    from drift_pipeline.analysis.figures.of_reward import curve_figures

    return {r: curve_figures(checkpoints, training, analyze, r) for r in analyze.rewards}


def collapse(
    checkpoints: DataFrame, embeddings: CheckpointTables, analyze: Analyze
) -> dict[str, Figures]:
    """Draw Figure 2, where there are embeddings."""
    from drift_pipeline.analysis.figures.of_reward import collapse_figures

    return {r: collapse_figures(checkpoints, embeddings, analyze, r) for r in analyze.rewards}


def grids(checkpoints: DataFrame, images: CheckpointTables, analyze: Analyze) -> dict[str, Figures]:
    """Draw Figures 1, 5, 7 and 11, where there are images."""
    from drift_pipeline.analysis.figures.of_reward import grid_figures

    return {r: grid_figures(checkpoints, images, analyze, r) for r in analyze.rewards}


def figures(checkpoints: DataFrame, analyze: Analyze) -> dict[str, Figures]:
    """Draw the figures of one's own that `analyze.figures` names."""
    from drift_pipeline.analysis.figures.own import draw_own

    return {reward: draw_own(checkpoints, analyze, reward) for reward in analyze.rewards}


def findings(
    checkpoints: DataFrame, metrics: DataFrame, analyze: Analyze, **gains: DataFrame
) -> list[dict[str, str]]:
    """List what did not come out, and what was left out."""
    from drift_pipeline.analysis.findings import list_findings

    return list_findings(checkpoints, metrics, gains.values(), analyze)


def report(
    checkpoints: DataFrame, findings: list[dict[str, str]], analyze: Analyze, **parts: Any
) -> str:
    """Write the page."""
    from drift_pipeline.analysis.report.page import render

    return render(checkpoints, findings, parts, analyze)


def _by_reward(parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each reward with its part."""
    return ((name.partition(".")[0], part) for name, part in parts.items())


def _named(texts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Name texts `<reward>.<kind>`, as the pipeline calls them."""
    return {f"{r}.{kind}": text for r, kinds in texts.items() for kind, text in kinds.items()}
