"""What the images of a judged checkpoint look like."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import pandas as pd
from PIL import Image

from drift_pipeline.common.image_grid import Row, enlarge, lay_out

COLUMNS = 8
"""Images of each prompt."""


def draw_prompt_rows(shards: Iterable[pd.DataFrame]) -> Image.Image:
    """Draw the first images of some prompts, one prompt per row.

    Args:
        shards: One table per prompt, with run, epoch, prompt and image (the bytes of a file).
    """
    rows = []
    for shard in shards:
        run, epoch, prompt = shard[["run", "epoch", "prompt"]].iloc[0]
        files = [BytesIO(file["bytes"]) for file in shard["image"][:COLUMNS]]
        images = [enlarge(Image.open(file).convert("RGB")) for file in files]
        rows.append(Row(images, title=f"{run}, epoch {epoch} · {prompt}"))
    return lay_out(rows)
