"""A folder that cannot be written to is named before anything is computed."""

import errno
import tempfile

import pytest

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.writable import require_writable


def test_folders_that_can_be_written_are_left_as_they_were(tmp_path):
    require_writable({tmp_path / "new/folder/file": "a", tmp_path / "file": "b"})
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(ConfigurationError, match=r"curve: .*runs/x/curve cannot be written"):
        require_writable({tmp_path / "runs/x/curve": "training_curve"})


def test_a_folder_mounted_read_only_is_named_with_the_reason(tmp_path, monkeypatch):
    def refused(**options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    with pytest.raises(ConfigurationError, match=r"written \(Read-only file system\); free or unl"):
        require_writable({tmp_path / "file": "x"})
