"""What was measured, found by its place on the disk: tables, read at once or one by one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from drift_pipeline.common.integrity import DamagedError, verify
from drift_pipeline.config.places import local
from drift_pipeline.datasets.previews import TablePreview, table_preview

if TYPE_CHECKING:
    from pandas import DataFrame


class FoundDataset(AbstractDataset[NoReturn, Any]):
    """Files below a folder whose names match a pattern; there may be none.

    Args:
        path: Folder to look in; `<path>/..` is its parent, whether it exists or not.
        pattern: As `Path.glob` takes it, below the folder.
        metadata: For Kedro-Viz and other readers of the catalog.
    """

    def __init__(self, *, path: str, pattern: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder = Path(os.path.normpath(local(path, type(self).__name__)))
        self._pattern = pattern
        self.metadata = metadata

    def files(self) -> list[Path]:
        """List the files, sorted, without those still being written under a hidden name."""
        return sorted(
            path for path in self.folder.glob(self._pattern) if not path.name.startswith(".")
        )

    def places(self) -> list[str]:
        """List the runs or checkpoints with such files: `<run>` or `<run>/epoch_NNNN`."""
        return sorted({"/".join(f.relative_to(self.folder).parts[:-1][:2]) for f in self.files()})

    def save(self, data: NoReturn) -> None:
        """Refuse to save: other pipelines write these files."""
        raise DatasetError(f"{self.folder}/{self._pattern} is only read here")

    def _exists(self) -> bool:
        return bool(self.files())

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "pattern": self._pattern}


class MeasuredTableDataset(FoundDataset):
    """The matching Parquet files below each other; a table without columns where there is none."""

    def load(self) -> DataFrame:
        """Read all of them."""
        import pandas as pd

        tables = [_read(path) for path in self.files()]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, for Kedro-Viz."""
        return table_preview(self.load().head(nrows))


class MeasuredShardsDataset(FoundDataset):
    """The matching Parquet files, to be read one by one."""

    def load(self) -> CheckpointTables:
        """List the files, without reading them."""
        return CheckpointTables(self.folder, self.files())


class CheckpointTables:
    """Parquet files below `<folder>/<run>/epoch_NNNN`, read when they are asked for.

    Args:
        folder: Where the runs' folders are.
        files: The files.
    """

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self._by_checkpoint: dict[tuple[str, str], list[Path]] = {}
        for path in files:
            run, epoch = path.relative_to(folder).parts[:2]
            self._by_checkpoint.setdefault((run, epoch), []).append(path)

    def of(self, run: str, epoch: int, **equal: str) -> DataFrame | None:
        """Read a checkpoint's rows.

        Args:
            run: Name of the run.
            epoch: The checkpoint.
            **equal: Columns and the value that the rows wanted have there.

        Returns:
            The rows; None where the checkpoint has no such file or no such row.
        """
        import pandas as pd

        filters = [(column, "==", value) for column, value in equal.items()]
        files = self._by_checkpoint.get((run, f"epoch_{epoch:04d}"), [])
        tables = [_read(path, filters=filters or None) for path in files]
        tables = [table for table in tables if len(table)]
        return pd.concat(tables, ignore_index=True) if tables else None

    def prompts(self, run: str, epoch: int) -> list[str]:
        """List the prompts of a checkpoint's rows, in order of the files."""
        files = self._by_checkpoint.get((run, f"epoch_{epoch:04d}"), [])
        columns = [_read(path, columns=["prompt"])["prompt"] for path in files]
        return list(dict.fromkeys(str(prompt) for column in columns for prompt in column))


def _read(path: Path, **options: Any) -> DataFrame:
    """Read a Parquet file, or say which one is damaged."""
    import pandas as pd

    remedy = "delete it and run the pipeline that writes it (train, generate or measure) again"
    verify(path, remedy)
    try:
        return pd.read_parquet(path, **options)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DamagedError(f"{path} cannot be read ({reason}); {remedy}") from error
