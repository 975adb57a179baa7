"""What Kedro-Viz shows of a dataset; it tells the kinds apart by the names of these types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from pandas import DataFrame

ImagePreview = NewType("ImagePreview", str)
JSONPreview = NewType("JSONPreview", str)
TablePreview = NewType("TablePreview", dict)

NUMBERS = 3
"""Numbers of a vector that a cell shows."""


def table_preview(rows: DataFrame) -> TablePreview:
    """Turn rows into plain values that any JSON encoder takes.

    Args:
        rows: The rows to show; cells may hold arrays, bytes or dictionaries.
    """
    values = rows.to_dict(orient="split")
    values["data"] = [[shown(cell) for cell in row] for row in values["data"]]
    return TablePreview(values)


def shown(cell: Any) -> Any:
    """Shorten what does not fit a cell: vectors, bytes, dictionaries.

    Args:
        cell: A value of a table.

    Example:
        >>> shown([0.125, 2.0, 3.0, 4.0])
        '[0.125, 2, 3, …] (4)'
        >>> shown(b"1234")
        '4 bytes'
    """
    if cell is None or isinstance(cell, str | bool | int | float):
        return cell
    if isinstance(cell, bytes):
        return f"{len(cell)} bytes"
    if isinstance(cell, dict):
        return ", ".join(f"{key}: {shown(value)}" for key, value in cell.items())
    if isinstance(cell, Iterable):
        items = list(cell)
        more = ", …" if len(items) > NUMBERS else ""
        return f"[{', '.join(_short(item) for item in items[:NUMBERS])}{more}] ({len(items)})"
    return str(cell)


def _short(item: Any) -> str:
    try:
        return f"{item:.3g}"
    except (TypeError, ValueError):
        return str(shown(item))
