"""Which checkpoints' embeddings and images the figures show, read one checkpoint at a time."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from drift_pipeline.analysis.checkpoints import last_checkpoints, one_seed
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.figures.grids import pick_checkpoints, pick_prompts, row_label
from drift_pipeline.config.analysis import Analyze, Comparison, MethodStyle

Cloud = tuple[str, pd.DataFrame]


class Rows(Protocol):
    """Rows of a checkpoint's files, read when they are asked for."""

    def of(self, run: str, epoch: int, **equal: str) -> pd.DataFrame | None:
        """Read the rows whose columns are equal to these; None where there are none."""

    def prompts(self, run: str, epoch: int) -> list[str]:
        """List the prompts of a checkpoint's rows."""


def spread(epochs: list[int], count: int) -> list[int]:
    """Choose epochs evenly, the last one included.

    Args:
        epochs: Epochs there are, in order.
        count: Epochs wanted; fewer where there are fewer.

    Example:
        >>> spread([10, 20, 30, 40], 2)
        [20, 40]
    """
    count = min(count, len(epochs))
    return [epochs[round((i + 1) * len(epochs) / count) - 1] for i in range(count)]


def collapse_rows(
    checkpoints: pd.DataFrame, embeddings: Rows, analyze: Analyze, reward: str
) -> tuple[list[tuple[MethodStyle, list[Cloud]]], pd.DataFrame | None]:
    """Read the embeddings that Figure 2 shows.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        embeddings: One row per image: `encoder`, `prompt`, `vector`.
        analyze: Methods, encoder and number of checkpoints.
        reward: The reward that the runs were trained on.

    Returns:
        What `draw_collapse` takes: methods with the checkpoints of one run each that have any,
        and the base model's embeddings, None where it has none.
    """
    mine = checkpoints[(checkpoints["reward"] == reward)].sort_values(["seed", "epoch"])
    encoder = analyze.collapse.encoder
    base = None
    for row in last_checkpoints(mine[mine["method"] == analyze.base]).to_dict("records"):
        base = embeddings.of(str(row["run"]), int(row["epoch"]), encoder=encoder)
    rows = []
    for points in one_seed(mine, analyze.collapse.methods):
        run, method = points[["run", "method"]].iloc[0]
        rewards = points.set_index("epoch")[REWARD]
        later = [int(epoch) for epoch in rewards.index if epoch > 0]
        clouds: list[Cloud] = []
        for epoch in spread(later, analyze.collapse.checkpoints):
            table = embeddings.of(str(run), epoch, encoder=encoder)
            if table is not None:
                clouds.append((f"epoch {epoch}, reward {rewards[epoch]:.2f}", table))
        if clouds:
            rows.append((analyze.methods[str(method)], clouds))
    return rows, base


def grid_blocks(
    checkpoints: pd.DataFrame, images: Rows, comparison: Comparison, analyze: Analyze, reward: str
) -> tuple[dict[str, dict[str, pd.DataFrame]], dict[str, str]]:
    """Read the images of a grid.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        images: One row per image: `prompt`, `seed`, `image`.
        comparison: The methods; the base model stands above them.
        analyze: Prompts and labels.
        reward: The reward that the runs were trained on.

    Returns:
        What `draw_grid` takes: images by prompt and run, and a label by run. Both are empty
        where no method's checkpoint has images.
    """
    chosen = pick_checkpoints(checkpoints, comparison, reward)
    mine = checkpoints[checkpoints["reward"] == reward]
    base = last_checkpoints(mine[mine["method"] == analyze.base])
    rows = [row for _, row in pd.concat([base, chosen]).iterrows()]
    with_images = [row for row in rows if images.prompts(row["run"], int(row["epoch"]))]
    if not any(row["method"] != analyze.base for row in with_images):
        return {}, {}
    available = [images.prompts(row["run"], int(row["epoch"])) for row in with_images]
    shared = [prompt for prompt in available[0] if all(prompt in other for other in available)]
    blocks: dict[str, dict[str, pd.DataFrame]] = {}
    for prompt in pick_prompts(shared, analyze.grid.prompts):
        blocks[prompt] = {}
        for row in with_images:
            table = images.of(row["run"], int(row["epoch"]), prompt=prompt)
            assert table is not None  # the prompt is in all of them
            blocks[prompt][row["run"]] = table
    return blocks, {row["run"]: row_label(row, analyze) for row in with_images}
