"""Plain values: dotted names, short hashes, rows for JSON, and a file's checksum."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def fingerprint(value: Any) -> str:
    """Return a short hash of plain values."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested values dotted names.

    Args:
        values: Possibly nested.
        prefix: Name of the whole.
    """
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            named.update(flat(value, name))
        else:
            named[name] = value
    return named


def texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Find the non-empty strings in a value, lists and mappings included.

    Args:
        value: Anything that YAML can hold.
        name: Name of the whole.

    Yields:
        The dotted name and the string.

    Example:
        >>> list(texts({"parts": [{"model": "a"}, "b"]}, "options"))
        [('options.parts.0.model', 'a'), ('options.parts.1', 'b')]
    """
    if isinstance(value, str):
        if value:
            yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts(item, f"{name}.{index}")


def without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """Prepare a row for JSON, which knows no NaN and no infinity: they become `None`."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
