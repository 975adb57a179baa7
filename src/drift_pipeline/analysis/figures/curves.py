"""How runs went: their training, what reward and diversity cost, proxy against true reward."""

from __future__ import annotations

import re

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drift_pipeline.analysis.asked import is_measured, off_prompt
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
    """Draw the hidden taste against the learned reward that stands for it.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: The main comparison and the styles of methods.
        reward: The reward that the runs were trained on.
    """
    figure = style.new_figure(6.4, 5)
    axes = figure.subplots()
    for look, run, first in _main_runs(checkpoints, analyze, reward):
        _line_with_interval(axes, run, REWARD, TRUE, look, look.label if first else None)
        last = run.dropna(subset=[REWARD, TRUE]).tail(1)
        axes.plot(last[REWARD], last[TRUE], "o", ms=13, mfc="none", mec=look.colour)
    base = checkpoints[(checkpoints["reward"] == reward) & (checkpoints["method"] == analyze.base)]
    look = analyze.methods[analyze.base]
    if base[TRUE].notna().any():
        axes.plot(base[REWARD], base[TRUE], look.marker, color=look.colour, ms=11, label=look.label)
    axes.set_xlabel(style.reward_label(analyze, reward))
    axes.set_ylabel("true reward: the taste behind the proxy →")
    return _finished(
        figure, axes, checkpoints, analyze, reward,
        "Lines follow training, a ring is the last checkpoint, shades are 95 % intervals over "
        "prompts. Where a line turns down while it goes right, the learned reward is being gamed.",
        columns=3,
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


def has_truth(checkpoints: pd.DataFrame, reward: str) -> bool:
    """Return whether the true reward was measured for this reward's runs."""
    mine = checkpoints[checkpoints["reward"] == reward]
    return bool(mine[[REWARD, TRUE]].notna().all(axis=1).any())


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
