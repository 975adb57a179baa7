"""Tables of all runs, found by their place."""

import pandas as pd
import pytest
from kedro.io import DatasetError

from drift_pipeline.datasets import MeasuredShardsDataset, MeasuredTableDataset


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
