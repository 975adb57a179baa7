"""What stands beside the runs in a front: what is possible, and what needs no training."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from drift_pipeline.analysis.best import SURE
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.figures import style
from drift_pipeline.analysis.pareto import pareto_front
from drift_pipeline.config.analysis import Analyze, Comparison
from drift_pipeline.config.evaluation import NOISY

BEST_CAPTION = (
    " The grey line is the best front (Eq. 4): the base model's images, each counted by the "
    "exponential of its reward, as the policy of highest reward at each divergence draws them; "
    f"dashed where fewer than {SURE:g} images of a prompt carry it. It is no bound: a policy can "
    "draw what the base model never draws. Recall and Vendi count images and have none."
)
NOISY_CAPTION = (
    " A cross is a method's last checkpoint with noise on the prompts while drawing (Figure 9), "
    "joined to the same checkpoint without."
)
FREE_CAPTION = (
    " Dotted lines blend a method's last checkpoint with the base model while drawing, which needs "
    "no training: annealed importance guidance, and the first steps by the base model alone; the "
    "line joins those that none of the others dominates."
)


def apart(free: pd.DataFrame, comparison: Comparison) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell blends from images with noise on the prompts, each with the checkpoint itself.

    The latter are shown where the comparison's own method has some.
    """
    if free.empty:
        return free, free
    noisy = free["blend"] == NOISY
    blended = free[~noisy & (free["blend"] != "")]["method"]
    blends = free[~noisy & free["method"].isin(blended)]
    if comparison.ours not in {*free[noisy]["method"]}:
        return blends, free[:0]
    return blends, free[noisy | (free["last"] & free["method"].isin(free[noisy]["method"]))]


def draw_noisy(axes: Axes, noisy: pd.DataFrame, measure: str, analyze: Analyze) -> None:
    """Draw what noise on the prompts makes of each run's last checkpoint."""
    for (method, _), points in noisy.groupby(["method", "seed"], sort=False):
        look = analyze.methods[str(method)]
        axes.plot(points[REWARD], points[measure], color=look.colour, ls=":", linewidth=1)
        crossed = points[points["blend"] == NOISY]
        label = f"{look.label}, noise while drawing"
        known = axes.get_legend_handles_labels()[1]
        axes.plot(
            crossed[REWARD], crossed[measure], ls="none", marker="X", ms=8, color=look.colour,
            mec="white", zorder=6, label=None if label in known else label,
        )  # fmt: skip


def draw_best(axes: Axes, best: pd.DataFrame, measure: str) -> None:
    """Draw the best front, dashed where few images carry it."""
    sure = best["effective"] >= SURE
    beyond = best[~sure | ~sure.shift(-1, fill_value=True)]
    look: dict[str, Any] = {"color": style.GREY, "linewidth": 1.3, "zorder": 1.5}
    axes.plot(best[sure][REWARD], best[sure][measure], label="best front (Eq. 4)", **look)
    axes.plot(beyond[REWARD], beyond[measure], ls=(0, (2, 2)), **look)


def draw_free(axes: Axes, free: pd.DataFrame, measure: str, analyze: Analyze) -> None:
    """Draw what blending each run's last checkpoint with the base model gives."""
    for (method, _), points in free.groupby(["method", "seed"], sort=False):
        look = analyze.methods[str(method)]
        label = f"{look.label}, blended with the base"
        known = axes.get_legend_handles_labels()[1]
        axes.plot(points[REWARD], points[measure], ls="none", marker=".", ms=4, color=look.colour)
        front = points[pareto_front(points[REWARD], points[measure]).numpy()]
        axes.plot(
            front[REWARD], front[measure], color=look.colour, ls=":", linewidth=1.3, zorder=2,
            label=None if label in known else label,
        )  # fmt: skip
