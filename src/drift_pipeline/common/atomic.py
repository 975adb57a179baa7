"""Writing a file or a folder whole or not at all.

What is being written has another name until it is complete, one of its own for each writer. A
process that is killed in between leaves the old file, or none, and never half of a new one. Some
libraries write files that their owner alone may read (safetensors does, by way of a temporary
file); here every file gets the permissions that the folder and the process give to new ones.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import stat
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
    part = _part(target.parent, target.stem, target.suffix)
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
    part = _part(target.parent, target.name)
    part.mkdir(parents=True)
    try:
        yield part
    except BaseException:
        shutil.rmtree(part)
        raise
    swap(part, target)


def swap(new: Path, target: Path) -> None:
    """Replace a folder with a finished one; the old one is removed after that.

    A process that is killed between the two renames leaves the old folder under a hidden name;
    `recover` brings it back.

    Args:
        new: The folder, complete, on the same file system.
        target: Its final name.
    """
    mode = _usual_mode(new)
    for file in new.rglob("*"):
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) != mode:
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
    """Find the permissions of new files in a folder: asked of the system, not of the umask.

    Reading the umask means changing it for a moment, in all threads.
    """
    probe = _part(folder, "mode")
    handle = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)
        probe.unlink()


def leftovers(folder: Path, others: bool = False) -> list[Path]:
    """Find what processes that have ended left half-written in a folder.

    Args:
        folder: Where to look, subfolders left out.
        others: Include what other machines have written, of whose processes nothing is known
            here. Only for those who hold the folder's lock.
    """
    host, found = re.escape(_host()), []
    for path in sorted(folder.glob(".*.part*")):
        ours = re.search(rf"\.{host}-(\d+)-\w+\.part", path.name)
        if (others and ours is None) or (ours and not _lives(int(ours[1]))):
            found.append(path)
    return found


def _part(folder: Path, stem: str, suffix: str = "") -> Path:
    """Return a name that no other writer has; remove what dead ones have left of the file."""
    for path in leftovers(folder):
        if path.name.startswith(f".{stem}.{_host()}-"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    writer = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    return folder / f".{stem}.{writer}.part{suffix}"


def _host() -> str:
    return re.sub(r"\W", "_", socket.gethostname())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


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
