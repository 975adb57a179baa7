"""A folder of shards is filled bit by bit and never wrong."""

import json
from functools import partial
from threading import Thread

import pandas as pd
import pytest
from pyarrow import parquet

from drift_pipeline.common.integrity import DamagedError
from drift_pipeline.common.lock import FolderLock
from drift_pipeline.evaluation.image_shards import (
    ShardsToDraw,
    StoredShards,
    damaged,
    draw_missing,
    made_of,
)

MADE_OF = {"policy": "abc", "epoch": 3}


def draw(drawn: list[int], stop_at: int, shards):
    for shard in shards:
        if shard == stop_at:
            raise KeyboardInterrupt
        drawn.append(shard)
        image = {"bytes": b"png", "path": f"{shard}.png"}
        yield pd.DataFrame({"run": ["r"], "prompt": [f"p{shard}"], "seed": [0], "image": [image]})


def prompts(folder) -> list[str]:
    return [table["prompt"][0] for table in StoredShards(folder)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "images"


def test_an_interrupted_job_resumes_at_the_next_missing_shard(folder):
    drawn: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        draw_missing(folder, ShardsToDraw(4, MADE_OF, partial(draw, drawn, 2)))
    assert not folder.exists()
    draw_missing(folder, ShardsToDraw(4, MADE_OF, partial(draw, drawn, -1)))
    assert drawn == [0, 1, 2, 3]
    assert prompts(folder) == ["p0", "p1", "p2", "p3"]
    assert {path.name for path in folder.parent.iterdir()} == {"images", ".images.lock"}


def test_old_images_stay_until_the_new_ones_are_complete(folder):
    draw_missing(folder, ShardsToDraw(2, MADE_OF, partial(draw, [], -1)))
    new = {**MADE_OF, "epoch": 4}
    with pytest.raises(KeyboardInterrupt):
        draw_missing(folder, ShardsToDraw(2, new, partial(draw, [], 1)))
    assert made_of(folder) == MADE_OF
    assert not damaged(folder)
    draw_missing(folder, ShardsToDraw(2, new, partial(draw, drawn := [], -1)))
    assert drawn == [1]  # the first one was there already
    assert made_of(folder) == new
    assert len(StoredShards(folder)) == 2


def test_images_of_another_origin_have_another_fingerprint(folder):
    fingerprints = []
    for epoch in (3, 4, 3):
        values = {**MADE_OF, "epoch": epoch}
        draw_missing(folder, ShardsToDraw(1, values, partial(draw, [], -1)))
        fingerprints.append(StoredShards(folder).fingerprint)
    assert fingerprints[0] == fingerprints[2] != fingerprints[1]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted"])
def test_a_damaged_shard_is_found_and_drawn_again_alone(damage, folder):
    draw_missing(folder, ShardsToDraw(3, MADE_OF, partial(draw, [], -1)))
    file = folder / "01.parquet"
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[:100])
    elif damage == "flipped":
        file.write_bytes(bytes([*whole[:40], whole[40] ^ 1, *whole[41:]]))
    else:
        file.unlink()
    assert damaged(folder) == ["01.parquet"]
    with pytest.raises(DamagedError, match=r"01.parquet is damaged; run kedro run .*generate"):
        list(StoredShards(folder))
    draw_missing(folder, ShardsToDraw(3, MADE_OF, partial(draw, drawn := [], -1)))
    assert drawn == [1]
    assert file.read_bytes() == whole
    assert not damaged(folder)


def test_shards_of_before_there_were_checksums_are_taken_as_they_are(folder):
    draw_missing(folder, ShardsToDraw(2, MADE_OF, partial(draw, [], -1)))
    (folder / "complete.json").write_text('{"shards": 2}')
    assert len(list(StoredShards(folder))) == 2
    assert not damaged(folder)
    file = folder / "01.parquet"
    file.write_bytes(file.read_bytes()[:100])
    assert damaged(folder) == ["01.parquet"]


def test_one_process_draws_and_others_wait(folder, caplog):
    drawn: list[int] = []
    shards = ShardsToDraw(2, MADE_OF, partial(draw, drawn, -1))
    waiting = Thread(target=draw_missing, args=(folder, shards))
    with caplog.at_level("INFO"), FolderLock(folder):
        waiting.start()
        while "Waiting for process" not in caplog.text:
            assert waiting.is_alive()
        assert not folder.exists()
    waiting.join()
    assert drawn == [0, 1]
    draw_missing(folder, shards)
    assert drawn == [0, 1]


def test_hugging_face_sees_images(folder):
    draw_missing(folder, ShardsToDraw(1, MADE_OF, partial(draw, [], -1)))
    schema = parquet.read_schema(folder / "00.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["seed"] == {"_type": "Value", "dtype": "int64"}
    assert features["run"]["dtype"] in ("string", "large_string")
