"""Figures 6 and 8: the gains of a comparison as bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.figures import style
from drift_pipeline.config.analysis import Analyze, Comparison


@style.drawn
def draw_bars(gains: pd.DataFrame, comparison: Comparison, analyze: Analyze) -> tuple[Figure, str]:
    """Draw DG of each measure, and RG, one bar per baseline.

    Args:
        gains: Of one comparison and reward.
        comparison: What is compared.
        analyze: Measures and the styles of methods.
    """
    names = [*analyze.measures, REWARD]
    labels = [_wrapped(measure.label) for measure in analyze.measures.values()]
    figure = style.new_figure(10, 4.2)
    axes = figure.subplots()
    several = gains.dropna(subset=["gain"])["seed"].nunique() > 1
    width = 0.8 / len(comparison.baselines)
    for index, baseline in enumerate(comparison.baselines):
        mine = gains[gains["baseline"] == baseline]
        by_measure = mine.groupby("measure")["gain"]
        values = 100 * by_measure.mean().reindex(names).to_numpy(float)
        ends = 100 * by_measure.agg(["min", "max"]).reindex(names).to_numpy(float)
        place = np.arange(len(names)) + (index - (len(comparison.baselines) - 1) / 2) * width
        look = analyze.methods[baseline]
        drawn = np.nan_to_num(values)
        axes.bar(place, drawn, 0.9 * width, color=look.colour, label=f"over {look.label}")
        if several:
            reach = np.nan_to_num(np.abs(ends.T - values))
            axes.errorbar(place, drawn, reach, fmt="none", ecolor="black", capsize=3, lw=1)
        for x, value, end in zip(place, values, ends, strict=True):
            _number(axes, x, value, end if several else np.array([value] * 2))
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axvline(len(names) - 1.5, color=style.GREY, linewidth=0.8, ls=":")
    axes.set_xticks(range(len(names)), [*(f"DG\n{x}" for x in labels), "RG\nreward"])
    axes.set_ylabel(f"gain of {analyze.methods[comparison.ours].label},\n% of the baseline →")
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.16)
    style.legend_below(figure, axes)
    return figure, (
        "Diversity gain (DG) at equal reward and reward gain (RG) at equal "
        f"{analyze.measures[analyze.anchor].label}, over the baseline"
        + ("; means over seeds, whiskers from the smallest to the largest." if several else ".")
        + " “none” stands where no checkpoint qualifies or a run is missing."
    )


def _wrapped(label: str) -> str:
    """Put two words on two lines, so that neighbours do not touch."""
    return label.replace(" ", "\n", 1)


def _number(axes: Axes, x: float, value: float, ends: np.ndarray) -> None:
    absent = bool(np.isnan(value))
    up = absent or value >= 0
    axes.annotate(
        "none" if absent else f"{value:+.1f}",
        (x, 0 if absent else float(ends[1] if up else ends[0])),
        (0, 3 if up else -3),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        fontsize=8,
        rotation=90 if absent else 0,
        color=style.GREY if absent else "black",
    )
