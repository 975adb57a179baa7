"""What the candidates of an epoch look like, and those of one prompt over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from drift_pipeline.common.image_grid import Row, cut_row, enlarge, lay_out
from drift_pipeline.common.images import to_pil

if TYPE_CHECKING:
    from torch import Tensor

SHEETS = 8
"""Epochs that the images of a run show at most."""


def draw_contact_sheet(candidates: pd.DataFrame, images: Tensor, groups: int) -> Image.Image:
    """Draw the selected samples of a few groups, one group per row, with reward and diversity.

    Args:
        candidates: One row per image, in the same order.
        images: `(n, 3, h, w)`, uint8.
        groups: Groups to show, from the first.
    """
    first = candidates[candidates["selected"] & (candidates["group"] < groups)]
    rows = []
    for _, unsorted in first.groupby("group"):
        group = unsorted.sort_values("candidate")
        epoch, prompt = group["epoch"].iloc[0], group["prompt"].iloc[0]
        values = zip(group["reward"], group["diversity"], strict=True)
        rows.append(
            Row(
                [enlarge(image) for image in to_pil(images[group.index.tolist()])],
                title=f"epoch {epoch} · {prompt}",
                captions=[f"r {reward:.3f}   d {diversity:.2f}" for reward, diversity in values],
            )
        )
    return lay_out(rows)


def draw_prompt_over_epochs(
    sheets: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
) -> Image.Image:
    """Put one prompt's groups of some epochs below each other, to see what training changes.

    The prompt is one that fills the image, or the one that the sheets show most often; of those,
    the one with the most epochs between its first and its last. Where none comes twice, the first
    groups of some sheets are shown. Sheets of another size than the last were made with other
    settings and are left out.

    Args:
        sheets: Contact sheets, one per epoch, in order.
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
    strips = [cut_row(sheets[index], row, rows=len(prompts[index])) for index, row in chosen]
    return lay_out([Row([strip]) for strip in strips], gap=0, margin=0)
