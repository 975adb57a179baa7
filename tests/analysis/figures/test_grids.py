"""The same prompts and seeds, a row a method."""

import io

import numpy as np
import pandas as pd
import pytest
from analysis import synthetic
from PIL import Image

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.figures import style
from drift_pipeline.analysis.figures.grids import (
    draw_grid,
    pick_checkpoints,
    pick_prompts,
    row_label,
)


def test_grids_take_the_checkpoints_of_like_reward(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path("grpo", "pickscore", 42, {
            10: (0.6, 0.2, 0.5, 60.0, 0.5), 20: (0.5, 0.2, 0.5, 50.0, 0.72),
            30: (0.4, 0.2, 0.5, 40.0, 0.9),
        }),
        *synthetic.path("drift", "pickscore", 42, {
            10: (0.7, 0.2, 0.5, 60.0, 0.4), 20: (0.6, 0.2, 0.5, 50.0, 0.7),
        }),
    ]  # fmt: skip
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    chosen = pick_checkpoints(table, analyze.comparisons["main"], "pickscore")
    assert [*zip(chosen["method"], chosen["epoch"], strict=True)] == [("grpo", 20), ("drift", 20)]
    assert row_label(chosen.iloc[1], analyze) == "DRIFT\nepoch 20, reward 0.700"
    assert pick_checkpoints(table, analyze.comparisons["main"], "hpsv2").empty


def test_prompts_that_are_not_there_are_replaced_only_where_none_is():
    assert pick_prompts(["a", "b", "c"], ["c", "x"]) == ["c"]
    assert pick_prompts(["a", "b", "c"], ["x", "y"]) == ["a", "b"]


def picture(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": "x.png"}


def test_a_grid_shows_the_same_seeds_in_every_row():
    red, blue = (213, 10, 20), (20, 10, 213)
    rows = {
        "base": pd.DataFrame({"seed": [3, 1, 2], "image": [picture(red)] * 3}),
        "drift": pd.DataFrame({"seed": [2, 3, 9], "image": [picture(blue)] * 3}),
    }
    drawn = draw_grid({"a cat": rows}, {"base": "Base", "drift": "DRIFT"}, images=8)
    pixels = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB")).astype(int)
    area = [int((np.abs(pixels - colour).max(axis=2) < 12).sum()) for colour in (red, blue)]
    side = style.PIXELS_AN_INCH * 0.92 * 32 / 34  # a pixel of white on each side
    # Seeds 2 and 3 are in both rows: two pictures each.
    assert area == pytest.approx([2 * side**2] * 2, rel=0.05)
