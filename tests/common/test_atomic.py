import os
import stat
import subprocess
import sys

import pytest
from safetensors.numpy import save_file

from drift_pipeline.common.atomic import leftovers, replacing, replacing_folder


class Killed(BaseException):
    """Stands for a process that ends in the middle."""


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "table.parquet"
    with replacing(target) as part:
        assert part.suffix == ".parquet"
        part.write_text("old")
        assert not target.exists()
    assert target.read_text() == "old"
    with pytest.raises(Killed), replacing(target) as part:
        part.write_text("ne")
        raise Killed
    assert target.read_text() == "old"
    with replacing(target) as part:
        part.write_text("new")
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["table.parquet"]


def test_a_folder_is_replaced_only_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "policy"
    with pytest.raises(Killed), replacing_folder(target) as part:
        (part / "half").write_text("")
        raise Killed
    assert not target.exists()
    with replacing_folder(target) as part:
        assert list(part.iterdir()) == []
        (part / "a").write_text("old")
    with replacing_folder(target) as part:
        (part / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in target.parent.iterdir()] == ["policy"]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_files_get_the_permissions_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "file.safetensors") as part:
            save_file({}, part)
        with replacing_folder(tmp_path / "folder") as part:
            save_file({}, part / "a.safetensors")
            (part / "below").mkdir()
            save_file({}, part / "below" / "b.safetensors")
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o666 & ~umask}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with replacing(tmp_path / "a.txt") as first, replacing(tmp_path / "a.txt") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first"  # the last to end
    with replacing_folder(tmp_path / "b") as first, replacing_folder(tmp_path / "b") as second:
        (first / "x").write_text("first")
        (second / "y").write_text("second")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["x"]
    assert not list(tmp_path.glob(".*"))


def test_leftovers_are_those_of_dead_processes(tmp_path):
    script = f"""
import os
from pathlib import Path
from drift_pipeline.common.atomic import replacing, replacing_folder
with replacing(Path({str(tmp_path)!r}) / "a.txt") as file, \\
     replacing_folder(Path({str(tmp_path)!r}) / "b") as folder:
    file.write_text("half")
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    elsewhere = tmp_path / ".a.elsewhere-1-ab.part.txt"
    elsewhere.write_text("half")
    assert len(leftovers(tmp_path)) == 2
    assert len(leftovers(tmp_path, others=True)) == 3
    with replacing(tmp_path / "a.txt") as living:
        living.write_text("whole")
        assert living not in leftovers(tmp_path, others=True)
    # The next writer of the same file has removed what the dead one left of it.
    assert leftovers(tmp_path)[0].name.startswith(".b.")
    assert elsewhere.exists()
