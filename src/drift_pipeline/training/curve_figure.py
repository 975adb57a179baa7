"""The curve of a run: what happened over its epochs and gradient updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BY_STEP = {
    "kl_by_step": "KL by step",
    "clip_fraction_by_step": "Clipped ratios by step",
    "gradient_share_by_step": "Share of the squared gradient by step",
}


def draw_training_curve(curve: pd.DataFrame, updates: pd.DataFrame, title: str) -> Image.Image:
    """Draw what happened over the epochs, and over the gradient updates.

    Args:
        curve: One row per epoch.
        updates: One row per gradient update.
        title: Name of the run.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 10), layout="constrained")
    (reward, diversity, trade), (kl, steps, time), maps = figure.subplots(3, 3)
    epochs, mean, deviation = curve["epoch"], curve["reward_mean"], curve["reward_std"]
    reward.plot(epochs, mean, color="tab:blue")
    reward.fill_between(epochs, mean - deviation, mean + deviation, alpha=0.15, linewidth=0)
    reward.set(title="Reward (mean ± standard deviation)", xlabel="epoch")
    diversity.plot(epochs, curve["diversity"], color="tab:green")
    diversity.set(title="Diversity within groups (Eq. 11)", xlabel="epoch", ylim=(0, None))
    points = trade.scatter(mean, curve["diversity"], c=epochs, s=14)
    trade.set(title="Trade-off", xlabel="reward", ylabel="diversity")
    figure.colorbar(points, ax=trade, label="epoch")
    count = updates.groupby("epoch")["update"].transform("size")
    place = updates["epoch"] + updates["update"] / count
    kl.plot(place, updates["kl"], color="tab:red")
    kl.set(title="KL from the reference (per step and dimension)", xlabel="epoch")
    steps.plot(place, updates["clip_fraction"], label="clipped ratios")
    steps.plot(place, updates["grad_norm"], label="gradient norm", alpha=0.6)
    steps.set(title="Gradient updates", xlabel="epoch", ylim=(0, None))
    steps.legend()
    clocks = [column for column in curve.columns if column.startswith("seconds_")]
    labels = [clock.removeprefix("seconds_") for clock in clocks]
    time.stackplot(epochs, [curve[clock] for clock in clocks], labels=labels, alpha=0.6)
    time.set(title="Seconds per epoch", xlabel="epoch")
    time.legend()
    for axis, (column, name) in zip(maps, BY_STEP.items(), strict=True):
        _draw_by_step(axis, updates, column, name)
    for axis in (reward, diversity, trade, kl, steps, time):
        axis.grid(alpha=0.3)
    figure.suptitle(title)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _draw_by_step(axis: Axes, updates: pd.DataFrame, column: str, title: str) -> None:
    """Draw steps, from noise to image, against epochs; dark is little, and grey is unknown."""
    from matplotlib.ticker import MaxNLocator

    axis.set(title=title, xlabel="epoch", ylabel="step, from noise")
    if column not in updates:  # trained before this was recorded
        return
    lists = updates.dropna(subset=column)
    values = pd.DataFrame(lists[column].tolist()).groupby(lists["epoch"].to_numpy()).mean()
    if values.empty:
        return
    axis.set_facecolor("lightgrey")
    first, last, steps = values.index.min(), values.index.max(), values.shape[1]
    grid = values.reindex(range(first, last + 1)).to_numpy(dtype=float).T
    extent = (first - 0.5, last + 0.5, steps + 0.5, 0.5)
    image = axis.imshow(grid, aspect="auto", extent=extent, interpolation="nearest")
    axis.figure.colorbar(image, ax=axis)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
