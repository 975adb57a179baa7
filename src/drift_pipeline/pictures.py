"""Pictures for people: contact sheets of an epoch, and the curve of a run."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from drift_pipeline.images import to_pil

if TYPE_CHECKING:
    from torch import Tensor

TILE = 128
"""Pictures smaller than this are enlarged, with their pixels kept, so that one can see them."""
GAP, HEADER, CAPTION = 4, 22, 18
SHEETS = 8
"""Epochs shown by the pictures of a run, at most."""


def draw_contact_sheet(candidates: pd.DataFrame, images: Tensor, groups: int) -> Image.Image:
    """Draw the selected samples of a few groups, a group a row, with reward and diversity.

    Args:
        candidates: A row an image, in the same order.
        images: `(n, 3, h, w)`, uint8.
        groups: Groups to show, from the first.
    """
    first = candidates[candidates["selected"] & (candidates["group"] < groups)]
    rows = [group.sort_values("candidate") for _, group in first.groupby("group")]
    scale = max(1, -(-TILE // images.shape[-1]))
    width, height = images.shape[-1] * scale, images.shape[-2] * scale
    columns = max(len(group) for group in rows)
    row_height = HEADER + height + CAPTION + GAP
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, len(rows) * row_height + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, group in enumerate(rows):
        top = GAP + index * row_height
        epoch, prompt = group["epoch"].iloc[0], group["prompt"].iloc[0]
        draw.text((GAP, top + 3), f"epoch {epoch} · {prompt}", "black", ImageFont.load_default(14))
        pictures = to_pil(images[group.index.tolist()])
        for column, (picture, row) in enumerate(zip(pictures, group.itertuples(), strict=True)):
            left = GAP + column * (width + GAP)
            large = picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(large, (left, top + HEADER))
            caption = f"r {row.reward:.3f}   d {row.diversity:.2f}"
            draw.text(
                (left + 2, top + HEADER + height + 2), caption, "#444", ImageFont.load_default(11)
            )
    return sheet


def draw_picture_sheet(shards: Sequence[pd.DataFrame], columns: int = 8) -> Image.Image:
    """Draw the first pictures of some prompts, a prompt a row.

    Args:
        shards: A table a prompt, with prompt and image (the bytes of a file).
        columns: Pictures of each.
    """
    rows = [
        [Image.open(BytesIO(file["bytes"])).convert("RGB") for file in shard["image"][:columns]]
        for shard in shards
    ]
    width, height = rows[0][0].size
    scale = max(1, -(-TILE // width))
    width, height = width * scale, height * scale
    row_height = HEADER + height + GAP
    size = (max(map(len, rows)) * (width + GAP) + GAP, len(rows) * row_height + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, (shard, pictures) in enumerate(zip(shards, rows, strict=True)):
        top = GAP + index * row_height
        run, epoch, prompt = shard[["run", "epoch", "prompt"]].iloc[0]
        title = f"{run}, epoch {epoch} · {prompt}"
        draw.text((GAP, top + 3), title, "black", ImageFont.load_default(14))
        for column, picture in enumerate(pictures):
            large = picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(large, (GAP + column * (width + GAP), top + HEADER))
    return sheet


def draw_training_pictures(
    sheets: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
) -> Image.Image:
    """Put one prompt's groups of some epochs below each other, to see what training changes.

    The prompt is one that fills the picture, or the one that the sheets show most often; of those,
    the one with the most epochs between its first and its last. Where none comes twice, the first
    groups of some sheets are shown. Sheets of another size than the last were made with other
    settings and are left out.

    Args:
        sheets: Contact sheets, one an epoch, in order.
        prompts: The prompts on each sheet, from top to bottom.
    """
    alike = [index for index, sheet in enumerate(sheets) if sheet.size == sheets[-1].size]
    places: dict[str, list[tuple[int, int]]] = {}
    for index in alike:
        shown = prompts[index]
        for row, prompt in enumerate(shown):
            if prompt not in shown[:row]:
                places.setdefault(prompt, []).append((index, row))
    best = max(
        places.values(), key=lambda found: (min(SHEETS, len(found)), found[-1][0] - found[0][0])
    )
    if len(best) == 1:
        best = [(index, 0) for index in alike]
    count = min(SHEETS, len(best))
    chosen = [best[round(i * (len(best) - 1) / max(1, count - 1))] for i in range(count)]
    strips = []
    for index, row in chosen:
        sheet = sheets[index].convert("RGB")
        height = (sheet.height - GAP) // len(prompts[index])
        strips.append(sheet.crop((0, row * height, sheet.width, GAP + (row + 1) * height)))
    size = (max(strip.width for strip in strips), sum(strip.height for strip in strips))
    whole, top = Image.new("RGB", size, "white"), 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    return whole


def draw_training_curve(curve: pd.DataFrame, updates: pd.DataFrame, title: str) -> Image.Image:
    """Draw what happened over the epochs, and over the gradient updates.

    Args:
        curve: A row an epoch.
        updates: A row a gradient update.
        title: Name of the run.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7), layout="constrained")
    (reward, diversity, trade), (kl, steps, time) = figure.subplots(2, 3)
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
    kl.set(title="KL from the base model (a step, a dimension)", xlabel="epoch")
    steps.plot(place, updates["clip_fraction"], label="clipped ratios")
    steps.plot(place, updates["grad_norm"], label="gradient norm", alpha=0.6)
    steps.set(title="Gradient updates", xlabel="epoch", ylim=(0, None))
    steps.legend()
    clocks = [column for column in curve.columns if column.startswith("seconds_")]
    labels = [clock.removeprefix("seconds_") for clock in clocks]
    time.stackplot(epochs, [curve[clock] for clock in clocks], labels=labels, alpha=0.6)
    time.set(title="Seconds an epoch", xlabel="epoch")
    time.legend()
    for axis in (reward, diversity, trade, kl, steps, time):
        axis.grid(alpha=0.3)
    figure.suptitle(title)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
