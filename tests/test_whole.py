import pytest

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
