"""Images in rows: every image where it belongs, every line within the grid."""

import numpy as np
import pytest
from PIL import Image, ImageChops

from drift_pipeline.common.image_grid import GAP, Row, cut_row, enlarge, lay_out

RED, GREEN, BLUE, WHITE = (200, 0, 0), (0, 200, 0), (0, 0, 200), (255, 255, 255)


def tile(colour, width=20, height=20):
    return Image.new("RGB", (width, height), colour)


def box_of(grid, colour):
    """Left, top, right and bottom of all that has this colour, which must be a whole rectangle."""
    found = (np.asarray(grid) == colour).all(axis=2)
    rows, columns = np.nonzero(found.any(axis=1))[0], np.nonzero(found.any(axis=0))[0]
    box = tuple(map(int, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
    assert found.sum() == (box[2] - box[0]) * (box[3] - box[1])
    return box


def test_images_keep_their_size_in_columns_as_wide_as_the_widest():
    rows = [Row([tile(RED, 10, 30), tile(GREEN)]), Row([tile(BLUE, 40, 8)])]
    grid = lay_out(rows, gap=3, margin=5)
    assert grid.size == (5 + 40 + 3 + 20 + 5, 5 + 30 + 3 + 8 + 5)
    assert box_of(grid, RED) == (5, 5, 15, 35)
    assert box_of(grid, GREEN) == (48, 5, 68, 25)
    assert box_of(grid, BLUE) == (5, 38, 45, 46)


def test_a_line_takes_room_only_where_there_is_one():
    bare, titled, captioned = (
        lay_out([Row([tile(RED, 60)], **text)])
        for text in ({}, {"title": "title"}, {"captions": ["caption"]})
    )
    left, top, right, bottom = box_of(bare, RED)
    assert (left, top) == (GAP, GAP) and bare.size == (right + GAP, bottom + GAP)
    above = titled.height - bare.height
    assert box_of(titled, RED) == (left, top + above, right, bottom + above)
    assert box_of(captioned, RED) == (left, top, right, bottom)
    below = captioned.height - bare.height
    # Letters of 14 and 11 pixels, with some white around them.
    assert 14 < above < 28 and 11 < below < 22
    assert (
        ImageChops.difference(titled, Image.new("RGB", titled.size, "white"))
        .crop((0, 0, titled.width, top + above))
        .getbbox()
    )
    assert (
        ImageChops.difference(captioned, Image.new("RGB", captioned.size, "white"))
        .crop((0, bottom, captioned.width, captioned.height))
        .getbbox()
    )


@pytest.mark.parametrize("letters", ["W", "gjpqy", "ÅÉ|"])
def test_long_lines_end_within_the_room_they_have(letters):
    images = [tile(RED, 80), tile(GREEN, 80)]
    written = Row(images, title=letters * 50, captions=[letters * 50, ""])
    grid = lay_out([written, Row(images)])
    empty = lay_out([Row(images, title=" ", captions=["", ""]), Row(images)])
    left, top, right, bottom = ImageChops.difference(grid, empty).getbbox()
    assert left >= GAP and right <= grid.width - GAP
    assert top >= GAP and bottom <= GAP + written.height
    # The caption of the first image stays out of the second one's column, and off the images.
    second = grid.crop((GAP + 80, GAP + written.above, grid.width, GAP + written.height))
    assert {colour for _, colour in second.getcolors()} == {WHITE, GREEN}
    assert box_of(grid.crop((0, 0, grid.width, GAP + written.height)), RED)


def test_what_fits_is_not_shortened():
    narrow, wide = (lay_out([Row([tile(RED, width)], title="a cat")]) for width in (60, 200))
    height = narrow.height - 20 - GAP
    short, whole = (grid.crop((0, 0, 64, height)) for grid in (narrow, wide))
    assert short.tobytes() == whole.tobytes()


def test_a_row_is_cut_with_the_white_around_it():
    rows = [Row([tile(colour, 90)], title=str(colour), captions=["x"]) for colour in (RED, BLUE)]
    grid = lay_out(rows)
    for index, row in enumerate(rows):
        assert cut_row(grid, index, 2).tobytes() == lay_out([row]).tobytes()


def test_small_images_are_enlarged_pixel_by_pixel():
    pixels = np.random.default_rng(0).integers(256, size=(10, 50, 3), dtype=np.uint8)
    large = enlarge(Image.fromarray(pixels))
    assert large.size == (150, 30)  # 128 are wanted
    assert np.array_equal(np.asarray(large)[1::3, 1::3], pixels)
    wide = tile(RED, 128)
    assert enlarge(wide).tobytes() == wide.tobytes()


def test_nothing_is_an_image_that_can_be_written(tmp_path):
    lay_out([], gap=0, margin=0).save(tmp_path / "empty.png")
