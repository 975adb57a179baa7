"""Images laid out in rows for people to look at, with titles above rows and captions below images.

```
title of the row
┌────┐ ┌────┐ ┌────┐
│    │ │    │ │    │
└────┘ └────┘ └────┘
caption caption caption
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest

from PIL import Image, ImageDraw, ImageFont

GAP = 4
"""White pixels between images, and around all of them."""
SHOWN = 128
"""Width in pixels below which an image is too small to be looked at."""
TITLE, CAPTION = 14, 11
"""Sizes of the letters, in pixels."""


@dataclass(frozen=True)
class Row:
    """A row of a grid.

    Attributes:
        images: From left to right.
        title: A line above them.
        captions: A line below each image; none, or as many as there are images.
    """

    images: Sequence[Image.Image]
    title: str = ""
    captions: Sequence[str] = ()

    @property
    def above(self) -> int:
        """Height of the title, in pixels."""
        return _line_height(TITLE) if self.title else 0

    @property
    def middle(self) -> int:
        """Height of the images, in pixels."""
        return max((image.height for image in self.images), default=0)

    @property
    def height(self) -> int:
        """Height of the whole row, in pixels."""
        return self.above + self.middle + (_line_height(CAPTION) if self.captions else 0)


def lay_out(rows: Sequence[Row], gap: int = GAP, margin: int = GAP) -> Image.Image:
    """Lay images out on white, each in its own size; a column is as wide as its widest image.

    A line that is longer than the room for it ends in "…".

    Args:
        rows: From top to bottom; they may differ in length.
        gap: White pixels between columns and between rows.
        margin: White pixels around the whole.

    Returns:
        The grid, RGB, of at least one pixel.
    """
    columns = [
        max(image.width for image in column if image)
        for column in zip_longest(*(row.images for row in rows))
    ]
    width, height = (
        max(1, sum(sizes) + gap * (len(sizes) - 1) + 2 * margin)
        for sizes in (columns, [row.height for row in rows])
    )
    grid = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(grid)
    top = margin
    for row in rows:
        _write(draw, (margin, top), row.title, TITLE, "black", width - 2 * margin)
        left, captions = margin, row.captions or [""] * len(row.images)
        for image, caption, column in zip(row.images, captions, columns, strict=False):
            grid.paste(image, (left, top + row.above))
            place = (left + 2, top + row.above + row.middle)
            _write(draw, place, caption, CAPTION, "#444", column - 2)
            left += column + gap
        top += row.height + gap
    return grid


def cut_row(grid: Image.Image, row: int, rows: int) -> Image.Image:
    """Cut a row out of a grid with the usual gaps, together with the white above and below it.

    Args:
        grid: As `lay_out` makes it.
        row: Number of the row, from 0.
        rows: Rows of the grid, all of the same height.
    """
    step = (grid.height - GAP) // rows
    return grid.crop((0, row * step, grid.width, (row + 1) * step + GAP))


def enlarge(image: Image.Image) -> Image.Image:
    """Enlarge an image that is too small by a whole factor, so that its pixels stay as they are."""
    factor = max(1, -(-SHOWN // image.width))
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def _line_height(size: int) -> int:
    return round(1.6 * size)


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: str, room: int
) -> None:  # fmt: skip
    """Write one line into a strip of `_line_height(size)`, no wider than its room."""
    font = ImageFont.load_default(size)
    if draw.textlength(text, font) > room:
        lengths = (draw.textlength(f"{text[:count]}…", font) for count in range(len(text)))
        fitting = len(list(takewhile(lambda length: length <= room, lengths)))
        text = f"{text[: max(0, fitting - 1)].rstrip()}…"
    left, top = place
    draw.text((left, top + (_line_height(size) - size) // 2 - 1), text, colour, font)
