"""How runs went: their training, what reward and diversity cost, proxy against true reward."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drift_pipeline.analysis.asked import LEAST, is_measured, off_prompt
from drift_pipeline.analysis.comparison import REWARD, TRUE
from drift_pipeline.analysis.figures import style
from drift_pipeline.config.analysis import Analyze, MethodStyle
from drift_pipeline.runs.run import run_name

TRAINING = {
    "reward_mean": "reward of the epoch's samples, raw →",
    "diversity": "diversity within groups (Eq. 11) →",
    "kl": "KL from the base model\n(nats per step and dimension)",
    "clip_fraction": "share of clipped ratios",
}


@style.drawn
def draw_training(
    curves: pd.DataFrame, checkpoints: pd.DataFrame, analyze: Analyze, reward: str
) -> tuple[Figure, str]:
    """Draw the training of the main comparison's runs, one point per epoch.

    Args:
        curves: The runs' training curves below each other, with a column `run`.
        checkpoints: As `make_checkpoints` makes them; they say which epochs are drawn hollow.
        analyze: The main comparison and the styles of methods.
        reward: The reward that the runs were trained on.
    """
    comparison = analyze.comparisons[analyze.main]
    off = checkpoints[(checkpoints["reward"] == reward) & off_prompt(checkpoints, analyze)]
    figure = style.new_figure(10, 7)
    panels = figure.subplots(2, 2).flatten()
    for axes, (column, label) in zip(panels, TRAINING.items(), strict=True):
        for method in comparison.methods:
            look, named = analyze.methods[method], False
            for curve in _training_runs(curves, method, reward):
                if column not in curve:
                    continue
                axes.plot(
                    curve["epoch"], curve[column], color=look.colour, marker=look.marker, ms=4,
                    markevery=max(1, len(curve) // 8), label=None if named else look.label,
                )  # fmt: skip
                named = True
                epochs = off.loc[off["run"] == curve["run"].iloc[0], "epoch"]
                hollow = curve[curve["epoch"].isin(epochs)]
                style.draw_hollow(axes, hollow, "epoch", column, look)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
    return _finished(
        figure, panels[0], checkpoints, analyze, reward,
        "Measured while training, on each epoch's own samples and prompts; one line per run. The "
        "diversity of a method with selection is that of the samples it kept.",
    )  # fmt: skip


@style.drawn
def draw_costs(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> tuple[Figure, str]:
    """Draw reward and diversity against images generated and against training seconds.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: The main comparison, anchor and the styles of methods.
        reward: The reward that the runs were trained on.
    """
    figure = style.new_figure(10, 7)
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    labels = {
        REWARD: style.reward_label(analyze, reward),
        analyze.anchor: style.diversity_label(analyze, analyze.anchor),
    }
    axis = {"images": "images generated in training ←", "seconds": "seconds of training ←"}
    for row, (measure, y_label) in zip(panels, labels.items(), strict=True):
        for axes, (cost, x_label) in zip(row, axis.items(), strict=True):
            for look, run, first in _main_runs(checkpoints, analyze, reward):
                _line_with_interval(axes, run, cost, measure, look, look.label if first else None)
            axes.set_xlabel(x_label)
        row[0].set_ylabel(y_label.replace(" (", "\n("))
    return _finished(
        figure, panels[0, 0], checkpoints, analyze, reward,
        "Measured checkpoints, with 95 % intervals over prompts, against what training had cost "
        "until then. Methods that choose among candidates generate more images per epoch.",
    )  # fmt: skip


@style.drawn
def draw_truth(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> tuple[Figure, str]:
    """Draw what the learned reward stands for against it: the hidden taste, and what was asked.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: The main comparison and the styles of methods.
        reward: The reward that the runs were trained on.
    """
    mine = checkpoints[checkpoints["reward"] == reward]
    shown = {TRUE: "true reward: the taste behind the proxy →"}
    if analyze.asked is not None and is_measured(mine, analyze):
        shown[analyze.asked] = f"{analyze.further[analyze.asked].label.lower()} →"
    shown = {column: label for column, label in shown.items() if mine[column].notna().any()}
    figure = style.new_figure(5.4 * len(shown), 4.6)
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    look, base = analyze.methods[analyze.base], mine[mine["method"] == analyze.base]
    for axes, (column, label) in zip(panels, shown.items(), strict=True):
        for method, run, first in _main_runs(checkpoints, analyze, reward):
            name = method.label if first else None
            _line_with_interval(axes, run, REWARD, column, method, name)
            last = run.dropna(subset=[REWARD, column]).tail(1)
            axes.plot(last[REWARD], last[column], "o", ms=13, mfc="none", mec=method.colour)
        if base[column].notna().any():
            mark: dict[str, Any] = {"color": look.colour, "ms": 11, "label": look.label}
            axes.plot(base[REWARD], base[column], look.marker, **mark)
        if column == analyze.asked and len(base):
            axes.axhline(LEAST * float(base[column].iloc[0]), color=style.GREY, ls=":")
        axes.set_xlabel(style.reward_label(analyze, reward))
        axes.set_ylabel(label)
    return _finished(
        figure, panels[0], checkpoints, analyze, reward,
        "Lines follow training, a ring is the last checkpoint, shades are 95 % intervals over "
        "prompts. Where a line turns down while it goes right, the learned reward is being gamed.",
    )  # fmt: skip


def has_training(curves: pd.DataFrame, analyze: Analyze, reward: str) -> bool:
    """Return whether a training curve of the main comparison's runs is there."""
    comparison = analyze.comparisons[analyze.main]
    return any(_training_runs(curves, method, reward) for method in comparison.methods)


def _training_runs(curves: pd.DataFrame, method: str, reward: str) -> list[pd.DataFrame]:
    """List the training curves of a method's runs, one per run, whatever their seed."""
    if "run" not in curves:
        return []
    pattern = re.escape(run_name(method, reward, "")) + r"-?\d+"
    mine = curves[curves["run"].str.fullmatch(pattern)]
    return [curve for _, curve in mine.groupby("run")]


def has_truth(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> bool:
    """Return whether the true reward, or what was asked, was measured for this reward's runs."""
    mine = checkpoints[checkpoints["reward"] == reward].dropna(subset=[REWARD])
    columns = [name for name in (TRUE, analyze.asked) if name in mine]
    return bool(mine[columns].notna().any(axis=None))


def _main_runs(
    checkpoints: pd.DataFrame, analyze: Analyze, reward: str
) -> list[tuple[MethodStyle, pd.DataFrame, bool]]:
    """List the main comparison's runs by epoch; say of each whether it is its method's first."""
    comparison = analyze.comparisons[analyze.main]
    runs = []
    checkpoints = checkpoints.assign(off_prompt=off_prompt(checkpoints, analyze))
    for method in comparison.methods:
        mine = checkpoints[(checkpoints["reward"] == reward) & (checkpoints["method"] == method)]
        for index, (_, run) in enumerate(mine.groupby("seed")):
            runs.append((analyze.methods[method], run.sort_values("epoch"), index == 0))
    return runs


def _line_with_interval(
    axes: Axes, run: pd.DataFrame, x: str, y: str, look: MethodStyle, label: str | None
) -> None:
    points = run.dropna(subset=[x, y])
    axes.plot(points[x], points[y], color=look.colour, marker=look.marker, ms=5, label=label)
    known = points.dropna(subset=[f"{y}_low", f"{y}_high"])
    axes.fill_between(
        known[x].astype(float), known[f"{y}_low"], known[f"{y}_high"],
        color=look.colour, alpha=0.12, linewidth=0,
    )  # fmt: skip
    style.draw_hollow(axes, points[points["off_prompt"]], x, y, look)


def _finished(
    figure: Figure, axes: Axes, checkpoints: pd.DataFrame, analyze: Analyze, reward: str,
    caption: str, columns: int = 5,
) -> tuple[Figure, str]:  # fmt: skip
    """Put the legend below, and say what hollow markers are where the share was measured."""
    mine = checkpoints[checkpoints["reward"] == reward]
    if off_prompt(mine, analyze).any():
        style.name_hollow(axes)
    style.legend_below(figure, axes, columns)
    return figure, caption + (style.HOLLOW_CAPTION if is_measured(mine, analyze) else "")
