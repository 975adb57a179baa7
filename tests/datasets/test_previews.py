"""What Kedro-Viz shows of a table."""

import json

import numpy as np
import pandas as pd
import pytest

from drift_pipeline.datasets import ParquetDataset
from drift_pipeline.datasets.previews import shown


def test_a_table_with_vectors_and_pictures_becomes_plain_values(tmp_path):
    dataset = ParquetDataset(filepath=str(tmp_path / "table.parquet"))
    table = pd.DataFrame(
        {
            "n": [1, 2],
            "value": [0.5, float("nan")],
            "embedding": [np.arange(1792, dtype="float32") / 8] * 2,
            "image": [{"bytes": b"12345", "path": "0.png"}] * 2,
        }
    )
    dataset.save(table)
    preview = dataset.preview()
    assert preview["columns"] == list(table.columns)
    assert preview["data"][0] == [1, 0.5, "[0, 0.125, 0.25, …] (1792)",
                                  "bytes: 5 bytes, path: 0.png"]  # fmt: skip
    json.dumps(preview)
    assert len(dataset.preview(nrows=1)["data"]) == 1


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        (True, True),
        ([], "[] (0)"),
        (["a", "b"], "[a, b] (2)"),
        (np.zeros((2, 2)), "[[0, 0] (2), [0, 0] (2)] (2)"),
        (pd.Timestamp("2026-01-02"), "2026-01-02 00:00:00"),
        (pd.NA, "<NA>"),
    ],
)
def test_cells_are_shortened(cell, text):
    assert shown(cell) == text
