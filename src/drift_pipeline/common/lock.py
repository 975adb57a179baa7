"""One process at a time in a folder."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from drift_pipeline.common.errors import ConfigurationError

logger = logging.getLogger(__name__)

UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""What the system says where a disk cannot be locked, such as Lustre without its flock option."""
POLL = 0.5
"""Seconds between two attempts of one who waits."""


class InUseError(ConfigurationError):
    """Another process works in the folder."""


class UnwritableError(ConfigurationError):
    """Nothing can be written beside the folder, so it cannot be locked."""


class FolderLock:
    """Keeps other processes out of a folder, on this machine and on others that share the disk.

    The system takes the lock away when its process ends, however it ends, so that there is none
    of a dead process. It lies beside the folder, as `.<name>.lock`, and stays there when it is
    released: a file that went could be locked twice. What is in it says who holds it.

    Args:
        folder: The folder; it need not exist. Of a link its target is locked.
        wait: Wait for the holder, and say once for whom, where it would be refused.

    Example:
        with FolderLock(folder):
            ...
    """

    def __init__(self, folder: Path, wait: bool = False) -> None:
        self.folder = folder.resolve()
        self.path = self.folder.with_name(f".{self.folder.name}.lock")
        self._wait = wait
        # Kedro may run hooks and nodes in different threads.
        self._lock = FileLock(self.path, thread_local=False, on_acquired=_sign)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_locked

    def acquire(self) -> None:
        """Take the lock; nothing happens where this object holds it already.

        Some file systems of clusters know no locks; there it warns and does without.

        Raises:
            InUseError: In one line, who holds it.
            UnwritableError: In one line, why nothing can be written there.
        """
        if self.held:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                if not self._wait:
                    raise
                logger.info("Waiting for %s in %s", self.holder(), self.folder)
                self._lock.acquire(timeout=-1, poll_interval=POLL)
        except Timeout:
            raise InUseError(
                f"{self.folder} is in use by {self.holder()}; wait for it to end, or end it"
            ) from None
        except OSError as error:
            if error.errno in UNSUPPORTED:
                logger.warning(
                    "The file system of %s knows no locks (%s): see to it that no other process "
                    "works there", self.folder, error.strerror,
                )  # fmt: skip
                return
            raise UnwritableError(
                f"{self.folder.parent} cannot be written to ({error.strerror or error}); "
                "name another folder or get write permission for this one"
            ) from error

    def release(self) -> None:
        """Give the lock back, if this object holds it."""
        if self.held:
            with suppress(OSError):  # it went with its folder
                os.truncate(self.path, 0)
            self._lock.release()

    def holder(self) -> str:
        """Say who holds the lock, as far as is known."""
        try:
            who = json.loads(self.path.read_text(encoding="utf-8"))
            return f"process {who['pid']} on {who['host']} since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Claim:
    """The one folder that this process works in, from one run to the next.

    Kedro calls no hook at the end of a run that another hook or Ctrl-C has stopped; in a notebook
    the lock is then still held, and the next run finds it as its own.
    """

    def __init__(self) -> None:
        self._lock: FolderLock | None = None

    def take(self, folder: Path, needed: bool = True) -> bool:
        """Lock a folder, and let go of the one before.

        Args:
            folder: The folder.
            needed: Whether anything will be written; where not, a read-only folder will do.

        Returns:
            Whether the folder may be written to.

        Raises:
            InUseError: In one line, who holds it.
            UnwritableError: In one line, why nothing can be written there.
        """
        if self._lock is None or self._lock.folder != folder.resolve():
            self.release()
            self._lock = FolderLock(folder)
        try:
            self._lock.acquire()
        except UnwritableError:
            if needed:
                raise
            return False
        return True

    @contextmanager
    def released_on_error(self) -> Iterator[None]:
        """Let go of the folder where the block fails: no hook of Kedro's would be called then."""
        try:
            yield
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()


def _sign(handle: int) -> None:
    """Write into the lock file who holds it."""
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": now}
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(who).encode())
