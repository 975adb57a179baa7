"""One process at a time, whatever becomes of the others."""

import errno
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from drift_pipeline.common.lock import Claim, FolderLock, InUseError, UnwritableError

HOLDER = """
import sys
from pathlib import Path
from drift_pipeline.common.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "run")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_with_the_holder(tmp_path, holder):
    message = (
        rf"{tmp_path}/run is in use by process {holder.pid} on "
        rf"{re.escape(socket.gethostname())} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\S*; wait"
    )
    for _ in range(2):  # looking does not disturb it
        with pytest.raises(InUseError, match=message) as error:
            FolderLock(tmp_path / "run").acquire()
        assert "\n" not in str(error.value)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with FolderLock(tmp_path / "run") as lock:
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()
    assert not lock.held and lock.path.read_text() == ""


def test_one_waits_for_a_holder_and_says_for_whom(tmp_path, holder, caplog):
    caplog.set_level(logging.INFO, "drift_pipeline")
    lock = FolderLock(tmp_path / "run", wait=True)
    told = threading.Event()

    class Told(logging.Handler):
        def emit(self, record):
            told.set()

    handler = Told()
    logging.getLogger("drift_pipeline.common.lock").addHandler(handler)
    waiting = threading.Thread(target=lock.acquire)
    waiting.start()
    assert told.wait(30)
    assert not lock.held
    holder.communicate("")
    waiting.join(30)
    logging.getLogger("drift_pipeline.common.lock").removeHandler(handler)
    assert lock.held
    lock.release()
    assert caplog.messages == [
        message for message in caplog.messages if f"Waiting for process {holder.pid} on" in message
    ]
    assert len(caplog.messages) == 1


def test_it_lies_beside_the_folder_and_is_free_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), FolderLock(tmp_path / "runs" / "one"):
        raise RuntimeError
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [".one.lock"]
    with FolderLock(tmp_path / "runs" / "one"), FolderLock(tmp_path / "runs" / "two"):
        pass


def test_a_link_is_locked_as_its_target(tmp_path):
    (tmp_path / "disk" / "run").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    with FolderLock(tmp_path / "link"), pytest.raises(InUseError):
        FolderLock(tmp_path / "disk" / "run").acquire()


def test_a_claim_is_held_from_run_to_run_and_moves_on(tmp_path):
    claim = Claim()
    assert claim.take(tmp_path / "one") and claim.take(tmp_path / "one")
    with pytest.raises(InUseError):
        FolderLock(tmp_path / "one").acquire()
    assert claim.take(tmp_path / "two")
    FolderLock(tmp_path / "one").acquire()
    with pytest.raises(KeyError), claim.released_on_error():
        raise KeyError
    claim.release()
    assert claim.take(tmp_path / "two")
    claim.release()


def test_where_nothing_can_be_written_only_readers_go_on(tmp_path):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "runs" / "one"
    with pytest.raises(UnwritableError, match=r"runs cannot be written to \(.*\); name another"):
        Claim().take(place)
    assert not Claim().take(place, needed=False)


def test_a_file_system_without_locks_is_warned_of_and_used(tmp_path, monkeypatch, caplog):
    """Such as Lustre, unless it is mounted with the option for it."""

    def flock(handle, operation):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    claim = Claim()
    assert claim.take(tmp_path / "run")
    assert "knows no locks (Function not implemented): see to it that no other" in caplog.text
    claim.release()
