import os
import stat

import pytest
from safetensors.numpy import save_file

from drift_pipeline.whole import replacing, replacing_folder


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
