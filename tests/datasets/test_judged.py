"""Judges are added to a table, and what others said is kept where it can be trusted."""

import numpy as np
import pandas as pd
import pytest

from drift_pipeline.common.integrity import intact
from drift_pipeline.datasets import JudgedTableDataset

SCORES = np.random.default_rng(0).normal(size=200)


def rows(reward: str, pictures: str = "p") -> pd.DataFrame:
    return pd.DataFrame({"reward": reward, "score": SCORES, "pictures": pictures, "judge": "j"})


@pytest.fixture
def table(tmp_path) -> JudgedTableDataset:
    dataset = JudgedTableDataset(filepath=str(tmp_path / "scores.parquet"), by="reward")
    dataset.save(rows("mine"))
    return dataset


def judges(table: JudgedTableDataset) -> list[str]:
    return list(table.load()["reward"].unique())


def test_another_judge_is_added_and_the_same_one_replaced(table):
    table.save(rows("pickscore"))
    table.save(rows("pickscore"))
    assert judges(table) == ["mine", "pickscore"]
    assert len(table.load()) == 400


def test_what_was_said_of_other_pictures_goes(table):
    table.save(rows("pickscore", pictures="others"))
    assert judges(table) == ["pickscore"]


def test_damaged_rows_are_not_sealed_again(table, tmp_path):
    file = tmp_path / "scores.parquet"
    content = bytearray(file.read_bytes())
    content[content.find(SCORES[5].tobytes()) + 6] ^= 0x10
    file.write_bytes(content)
    assert not intact(file)
    table.save(rows("pickscore"))
    assert judges(table) == ["pickscore"]
    assert intact(file)


def test_vectors_are_previewed_shortened(tmp_path):
    dataset = JudgedTableDataset(filepath=str(tmp_path / "e.parquet"), by="encoder")
    vectors = pd.DataFrame(
        {"encoder": "e", "vector": [np.arange(5.0)] * 2, "pictures": "p", "judge": "j"}
    )
    dataset.save(vectors)
    assert dataset.preview()["data"][0][1] == "[0, 1, 2, …] (5)"
