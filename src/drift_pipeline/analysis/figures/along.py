"""Gains all along the baselines' way: how much more of each diversity, mark by mark."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from drift_pipeline.analysis.figures import style
from drift_pipeline.config.analysis import Analyze, Comparison


@style.drawn
def draw_marks(
    summary: pd.DataFrame, comparison: Comparison, analyze: Analyze
) -> tuple[Figure, str]:
    """Draw the diversity gain of each measure over the share of the baseline's gain in reward.

    Args:
        summary: Of one comparison and reward, as `marks.sum_up` makes it.
        comparison: What is compared.
        analyze: Measures and the styles of methods.
    """
    measures = list(analyze.measures)
    rows = -(-len(measures) // 3)
    figure = style.new_figure(10, 3.1 * rows + 0.5)
    panels = figure.subplots(rows, min(3, len(measures)), squeeze=False).flatten()
    for axes, measure in zip(panels, measures, strict=False):
        axes.axhline(0, color="black", linewidth=0.8)
        mine = summary[(summary["kind"] == "DG") & (summary["measure"] == measure)]
        for shift, baseline in enumerate(comparison.baselines):
            look = analyze.methods[baseline]
            points = mine[(mine["baseline"] == baseline) & mine["gain"].notna()]
            reach = [points["gain"] - points["low"], points["high"] - points["gain"]]
            axes.errorbar(
                100 * points["mark"] + 0.8 * (shift - (len(comparison.baselines) - 1) / 2),
                100 * points["gain"],
                yerr=[100 * side.fillna(0) for side in reach],
                color=look.colour,
                marker=look.marker,
                ms=5,
                capsize=2,
                elinewidth=0.9,
                label=f"over {look.label}",
            )
        axes.set_title(analyze.measures[measure].label)
        axes.set_xlabel("share of the baseline's gain in reward, % →")
        axes.set_ylabel("diversity gain, % →")
    for axes in panels[len(measures) :]:
        axes.set_axis_off()
    style.legend_below(figure, panels[0])
    ours = analyze.methods[comparison.ours].label
    return figure, (
        f"How much more diversity {ours} had than each baseline where both first had the same "
        "reward: half of the baseline's gain over the base model, 70, 80, 90 % and all of it. "
        "Geometric means over training seeds; bars are 95 % intervals over seeds (Student's t), "
        f"where there are several. A mark that {ours} reached in none of them is absent."
    )
