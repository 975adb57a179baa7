"""Kedro sees a folder of shards where it is complete and up to date, and nowhere else."""

import pandas as pd
import pytest
from kedro.io import DatasetError

from drift_pipeline.datasets import ImageShardsDataset
from drift_pipeline.evaluation.image_shards import ShardsToDraw


def draw(shards):
    for shard in shards:
        yield pd.DataFrame({"prompt": [f"p{shard}"], "image": [{"bytes": b"png", "path": "x"}]})


def stop(shards):
    raise KeyboardInterrupt


@pytest.fixture
def dataset(tmp_path) -> ImageShardsDataset:
    return ImageShardsDataset(filepath=str(tmp_path / "images"))


def test_images_are_there_once_all_of_them_are(dataset):
    for shards in (None, ShardsToDraw(2, {"epoch": 3}, stop)):
        if shards:
            with pytest.raises(KeyboardInterrupt):
                dataset.save(shards)
        assert not dataset.exists()
        with pytest.raises(DatasetError, match=r"not all there yet; .*--pipelines=generate"):
            dataset.load()
    dataset.save(ShardsToDraw(2, {"epoch": 3}, draw))
    assert dataset.exists()
    assert [table["prompt"][0] for table in dataset.load()] == ["p0", "p1"]


def test_outdated_images_count_as_missing_until_they_are_drawn_again(dataset):
    dataset.save(ShardsToDraw(2, {"epoch": 3}, draw))
    old = dataset.load().fingerprint
    dataset.outdated = True
    assert not dataset.exists()
    with pytest.raises(KeyboardInterrupt):
        dataset.save(ShardsToDraw(2, {"epoch": 4}, stop))
    with pytest.raises(DatasetError, match="are outdated"):
        dataset.load()
    dataset.save(ShardsToDraw(2, {"epoch": 4}, draw))
    assert dataset.exists()
    assert dataset.load().fingerprint != old
