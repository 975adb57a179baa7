"""Writing a file or a folder whole or not at all.

What is being written has another name until it is complete. A process that is killed in between
leaves the old file, or none, and never half of a new one. Some libraries write files that their
owner alone may read (safetensors does, by way of a temporary file); here every file gets the
permissions that the folder and the process give to new ones.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give the name to write a file under; at the end it takes the target's place at once.

    Args:
        target: The file's final name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.chmod(_usual_mode(target.parent))
    _flush(part)
    part.replace(target)
    _flush(target.parent)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to write into; at the end it becomes the target.

    Args:
        target: The folder's final name; one that exists is replaced.
    """
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
    except BaseException:
        shutil.rmtree(part)
        raise
    swap(part, target)


def swap(new: Path, target: Path) -> None:
    """Put a finished folder in the place of another one, which is removed after that.

    A process that is killed between the two renames leaves the old folder under a hidden name;
    `recover` brings it back.

    Args:
        new: The folder, complete, on the same file system.
        target: Its final name.
    """
    mode = _usual_mode(new)
    for file in new.rglob("*"):
        if file.is_file():
            file.chmod(mode)
        _flush(file)
    old = _old(target)
    recover(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    _flush(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Undo a replacement that was cut off halfway, so that the old folder is there again."""
    old = _old(target)
    if old.exists() and not target.exists():
        old.rename(target)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _usual_mode(folder: Path) -> int:
    """The permissions of a file that is made in a folder: asked of the system, not of the umask.

    Reading the umask means changing it for a moment, in all threads.
    """
    probe = folder / f".{os.getpid()}.{threading.get_ident()}.part"
    handle = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)
        probe.unlink()


def _flush(path: Path) -> None:
    """Wait until the disk has it, so that a rename never outruns what is renamed."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # a system that opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
