"""What encoders and rewards say of pictures: tables to which further judges are added."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.integrity import intact
from drift_pipeline.common.lock import FolderLock
from drift_pipeline.datasets.files import ParquetDataset

if TYPE_CHECKING:
    from pandas import DataFrame

PICTURES, JUDGE = "pictures", "judge"
"""Columns: fingerprints of the pictures that were judged, and of the judge."""


class JudgedTableDataset(ParquetDataset):
    """One row per picture and judge (an encoder or a reward).

    Saving keeps what other judges have said of the same pictures, so that a run with a reward of
    its own adds to the base model's table and takes nothing from it.

    Args:
        by: The column that names the judge.
        **options: As for Kedro's `ParquetDataset`.
    """

    def __init__(self, *, by: str, **options: Any) -> None:
        super().__init__(**options)
        self.by = by

    def save(self, data: DataFrame) -> None:
        """Write the table with the new judges' rows in the place of their old ones."""
        import pandas as pd

        if self._protocol != "file":
            super().save(data)
            return
        path = Path(self._filepath)
        with FolderLock(path, wait=True):
            if (old := read_judged(path)) is not None and intact(path):
                same = old[PICTURES].isin(data[PICTURES]) & ~old[self.by].isin(data[self.by])
                data = pd.concat([old[same], data], ignore_index=True) if same.any() else data
            super().save(data)


def read_judged(path: Path, columns: list[str] | None = None) -> DataFrame | None:
    """Read a table of judgements.

    Args:
        path: A Parquet file.
        columns: Only these; all by default.

    Returns:
        The table; `None` where there is none, it cannot be read, or it does not say what was
        judged by whom.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path, columns=columns)
    except Exception:
        return None
    return table if {PICTURES, JUDGE} <= {*table.columns} else None
