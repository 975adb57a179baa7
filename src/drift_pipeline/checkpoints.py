"""A model's files: finding them here or on the Hugging Face Hub, telling them apart."""

import hashlib
import re
from pathlib import Path

ENDS = 64 * 1024
"""Bytes of a file's beginning and of its end that a digest looks at."""


def existing(path: str | Path, what: str) -> Path:
    """Returns the path if there is something.

    Args:
        path: A file or folder.
        what: What should be there, for the message.

    Raises:
        FileNotFoundError: If nothing is there, in one line that says what was looked for.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{what} is not at {path} (looked from {Path.cwd()})")
    return Path(path)


def local_or_hub(name: str | Path, what: str) -> str:
    """Returns the name of a local folder that exists, or of a Hub repository ("owner/name").

    Args:
        name: A path, or a Hub id, which never has more than one slash.
        what: What it should be, for the message.

    Raises:
        FileNotFoundError: If it is no Hub id and nothing is there.
    """
    is_hub_id = re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", str(name))
    return str(name) if is_hub_id else str(existing(name, what))


def files_digest(path: Path) -> str:
    """A short hash that changes when a model is trained again or replaced under the same path.

    It looks at names, sizes and both ends of the files, so that gigabytes take no time.
    Hidden files, which systems and editors leave behind, do not count.

    Args:
        path: A file, or a folder with files anywhere below it.
    """
    digest = hashlib.sha256()
    root = path.parent if path.is_file() else path
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        parts = file.relative_to(root).parts
        if not file.is_file() or any(part.startswith(".") for part in parts):
            continue
        size = file.stat().st_size
        digest.update(f"{parts} {size} ".encode())
        with file.open("rb") as content:
            digest.update(content.read(ENDS))
            content.seek(max(0, size - ENDS))
            digest.update(content.read(ENDS))
    return digest.hexdigest()[:16]
