"""Figures 1, 5, 7 and 11: the same prompts and seeds, one row per method, at like reward."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from drift_pipeline.analysis.checkpoints import one_seed
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.figures import style
from drift_pipeline.common.image_grid import Row, lay_out
from drift_pipeline.config.analysis import Analyze, Comparison

TILE = 128
"""Side of an image in pixels at most; larger ones are made smaller."""
GAP = 1 / 32
"""White between images, as a share of their side."""
INCHES, TITLE = 0.92, 0.35
"""Side of an image in the figure, and the height of a prompt above its images."""


def pick_checkpoints(
    checkpoints: pd.DataFrame, comparison: Comparison, reward: str
) -> pd.DataFrame:
    """Choose a checkpoint of each method, so that their rewards are as like as possible.

    The reward aimed at is the highest that all methods reach, that is the lowest of their
    maxima; of each method's run (`one_seed`) the checkpoint that is nearest to it is taken.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        comparison: The methods.
        reward: The reward that the runs were trained on.

    Returns:
        Their rows of `checkpoints`, in the order of the methods; empty where there are none.
    """
    known = checkpoints[(checkpoints["reward"] == reward) & checkpoints[REWARD].notna()]
    runs = one_seed(known, comparison.methods)
    if not runs:
        return checkpoints.iloc[:0]
    aim = min(run[REWARD].max() for run in runs)
    nearest = [int((run[REWARD] - aim).abs().to_numpy().argmin()) for run in runs]
    return pd.concat([run.iloc[[at]] for run, at in zip(runs, nearest, strict=True)])


def pick_prompts(available: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Choose the wanted prompts that have images; as many others where none of them has.

    Args:
        available: Prompts with images, in order.
        wanted: Prompts asked for.
    """
    found = [prompt for prompt in wanted if prompt in available]
    return found or list(available[: len(wanted)])


@style.drawn
def draw_grid(
    blocks: Mapping[str, Mapping[str, pd.DataFrame]], labels: Mapping[str, str], images: int
) -> tuple[Figure, str]:
    """Draw one block of images per prompt.

    Args:
        blocks: For each prompt and run the images: `seed` and `image` (a struct whose `bytes`
            are a PNG). A column shows one seed, so only seeds that all runs have are shown.
        labels: What stands beside the rows, by run.
        images: Columns at most.
    """
    longest = max(len(line) for label in labels.values() for line in label.split("\n"))
    margin = 0.085 * longest + 0.15
    shared = {prompt: _common_seeds(runs)[:images] for prompt, runs in blocks.items()}
    columns = max(1, max(len(seeds) for seeds in shared.values()))
    heights = [len(runs) * INCHES + TITLE for runs in blocks.values()]
    width, height = margin + columns * INCHES, sum(heights)
    # Placed by hand: a layout engine knows nothing of images whose pixels must stay square.
    figure, bottom = Figure(figsize=(width, height)), height
    for (prompt, runs), block in zip(blocks.items(), heights, strict=True):
        bottom -= block
        place = (margin, bottom, columns * INCHES, block - TITLE)
        axes = figure.add_axes(
            (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
        )
        side = min(TILE, max(_side(table) for table in runs.values()))
        rows = [_row(table, shared[prompt], columns, side) for table in runs.values()]
        gap = 2 * max(1, round(side * GAP / 2))
        # Not enlarged: the SVG keeps the pixels as they are, and is smaller for it.
        pixels = np.asarray(lay_out(rows, gap=gap, margin=gap // 2))
        axes.imshow(pixels, interpolation="none", aspect="auto")
        step = side + gap
        axes.set_yticks(
            [row * step + step / 2 for row in range(len(rows))], [labels[run] for run in runs]
        )
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_title(f"“{prompt}”", loc="left", fontsize=10)
    return figure, (
        "A column is one seed: every row starts from the same noise. Except for the base model, "
        "rows show the checkpoints whose rewards are as near as possible to the highest reward "
        "that all of these methods reach; epoch and normalised reward stand beside them."
    )


def row_label(row: pd.Series, analyze: Analyze) -> str:
    """Name a method, its checkpoint and the reward there."""
    text = analyze.methods[str(row["method"])].label
    text = text.replace(", ", ",\n").replace(" (", "\n(")
    reward = "not measured" if math.isnan(row[REWARD]) else f"{row[REWARD]:.3f}"
    where = "" if row["method"] == analyze.base else f"epoch {row['epoch']}, "
    return f"{text}\n{where}reward {reward}"


def _common_seeds(runs: Mapping[str, pd.DataFrame]) -> list[int]:
    sets = [{int(seed) for seed in table["seed"]} for table in runs.values()]
    return sorted(set.intersection(*sets)) if sets else []


def _open(image: Mapping[str, bytes]) -> Image.Image:
    with Image.open(io.BytesIO(image["bytes"])) as opened:
        return opened.convert("RGB")


def _side(table: pd.DataFrame) -> int:
    return 1 if table.empty else max(_open(table["image"].iloc[0]).size)


def _row(table: pd.DataFrame, seeds: Sequence[int], columns: int, side: int) -> Row:
    """Lay out the images of some seeds, filled up with white where there are fewer than columns."""
    by_seed = table.drop_duplicates("seed").set_index("seed")["image"]
    tiles = [_open(by_seed[seed]).resize((side, side), Image.Resampling.LANCZOS) for seed in seeds]
    white = Image.new("RGB", (side, side), "white")
    return Row([*tiles, *[white] * (columns - len(tiles))])
