"""A model's folder is there whole or not at all, and only once this process has saved it."""

import pytest
from kedro.io import DatasetError

from drift_pipeline.datasets import ModelFolderDataset


class Writes:
    """A model of some files; it may fail after them."""

    def __init__(self, *names, fails=False):
        self.names, self.fails = names, fails

    def save(self, folder):
        for name in self.names:
            (folder / name).write_text(name)
        if self.fails:
            raise RuntimeError("disk full")


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_saved_into_a_folder_of_its_own(tmp_path):
    dataset = ModelFolderDataset(filepath=str(tmp_path / "deep/model"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="is not there; train it first"):
        dataset.load()
    dataset.save(Writes("weights", "config"))
    assert dataset.exists()
    assert dataset.load() == tmp_path / "deep/model"
    assert files(dataset.load()) == ["config", "weights"]
    dataset.save(Writes("weights"))
    assert files(dataset.load()) == ["weights"]


def test_half_a_model_leaves_the_old_one(tmp_path):
    dataset = ModelFolderDataset(filepath=str(tmp_path / "model"))
    dataset.save(Writes("weights"))
    with pytest.raises(DatasetError, match="disk full"):
        dataset.save(Writes("half", fails=True))
    assert files(dataset.load()) == ["weights"]
    assert files(tmp_path) == ["model"]


def test_what_another_process_has_left_counts_as_missing(tmp_path):
    ModelFolderDataset(filepath=str(tmp_path / "model")).save(Writes("weights"))
    later = ModelFolderDataset(filepath=str(tmp_path / "model"))
    assert not later.exists()
    with pytest.raises(DatasetError, match="is not there"):
        later.load()
