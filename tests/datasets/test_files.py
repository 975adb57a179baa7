import base64

import pandas as pd
import pytest
from kedro.io import DatasetError, MemoryDataset, Version
from kedro_datasets import pandas
from PIL import Image

from drift_pipeline.datasets import (
    ImageDataset,
    JSONDataset,
    ParquetDataset,
    PromptsDataset,
    TextDataset,
)
from drift_pipeline.datasets.renewable import mark_outdated

CASES = [
    (ParquetDataset, "table.parquet", pd.DataFrame({"reward": [0.5, 1.0]})),
    (JSONDataset, "points.json", [{"epoch": 1, "reward": 0.5}]),
    (ImageDataset, "sheet.png", Image.new("RGB", (3, 2), "red")),
]


@pytest.mark.parametrize(("kind", "name", "data"), CASES)
def test_what_is_saved_comes_back(kind, name, data, tmp_path):
    dataset = kind(filepath=str(tmp_path / "epoch_0001" / name))
    assert not dataset.exists()
    dataset.save(data)
    assert dataset.exists()
    loaded = dataset.load()
    assert loaded.equals(data) if isinstance(data, pd.DataFrame) else loaded == data
    assert {path.name for path in (tmp_path / "epoch_0001").iterdir()} == {name, "SHA256SUMS"}


@pytest.mark.parametrize(("kind", "name", "data"), CASES)
def test_a_flipped_byte_is_found(kind, name, data, tmp_path):
    dataset = kind(filepath=str(tmp_path / name))
    dataset.save(data)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(bytes([*whole[:-1], whole[-1] ^ 1]))
    with pytest.raises(DatasetError, match=rf"{name} is damaged .*dvc checkout"):
        dataset.load()


@pytest.mark.parametrize(("kind", "name", "data"), CASES)
def test_a_save_that_is_cut_off_leaves_the_old_file(kind, name, data, tmp_path, monkeypatch):
    dataset = kind(filepath=str(tmp_path / name))
    dataset.save(data)
    before = (tmp_path / name).read_bytes()
    parent = kind.__bases__[-1]

    def cut_off(self, _):
        assert self._filepath.name != name
        with self._fs.open(str(self._filepath), "wb") as file:
            file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(parent, "save", cut_off)
    with pytest.raises((OSError, DatasetError), match="no space left"):
        dataset.save(data)
    monkeypatch.undo()
    assert (tmp_path / name).read_bytes() == before
    assert dataset.exists()


def test_pictures_are_previewed(tmp_path):
    dataset = ImageDataset(filepath=str(tmp_path / "sheet.png"))
    dataset.save(Image.new("RGB", (3, 2)))
    assert base64.b64decode(dataset.preview()) == (tmp_path / "sheet.png").read_bytes()


def test_texts_are_utf8(tmp_path):
    text = TextDataset(filepath=str(tmp_path / "page.html"))
    text.save("β – „x“")
    assert (tmp_path / "page.html").read_bytes().decode("utf-8") == text.load() == "β – „x“"


def test_prompts_are_lines_and_never_written(tmp_path):
    (tmp_path / "prompts.txt").write_text("a photo of a cat\na photo of a dog\n")
    dataset = PromptsDataset(filepath=str(tmp_path / "prompts.txt"))
    assert dataset.exists()
    assert dataset.load() == ["a photo of a cat", "a photo of a dog"]
    with pytest.raises(DatasetError, match="never written"):
        dataset.save(["a photo of a cow"])


@pytest.mark.parametrize(
    ("dataset", "data"),
    [
        (ParquetDataset, pd.DataFrame({"a": range(100)})),
        (JSONDataset, {"a": [1, 2, 3]}),
        (ImageDataset, Image.new("RGB", (64, 64), "red")),
    ],
)
def test_a_truncated_file_is_named_with_what_to_do(tmp_path, dataset, data):
    path = tmp_path / ("file.png" if dataset is ImageDataset else "file")
    kept = dataset(filepath=str(path))
    with pytest.raises(DatasetError, match=r"file.* is not there"):
        kept.load()
    kept.save(data)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "SHA256SUMS").unlink()  # as of files that were written without checksums
    with pytest.raises(DatasetError, match=rf"{path} cannot be read \(.*; delete it") as error:
        kept.load()
    assert "\n" not in str(error.value)


def test_versions_are_written_where_kedro_looks_for_them(tmp_path):
    version = Version(None, "2026-01-01T00.00.00.000Z")
    kept = JSONDataset(filepath=str(tmp_path / "curve.json"), version=version)
    kept.save({"a": 1})
    assert JSONDataset(filepath=str(tmp_path / "curve.json"), version=Version(None, None)).load()


@pytest.mark.parametrize("kind", [ParquetDataset, pandas.CSVDataset, MemoryDataset])
def test_outdated_files_count_as_missing_and_stay(kind, tmp_path):
    """Whether they are written by our datasets or by Kedro's own."""
    dataset = kind() if kind is MemoryDataset else kind(filepath=str(tmp_path / "file"))
    dataset.save(pd.DataFrame({"a": [1]}))
    mark_outdated(dataset)
    assert not dataset.exists()
    assert dataset.load()["a"].tolist() == [1]
