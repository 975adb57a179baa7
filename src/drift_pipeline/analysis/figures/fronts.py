"""Figures 4, 9 and 10: reward against each measure of diversity, and who is in front."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drift_pipeline.analysis.asked import is_measured, off_prompt
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.figures import references, style
from drift_pipeline.analysis.pareto import pareto_front
from drift_pipeline.config.analysis import Analyze, Comparison


@style.drawn
def draw_fronts(
    checkpoints: pd.DataFrame,
    gains: pd.DataFrame,
    comparison: Comparison,
    analyze: Analyze,
    reward: str,
    best: pd.DataFrame | None = None,
    free: pd.DataFrame | None = None,
) -> tuple[Figure, str]:
    """Draw every checkpoint of the compared methods, one panel per measure.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        gains: Of this comparison and reward.
        comparison: What is compared.
        analyze: Measures and the styles of methods.
        reward: The reward that the runs were trained on.
        best: The best front, as `make_best` makes it; none is drawn without it.
        free: The free fronts, as `make_free` makes them; likewise.
    """
    none = pd.DataFrame(columns=["reward", "method"])
    best, free = (
        none if table is None else table[table["reward"] == reward] for table in (best, free)
    )
    free = free[free["method"].isin(comparison.methods)]
    free, noisy = references.apart(free, comparison)
    mine = checkpoints[checkpoints["reward"] == reward]
    mine = mine.assign(off_prompt=off_prompt(mine, analyze))
    # A table from before a measure was there has no column of it.
    measures = [name for name in analyze.measures if name in mine]
    rows = -(-len(measures) // 2)
    figure = style.new_figure(10, 4.1 * rows + 0.5)
    panels = figure.subplots(rows, min(2, len(measures)), squeeze=False).flatten()
    shown = _most_rewarded(gains)
    for axes, measure in zip(panels, measures, strict=False):
        if measure in best:
            references.draw_best(axes, best.dropna(subset=[REWARD, measure]), measure)
        if measure in free:
            references.draw_free(axes, free.dropna(subset=[REWARD, measure]), measure, analyze)
        if measure in noisy:
            references.draw_noisy(axes, noisy.dropna(subset=[REWARD, measure]), measure, analyze)
        for method in [analyze.base, *comparison.methods]:
            runs = mine[mine["method"] == method]
            _draw_method(axes, runs.dropna(subset=[REWARD, measure]), measure, method, analyze)
        if shown is not None:
            _draw_gains(axes, gains, shown, measure, analyze)
        axes.set_xlabel(style.reward_label(analyze, reward))
        axes.set_ylabel(style.diversity_label(analyze, measure))
        axes.margins(0.09)
    for axes in panels[len(measures) :]:
        axes.set_axis_off()
    if mine["off_prompt"].any():
        style.name_hollow(panels[0])
    style.legend_below(figure, panels[0])
    caption = _caption(shown, analyze, is_measured(mine, analyze))
    caption += "" if best.empty else references.BEST_CAPTION
    caption += "" if free.empty else references.FREE_CAPTION
    return figure, caption + ("" if noisy.empty else references.NOISY_CAPTION)


def _most_rewarded(gains: pd.DataFrame) -> tuple[str, int] | None:
    """Find baseline and seed of the hardest comparison that there is, for the lines."""
    for kind in ("DG", "RG"):
        given = gains[(gains["kind"] == kind) & gains["gain"].notna()]
        if not given.empty:
            value = "required" if kind == "DG" else "baseline_value"
            row = given.sort_values(value, kind="stable").iloc[-1]
            return str(row["baseline"]), int(row["seed"])
    return None


def _draw_method(
    axes: Axes, points: pd.DataFrame, measure: str, method: str, analyze: Analyze
) -> None:
    look = analyze.methods[method]
    if points.empty:
        return
    for _, run in points.sort_values("epoch").groupby("run"):
        axes.errorbar(
            run[REWARD],
            run[measure],
            xerr=_bars(run, REWARD),
            yerr=_bars(run, measure),
            color=look.colour,
            ecolor=f"{look.colour}55",
            linewidth=0.8,
            alpha=0.6,
            elinewidth=0.8,
        )
        last = run.iloc[-1:]
        if method != analyze.base:
            axes.plot(last[REWARD], last[measure], "o", ms=13, mfc="none", mec=look.colour)
    front = pareto_front(points[REWARD].to_numpy(), points[measure].to_numpy()).numpy()
    best = points[front].sort_values(REWARD)
    size = 11 if method == analyze.base else 6
    axes.plot(
        best[REWARD], best[measure], color=look.colour, marker=look.marker, ms=size, zorder=4,
        linewidth=2, ls="none" if method == analyze.base else "-", label=look.label,
    )  # fmt: skip
    axes.plot(
        points[~front][REWARD], points[~front][measure], ls="none", marker=look.marker, ms=5,
        color=look.colour, alpha=0.4, mec="none",
    )  # fmt: skip
    style.draw_hollow(axes, points[points["off_prompt"]], REWARD, measure, look)


def _bars(run: pd.DataFrame, column: str) -> np.ndarray:
    """Measure how far the interval reaches below and above each value; NaN where there is none."""
    low, high = run[column] - run[f"{column}_low"], run[f"{column}_high"] - run[column]
    return np.clip(np.stack([low, high]).astype(float), 0, None)


def _draw_gains(
    axes: Axes, gains: pd.DataFrame, shown: tuple[str, int], measure: str, analyze: Analyze
) -> None:
    rows = gains[(gains["baseline"] == shown[0]) & (gains["seed"] == shown[1])]
    by_measure = {str(row["measure"]): row for row in rows.to_dict("records")}
    dg, rg = by_measure[measure], by_measure[REWARD]
    if pd.notna(dg["gain"]):
        foot, top = dg["baseline_value"], dg["matched_value"]
        _line(axes, [dg["required"]] * 2, [foot, top], style.DG_COLOUR)
        _dots(axes, [dg["required"], dg["reached"]], [top, top], style.DG_COLOUR)
        _say(axes, f"DG {100 * dg['gain']:+.1f} %", dg["required"], (foot + top) / 2, (-6, 0))
    if measure == analyze.anchor and pd.notna(rg["gain"]):
        left, right = rg["baseline_value"], rg["matched_value"]
        _line(axes, [left, right], [rg["required"]] * 2, style.RG_COLOUR)
        _dots(axes, [right, right], [rg["required"], rg["reached"]], style.RG_COLOUR)
        _say(axes, f"RG {100 * rg['gain']:+.1f} %", (left + right) / 2, rg["required"], (0, -6))


def _line(axes: Axes, x: list[float], y: list[float], colour: str) -> None:
    axes.plot(x, y, color=colour, linewidth=2.4, ls=(0, (4, 1.2)), zorder=5)


def _dots(axes: Axes, x: list[float], y: list[float], colour: str) -> None:
    axes.plot(x, y, color=colour, linewidth=1.4, ls=":", zorder=5)


def _say(axes: Axes, text: str, x: float, y: float, shift: tuple[int, int]) -> None:
    sideways = shift[0] != 0
    axes.annotate(
        text,
        (x, y),
        shift,
        textcoords="offset points",
        ha="right" if sideways else "center",
        va="center" if sideways else "top",
        fontsize=9,
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        zorder=6,
    )


def _caption(shown: tuple[str, int] | None, analyze: Analyze, hollow: bool) -> str:
    text = (
        "Every measured checkpoint with its 95 % interval over prompts; thin lines follow "
        "training, a ring is the last checkpoint. Markers on the thick line are on their method's "
        "own Pareto front, small pale ones are not. Up and to the right is better."
    )
    if hollow:
        text += style.HOLLOW_CAPTION
    if shown is None:
        return f"{text} No gain could be computed, so no DG or RG line is drawn."
    anchor = analyze.measures[analyze.anchor].label
    return (
        f"{text} The lines compare with "
        f"{analyze.methods[shown[0]].label} (seed {shown[1]}), the most rewarded baseline that a "
        f"checkpoint reaches: DG at equal reward (blue), RG at equal {anchor} (orange), where "
        "there is one."
    )
