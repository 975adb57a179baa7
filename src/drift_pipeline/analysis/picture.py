"""A figure that is drawn: vectors, pixels and what it shows."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A figure, ready to be written.

    Attributes:
        svg: As vectors.
        png: As pixels.
        caption: What it shows, in a few sentences of plain text.
    """

    svg: str
    png: bytes
    caption: str

    def data_uri(self) -> str:
        """The vectors as an address that needs no file."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"
