"""Tables of all runs, found by their place."""

import pandas as pd
import pytest
from analysis import synthetic
from kedro.io import DatasetError

from drift_pipeline.datasets import MeasuredShardsDataset, MeasuredTableDataset
from drift_pipeline.hooks.resolvers import DEFAULT_RUN as PLACES


@pytest.fixture
def broken(tmp_path):
    """A table of one run, and half a table of another."""
    for run in ("one", "two"):
        path = tmp_path / run / "epoch_0001" / "table.parquet"
        path.parent.mkdir(parents=True)
        pd.DataFrame({"epoch": range(100), "prompt": "a cat"}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-5])
    return path


def test_a_truncated_table_is_named_with_what_to_do(broken, tmp_path):
    dataset = MeasuredTableDataset(path=str(tmp_path), pattern="*/*/table.parquet")
    with pytest.raises(DatasetError, match=rf"{broken} cannot be read \(.*; delete it"):
        dataset.load()
    shards = MeasuredShardsDataset(path=str(tmp_path), pattern="*/*/table.parquet").load()
    assert len(shards.of("one", 1)) == 100
    for read in (shards.of, shards.prompts):
        with pytest.raises(DatasetError, match=rf"{broken} cannot be read"):
            read("two", 1)


def test_shards_are_found_by_checkpoint(tmp_path):
    metrics = pd.DataFrame(synthetic.path("drift", "pickscore", 1, {5: (0.5, 0.2, 0.3, 40.0, 0.6)}))
    synthetic.write(tmp_path, metrics)
    images = MeasuredShardsDataset(
        path=str(tmp_path / PLACES["pictures"]), pattern="*/epoch_*/images/*.parquet"
    ).load()
    run = "drift-pickscore-s1"
    assert images.prompts(run, 5) == [*synthetic.PROMPTS]
    cats = images.of(run, 5, prompt="a photo of a cat")
    assert {*cats["prompt"]} == {"a photo of a cat"}
    assert len(cats) == 10
    assert images.of(run, 5, prompt="a photo of a unicorn") is None
    assert images.of(run, 6) is None
    vectors = MeasuredShardsDataset(
        path=str(tmp_path / PLACES["features"]), pattern="*/epoch_*/embeddings.parquet"
    ).load()
    assert {*vectors.of(run, 5, encoder="openclip")["encoder"]} == {"openclip"}


def test_a_half_written_file_is_not_read(tmp_path):
    dataset = MeasuredTableDataset(path=str(tmp_path / "none/.."), pattern="*/metrics.parquet")
    assert not dataset.exists()
    assert dataset.load().empty
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.metrics.part.parquet").write_bytes(b"half")
    assert dataset.load().empty
    pd.DataFrame({"run": ["a"]}).to_parquet(tmp_path / "run/metrics.parquet")
    assert dataset.exists()
    assert dataset.load()["run"].tolist() == ["a"]
