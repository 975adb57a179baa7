"""Checksums beside what is written, checked before it is used.

A folder has one `SHA256SUMS` for the files in it, which `sha256sum -c SHA256SUMS` reads, too. A
JSON file that describes others has their checksums, and its own, within itself: it is sealed.
What was written without a checksum is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from drift_pipeline.common.atomic import replacing
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import sha256 as sha256

SUMS = "SHA256SUMS"
SEAL, FILES = "sha256", "files"
_writing = threading.Lock()


class DamagedError(ConfigurationError, DatasetError):
    """A file is not what was written; the message is one line that says what to do.

    A dataset may raise it, which Kedro turns into an error of its own with that line; from a hook
    it goes through to the command line, which prints the line alone.
    """


@contextmanager
def replacing_summed(target: Path) -> Iterator[Path]:
    """Write a file whole, as `replacing` does, with its checksum in the folder's `SHA256SUMS`.

    Where the process is killed between the two, both the old and the new content are accepted.

    Args:
        target: The file's final name.

    Yields:
        The name to write it under.
    """
    known = read_sums(target.parent).get(target.name)
    # A file of before there were checksums is as right as any until it is replaced.
    old = known or ({sha256(target)} if target.is_file() else set())
    with replacing(target) as part:
        yield part
        new = {sha256(part)}
        _set_sums(target.parent, {target.name: old | new})
    if old - new:
        _set_sums(target.parent, {target.name: new})


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` for all files that lie in a folder, subfolders left out."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != SUMS]
    _set_sums(folder, {path.name: {sha256(path)} for path in files})


def verify(path: Path, remedy: str) -> None:
    """Refuse a file that differs from its checksum.

    Args:
        path: The file; one without a checksum passes.
        remedy: What to do about it, for the message.

    Raises:
        DamagedError: In one line, which file and what to do.
    """
    known = read_sums(path.parent).get(path.name)
    if known is None or sha256(path) in known:
        return
    # Another process may have replaced the file between the two readings.
    known = read_sums(path.parent).get(path.name)
    if known is not None and sha256(path) not in known:
        raise DamagedError(
            f"{path} is damaged or was changed by hand (it differs from {SUMS}); {remedy}"
        )


def intact(path: Path) -> bool:
    """Return whether a file is what was written, as far as a checksum says."""
    try:
        verify(path, "")
    except DamagedError:
        return False
    return True


def verify_folder(folder: Path, remedy: str) -> None:
    """Refuse a folder with a file that is missing or differs from its checksum.

    Args:
        folder: The folder; one without `SHA256SUMS` passes.
        remedy: What to do about it, for the message.

    Raises:
        DamagedError: In one line, which file and what to do.
    """
    for name in read_sums(folder):
        if not (folder / name).is_file():
            raise DamagedError(f"{folder / name} is missing; {remedy}")
        verify(folder / name, remedy)


def read_sums(folder: Path) -> dict[str, set[str]]:
    """Read `SHA256SUMS`: the checksums that each file may have; a file not named has none."""
    found: dict[str, set[str]] = {}
    with suppress(OSError):
        for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
            if match := re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line):
                found.setdefault(match[2], set()).add(match[1])
    return found


def sealed(values: Mapping[str, Any], files: Iterable[Path]) -> str:
    """Write values as JSON that holds its own checksum and those of the files it describes.

    Args:
        values: What JSON can hold.
        files: Complete files that will lie beside it.
    """
    sums = {path.name: {"sha256": sha256(path), "size": path.stat().st_size} for path in files}
    whole = json.loads(json.dumps({**values, FILES: sums}))  # as it will be read again
    return json.dumps({**whole, SEAL: _seal(whole)}, indent=2) + "\n"


def read_sealed(
    path: Path, remedy: str, optional: Iterable[str] = (), alone: bool = False
) -> dict[str, Any]:
    """Read JSON as `sealed` writes it, and check the files that it describes.

    Args:
        path: The JSON file; one without a seal passes, if it is JSON.
        remedy: What to do about damage, for the message.
        optional: Files that may have been removed since.
        alone: Leave the other files unread.

    Returns:
        The values, without the checksums.

    Raises:
        DamagedError: In one line, which file is damaged and what to do.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} cannot be read ({error}); {remedy}") from error
    seal = values.pop(SEAL, None)
    if (seal is not None or FILES in values) and seal != _seal(values):
        raise DamagedError(
            f"{path} is damaged or was changed by hand (it differs from its checksum); {remedy}"
        )
    files = values.pop(FILES, {})
    for name, expected in () if alone else files.items():
        file = path.with_name(name)
        if not file.is_file():
            if name in optional:
                continue
            raise DamagedError(f"{file} is missing; {remedy}")
        size = file.stat().st_size
        if size != expected["size"]:
            raise DamagedError(
                f"{file} is damaged: it has {size:,} bytes, not {expected['size']:,}; {remedy}"
            )
        if sha256(file) != expected["sha256"]:
            raise DamagedError(
                f"{file} is damaged or was changed by hand (it differs from its checksum in "
                f"{path.name}); {remedy}"
            )
    return values


def _seal(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _set_sums(folder: Path, changed: Mapping[str, set[str]]) -> None:
    with _writing, _folder_locked(folder):
        lines = [
            f"{digest}  {name}\n"
            for name, digests in sorted({**read_sums(folder), **changed}.items())
            for digest in sorted(digests)
        ]
        with replacing(folder / SUMS) as part:
            part.write_text("".join(lines), encoding="utf-8", newline="\n")


@contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing the same `SHA256SUMS`, where the system can lock folders.

    Whoever needs certainty holds a `FolderLock` of its own around the whole job.
    """
    handle = None
    with suppress(ImportError, OSError):
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)
