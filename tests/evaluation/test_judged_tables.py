"""Tables of judgements say who judged what, or are not believed."""

import pandas as pd
import pytest

from drift_pipeline.common.integrity import replacing_summed
from drift_pipeline.evaluation.judged_tables import keep_other_judges, read_judged, sign


def rows(*rewards: str, images: str = "p", digest: str = "1") -> pd.DataFrame:
    table = pd.DataFrame({"reward": rewards, "score": range(len(rewards))})
    return sign(table, images, "reward", {name: f"{name} {digest}" for name in rewards})


@pytest.fixture
def file(tmp_path):
    with replacing_summed(tmp_path / "scores.parquet") as part:
        rows("mine", "hpsv2").to_parquet(part)
    return tmp_path / "scores.parquet"


def kept(file, table: pd.DataFrame) -> list[str]:
    return keep_other_judges(file, table, "reward")["judge"].tolist()


def test_each_row_names_its_images_and_its_judge():
    table = rows("mine", "hpsv2")
    assert table["pictures"].tolist() == ["p", "p"]
    assert table["judge"].tolist() == ["mine 1", "hpsv2 1"]


def test_other_judges_of_the_same_images_are_kept(file):
    assert kept(file, rows("hpsv2", digest="2")) == ["mine 1", "hpsv2 2"]
    assert kept(file, rows("hpsv2", images="others")) == ["hpsv2 1"]


def test_nothing_is_kept_of_a_file_that_cannot_be_trusted(file, tmp_path):
    assert kept(tmp_path / "none.parquet", rows("hpsv2")) == ["hpsv2 1"]
    rows("mine", "edited").to_parquet(file)  # by hand: it differs from its checksum
    assert kept(file, rows("hpsv2")) == ["hpsv2 1"]


def test_a_table_that_does_not_say_what_was_judged_is_none(file):
    assert read_judged(file) is not None
    pd.DataFrame({"reward": ["mine"], "pictures": ["p"]}).to_parquet(file)
    assert read_judged(file) is None
    file.write_bytes(b"half")
    assert read_judged(file) is None
