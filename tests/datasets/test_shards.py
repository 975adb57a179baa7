"""A folder of shards is filled bit by bit and never wrong."""

import json
from functools import partial

import pandas as pd
import pytest
from kedro.io import DatasetError
from pyarrow import parquet

from drift_pipeline.datasets import ImageShardsDataset
from drift_pipeline.datasets.shards import Shards

MADE_OF = {"policy": "abc", "epoch": 3}


def draw(drawn: list[int], stop_at: int, shards):
    for shard in shards:
        if shard == stop_at:
            raise KeyboardInterrupt
        drawn.append(shard)
        image = {"bytes": b"png", "path": f"{shard}.png"}
        yield pd.DataFrame({"run": ["r"], "prompt": [f"p{shard}"], "seed": [0], "image": [image]})


def test_an_interrupted_job_goes_on_at_the_next_missing_shard(tmp_path):
    dataset, drawn = ImageShardsDataset(filepath=str(tmp_path / "images")), []
    with pytest.raises(KeyboardInterrupt):
        dataset.save(Shards(4, MADE_OF, partial(draw, drawn, 2)))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run generate"):
        dataset.load()
    dataset.save(Shards(4, MADE_OF, partial(draw, drawn, -1)))
    assert drawn == [0, 1, 2, 3]
    assert [table["prompt"][0] for table in dataset.load()] == ["p0", "p1", "p2", "p3"]
    assert not list(tmp_path.rglob("*.part*"))


def test_shards_of_something_else_are_refused(tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path))
    dataset.save(Shards(1, MADE_OF, partial(draw, [], -1)))
    with pytest.raises(DatasetError, match="delete the folder to draw them anew"):
        dataset.save(Shards(1, {**MADE_OF, "epoch": 4}, partial(draw, [], -1)))


def test_a_truncated_shard_is_named_with_what_to_do(tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path))
    dataset.save(Shards(2, MADE_OF, partial(draw, [], -1)))
    file = tmp_path / "01.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"01.parquet cannot be read .* run generate again"):
        list(dataset.load())
    file.unlink()
    (tmp_path / "complete.json").unlink()
    dataset.save(Shards(2, MADE_OF, partial(draw, drawn := [], -1)))
    assert drawn == [1]


def test_hugging_face_sees_pictures(tmp_path):
    ImageShardsDataset(filepath=str(tmp_path)).save(Shards(1, MADE_OF, partial(draw, [], -1)))
    schema = parquet.read_schema(tmp_path / "00.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["seed"] == {"_type": "Value", "dtype": "int64"}
    assert features["run"]["dtype"] in ("string", "large_string")
