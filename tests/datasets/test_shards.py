"""A folder of shards is filled bit by bit and never wrong."""

import json
from functools import partial
from threading import Thread

import pandas as pd
import pytest
from kedro.io import DatasetError
from pyarrow import parquet

from drift_pipeline.common.lock import FolderLock
from drift_pipeline.datasets import ImageShardsDataset
from drift_pipeline.datasets.shards import Shards, damaged, made_of

MADE_OF = {"policy": "abc", "epoch": 3}


def draw(drawn: list[int], stop_at: int, shards):
    for shard in shards:
        if shard == stop_at:
            raise KeyboardInterrupt
        drawn.append(shard)
        image = {"bytes": b"png", "path": f"{shard}.png"}
        yield pd.DataFrame({"run": ["r"], "prompt": [f"p{shard}"], "seed": [0], "image": [image]})


def test_an_interrupted_job_resumes_at_the_next_missing_shard(tmp_path):
    dataset, drawn = ImageShardsDataset(filepath=str(tmp_path / "images")), []
    with pytest.raises(KeyboardInterrupt):
        dataset.save(Shards(4, MADE_OF, partial(draw, drawn, 2)))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="kedro run --pipelines=generate"):
        dataset.load()
    dataset.save(Shards(4, MADE_OF, partial(draw, drawn, -1)))
    assert drawn == [0, 1, 2, 3]
    assert [table["prompt"][0] for table in dataset.load()] == ["p0", "p1", "p2", "p3"]
    assert {path.name for path in tmp_path.iterdir()} == {"images", ".images.lock"}


def test_old_pictures_stay_until_the_new_ones_are_complete(tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path / "images"))
    dataset.save(Shards(2, MADE_OF, partial(draw, [], -1)))
    new = {**MADE_OF, "epoch": 4}
    dataset.outdated = True
    assert not dataset.exists()
    with pytest.raises(KeyboardInterrupt):
        dataset.save(Shards(2, new, partial(draw, [], 1)))
    assert made_of(tmp_path / "images") == MADE_OF
    assert not damaged(tmp_path / "images")
    with pytest.raises(DatasetError, match="are outdated"):
        dataset.load()
    dataset.save(Shards(2, new, partial(draw, drawn := [], -1)))
    assert drawn == [1]  # the first one was there already
    assert made_of(tmp_path / "images") == new
    assert dataset.exists() and len(dataset.load()) == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted"])
def test_a_damaged_shard_is_found_and_drawn_again_alone(damage, tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path / "images"))
    dataset.save(Shards(3, MADE_OF, partial(draw, [], -1)))
    folder, file = tmp_path / "images", tmp_path / "images" / "01.parquet"
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[:100])
    elif damage == "flipped":
        file.write_bytes(bytes([*whole[:40], whole[40] ^ 1, *whole[41:]]))
    else:
        file.unlink()
    assert damaged(folder) == ["01.parquet"]
    with pytest.raises(DatasetError, match=r"01.parquet is damaged; run kedro run .*generate"):
        list(dataset.load())
    dataset.save(Shards(3, MADE_OF, partial(draw, drawn := [], -1)))
    assert drawn == [1]
    assert file.read_bytes() == whole
    assert not damaged(folder)


def test_shards_of_before_there_were_checksums_are_taken_as_they_are(tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path / "images"))
    dataset.save(Shards(2, MADE_OF, partial(draw, [], -1)))
    (tmp_path / "images/complete.json").write_text('{"shards": 2}')
    assert len(list(dataset.load())) == 2
    assert not damaged(tmp_path / "images")
    file = tmp_path / "images/01.parquet"
    file.write_bytes(file.read_bytes()[:100])
    assert damaged(tmp_path / "images") == ["01.parquet"]


def test_one_process_draws_and_others_wait(tmp_path, caplog):
    folder, drawn = tmp_path / "images", []
    data = Shards(2, MADE_OF, partial(draw, drawn, -1))
    save = Thread(target=ImageShardsDataset(filepath=str(folder)).save, args=(data,))
    with caplog.at_level("INFO"), FolderLock(folder):
        save.start()
        while "Waiting for process" not in caplog.text:
            assert save.is_alive()
        assert not folder.exists()
    save.join()
    assert drawn == [0, 1]
    ImageShardsDataset(filepath=str(folder)).save(data)
    assert drawn == [0, 1]


def test_hugging_face_sees_pictures(tmp_path):
    dataset = ImageShardsDataset(filepath=str(tmp_path / "images"))
    dataset.save(Shards(1, MADE_OF, partial(draw, [], -1)))
    schema = parquet.read_schema(tmp_path / "images/00.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["seed"] == {"_type": "Value", "dtype": "int64"}
    assert features["run"]["dtype"] in ("string", "large_string")
