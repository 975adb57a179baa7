"""The sheet of a judged checkpoint: a prompt a row, its first images."""

import pandas as pd
import torch

from drift_pipeline.common.image_grid import GAP
from drift_pipeline.common.images import to_png
from drift_pipeline.evaluation.contact_sheet import draw_prompt_rows


def shard(prompt, greys):
    images = torch.tensor([*greys], dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 64, 64)
    return pd.DataFrame(
        {
            "run": "drift",
            "epoch": 2,
            "prompt": prompt,
            "image": [{"bytes": file, "path": "x.png"} for file in to_png(images)],
        }
    )


def test_a_row_shows_the_first_images_of_a_prompt():
    shards = iter([shard("a cat", range(10, 200, 10)), shard("a dog", [210, 220])])
    sheet = draw_prompt_rows(shards)
    assert sheet.width == 8 * 128 + 9 * GAP  # 64 pixels are enlarged to 128
    step = (sheet.height - GAP) // 2
    lefts = range(GAP, sheet.width, 128 + GAP)
    shown = [[sheet.getpixel((left + 64, top + 90))[0] for left in lefts] for top in (0, step)]
    assert shown == [[*range(10, 90, 10)], [210, 220, *[255] * 6]]
