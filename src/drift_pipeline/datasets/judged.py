"""Kedro's view of what encoders and rewards say of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.lock import FolderLock
from drift_pipeline.datasets.files import ParquetDataset
from drift_pipeline.evaluation.judged_tables import keep_other_judges

if TYPE_CHECKING:
    from pandas import DataFrame


class JudgedTableDataset(ParquetDataset):
    """One row per image and judge (an encoder or a reward).

    Saving keeps what other judges have said of the same images, so that a run with a reward of
    its own adds to the base model's table and takes nothing from it.

    Args:
        by: The column that names the judge.
        **options: As for Kedro's `ParquetDataset`.
    """

    def __init__(self, *, by: str, **options: Any) -> None:
        super().__init__(**options)
        self.by = by

    def save(self, data: DataFrame) -> None:
        """Write the table with the new judges' rows instead of their old ones."""
        if self._protocol != "file":
            super().save(data)
            return
        path = Path(self._filepath)
        with FolderLock(path, wait=True):
            super().save(keep_other_judges(path, data, self.by))
