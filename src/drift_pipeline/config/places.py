"""Places on this machine's disk: what parameters name there, and what has to lie there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)(:/|::)")
"""A protocol of two letters or more; one letter is a drive of Windows."""
POSSIBLE = (
    "only the tables, JSON files, texts and single images of the catalog can lie elsewhere; give "
    "a folder of this machine (a mounted one will do), or share results with `dvc push`"
)


def local_path(place: str) -> str:
    """Return a path on the disk.

    Args:
        place: A path, or an address that begins with `file://`.

    Returns:
        The path, without `file://`.

    Raises:
        ValueError: It is the address of something else, such as `s3://bucket/folder`.
    """
    match = ADDRESS.match(place)
    if match is None:
        return place
    if match[1].lower() != "file":
        raise ValueError(f"{place!r} is not a place on this machine's disk; {POSSIBLE}")
    return unquote(urlsplit(place).path)


def local(place: str | Path, owner: str) -> Path:
    """Return the path of a dataset that is a folder or a file of ours.

    Raises:
        ValueError: It is no path on the disk; the message names the owner.
    """
    try:
        return Path(local_path(str(place)))
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from error


LocalPath = Annotated[str, AfterValidator(local_path)]
"""A parameter that is a path on the disk."""


def find(text: str, root: Path) -> Path | None:
    """Return the file or folder that a text names; `None` where there is none.

    Args:
        text: Any text, such as a path, absolute or relative to the project, or a hub id.
        root: The project's folder.
    """
    try:
        return root / text if text and (root / text).exists() else None
    except (OSError, ValueError):  # too long for a path, or with a null character
        return None


def locate(value: Any, root: Path) -> Any:
    """Make paths in plain values absolute, where the project has such a file.

    Args:
        value: A value from the configuration, possibly nested; hub ids and numbers stay.
        root: The project's folder.
    """
    if isinstance(value, dict):
        return {key: locate(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [locate(item, root) for item in value]
    if isinstance(value, str) and (found := find(value, root)) is not None:
        return str(found)
    return value
