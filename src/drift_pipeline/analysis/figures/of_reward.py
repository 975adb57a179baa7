"""Which figures a reward has: those that its runs have been measured for, by name."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.analysis.checkpoints import any_measured
from drift_pipeline.analysis.figures import curves
from drift_pipeline.analysis.figures.along import draw_marks
from drift_pipeline.analysis.figures.bars import draw_bars
from drift_pipeline.analysis.figures.collapse import draw_collapse
from drift_pipeline.analysis.figures.figure import DrawnFigure
from drift_pipeline.analysis.figures.fronts import draw_fronts
from drift_pipeline.analysis.figures.grids import draw_grid
from drift_pipeline.analysis.figures.inputs import Rows, collapse_rows, grid_blocks
from drift_pipeline.analysis.marks import sum_up
from drift_pipeline.config.analysis import Analyze

Figures = dict[str, DrawnFigure]


def front_figures(
    checkpoints: pd.DataFrame,
    best: pd.DataFrame,
    free: pd.DataFrame,
    gains: pd.DataFrame,
    analyze: Analyze,
    reward: str,
) -> Figures:
    """Draw Figures 4, 9 and 10: the fronts of each comparison that has a measured run.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        best: The best front, as `make_best` makes it.
        free: The free fronts, as `make_free` makes them.
        gains: Of this reward, all comparisons.
        analyze: What is compared.
        reward: The reward that the runs were trained on.
    """
    return {
        name: draw_fronts(
            checkpoints,
            gains[gains["comparison"] == name],
            comparison,
            analyze,
            reward,
            best,
            free,
        )
        for name, comparison in analyze.comparisons_of(reward).items()
        if any_measured(checkpoints, comparison.methods, reward)
    }


def bar_figures(gains: pd.DataFrame, analyze: Analyze, reward: str) -> Figures:
    """Draw Figures 6 and 8: the gains of each comparison that has some.

    Args:
        gains: Of this reward, all comparisons.
        analyze: What is compared.
        reward: The reward that the runs were trained on.
    """
    drawn = {}
    for name, comparison in analyze.comparisons_of(reward).items():
        mine = gains[gains["comparison"] == name]
        if mine["gain"].notna().any():
            drawn[name] = draw_bars(mine, comparison, analyze)
    return drawn


def mark_figures(marks: pd.DataFrame, analyze: Analyze, reward: str) -> Figures:
    """Draw the gains along the baselines' way, of each comparison that has some.

    Args:
        marks: Of this reward, all comparisons, as `compute_all_marks` makes them.
        analyze: What is compared.
        reward: The reward that the runs were trained on.
    """
    summary, drawn = sum_up(marks), {}
    for name, comparison in analyze.comparisons_of(reward).items():
        mine = summary[(summary["comparison"] == name) & (summary["kind"] == "DG")]
        if mine["gain"].notna().any():
            drawn[name] = draw_marks(mine, comparison, analyze)
    return drawn


def curve_figures(
    checkpoints: pd.DataFrame, training: pd.DataFrame, analyze: Analyze, reward: str
) -> Figures:
    """Draw how the main comparison's runs went: costs, training, proxy against true reward.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        training: The runs' training curves below each other, with a column `run`.
        analyze: What is compared.
        reward: The reward that the runs were trained on.
    """
    drawn = {}
    if any_measured(checkpoints, analyze.comparisons[analyze.main].methods, reward):
        drawn["costs"] = curves.draw_costs(checkpoints, analyze, reward)
    if curves.has_training(training, analyze, reward):
        drawn["training"] = curves.draw_training(training, checkpoints, analyze, reward)
    if curves.has_truth(checkpoints, analyze, reward):
        drawn["truth"] = curves.draw_truth(checkpoints, analyze, reward)
    return drawn


def collapse_figures(
    checkpoints: pd.DataFrame, embeddings: Rows, analyze: Analyze, reward: str
) -> Figures:
    """Draw Figure 2, where the base model and a run have embeddings.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        embeddings: One row per image: `encoder`, `prompt`, `vector`.
        analyze: Methods, encoder and number of checkpoints.
        reward: The reward that the runs were trained on.
    """
    rows, base = collapse_rows(checkpoints, embeddings, analyze, reward)
    if not rows or base is None:
        return {}
    return {"collapse": draw_collapse(rows, base, analyze.collapse.encoder)}


def grid_figures(checkpoints: pd.DataFrame, images: Rows, analyze: Analyze, reward: str) -> Figures:
    """Draw Figures 1, 5, 7 and 11: the images of each comparison that has some.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        images: One row per image: `prompt`, `seed`, `image`.
        analyze: What is compared, and the prompts.
        reward: The reward that the runs were trained on.
    """
    drawn = {}
    for name, comparison in analyze.comparisons_of(reward).items():
        blocks, labels = grid_blocks(checkpoints, images, comparison, analyze, reward)
        if blocks:
            drawn[name] = draw_grid(blocks, labels, analyze.grid.images)
    return drawn
