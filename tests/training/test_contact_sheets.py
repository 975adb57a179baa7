"""Which images a run shows of itself."""

import pandas as pd
import torch
from PIL import Image

from drift_pipeline.common.image_grid import GAP
from drift_pipeline.training.contact_sheets import (
    SHEETS,
    draw_contact_sheet,
    draw_prompt_over_epochs,
)

ROW = 10


def sheet_of(colours):
    """A contact sheet with a row of each colour."""
    sheet = Image.new("RGB", (30, GAP + ROW * len(colours)), "white")
    for row, colour in enumerate(colours):
        sheet.paste(colour, (0, GAP + row * ROW, 30, GAP + (row + 1) * ROW))
    return sheet


def rows_of(picture, height=ROW + GAP):
    return [picture.getpixel((5, top + height // 2)) for top in range(0, picture.height, height)]


def test_one_prompt_is_followed_through_the_epochs():
    prompts = [["cat", "dog"], ["bird", "cat"], ["fish", "dog"], ["dog", "cat"]]
    colours = [[(e, r, 0) for r in range(2)] for e in range(4)]
    picture = draw_prompt_over_epochs([sheet_of(c) for c in colours], prompts)
    # Cat and dog are shown three times each, with the same span; cat comes first.
    assert rows_of(picture) == [(0, 0, 0), (1, 1, 0), (3, 1, 0)]


def test_the_longer_way_is_shown():
    prompts = [["cat"], ["dog"], ["cat"], ["bird"], ["dog"]]
    picture = draw_prompt_over_epochs([sheet_of([(e, 0, 0)]) for e in range(5)], prompts)
    assert rows_of(picture) == [(1, 0, 0), (4, 0, 0)]


def test_a_long_run_shows_some_of_its_epochs_from_first_to_last():
    picture = draw_prompt_over_epochs([sheet_of([(e, 0, 0)]) for e in range(50)], [["cat"]] * 50)
    epochs = [red for red, _, _ in rows_of(picture)]
    assert len(epochs) == SHEETS and epochs[0] == 0 and epochs[-1] == 49
    assert epochs == sorted(set(epochs))


def test_where_no_prompt_comes_twice_the_first_groups_are_shown():
    prompts = [["cat", "dog"], ["bird", "fish"]]
    sheets = [sheet_of([(e, 0, 0), (e, 1, 0)]) for e in range(2)]
    assert rows_of(draw_prompt_over_epochs(sheets, prompts)) == [(0, 0, 0), (1, 0, 0)]


def test_a_prompt_twice_on_a_sheet_counts_once():
    prompts = [["cat", "cat"], ["dog", "bird"], ["dog", "fish"]]
    sheets = [sheet_of([(e, 0, 0), (e, 1, 0)]) for e in range(3)]
    assert rows_of(draw_prompt_over_epochs(sheets, prompts)) == [(1, 0, 0), (2, 0, 0)]


def test_sheets_of_another_size_are_left_out():
    """They were made when other numbers of groups were asked for."""
    sheets = [sheet_of([(0, 0, 0)]), *(sheet_of([(e, 0, 0), (e, 1, 0)]) for e in (1, 2))]
    picture = draw_prompt_over_epochs(sheets, [["cat", "dog"]] * 3)
    assert rows_of(picture) == [(1, 0, 0), (2, 0, 0)]


def test_of_prompts_that_fill_the_picture_the_longest_way_wins():
    prompts = [["dog", "cat"]] * (SHEETS + 1) + [["bird", "cat"]] + [["dog", "bird"]]
    sheets = [sheet_of([(e, 0, 0), (e, 1, 0)]) for e in range(SHEETS + 3)]
    rows = rows_of(draw_prompt_over_epochs(sheets, prompts))
    assert rows[0] == (0, 0, 0) and rows[-1] == (SHEETS + 2, 0, 0)


def test_a_contact_sheet_shows_the_selected_samples_of_the_first_groups():
    candidates = pd.DataFrame(
        {
            "epoch": 3,
            "group": [0, 0, 0, 1, 1, 1, 2, 2, 2],
            "prompt": [name for name in ("cat", "dog", "bird") for _ in range(3)],
            "candidate": [1, 0, 2] * 3,
            "reward": 0.5,
            "diversity": 0.1,
            "selected": [True, True, False, False, True, True, True, True, True],
        }
    )
    colours = torch.arange(9) * 25
    images = colours.to(torch.uint8).view(9, 1, 1, 1).expand(9, 3, 128, 128)
    sheet = draw_contact_sheet(candidates, images, groups=2)
    assert sheet.width == 2 * 128 + 3 * GAP
    step = (sheet.height - GAP) // 2
    shown = [
        [sheet.getpixel((GAP + 64 + column * (128 + GAP), row * step + 90))[0] for column in (0, 1)]
        for row in (0, 1)
    ]
    assert shown == [[25, 0], [100, 125]]  # in the order of the candidates
