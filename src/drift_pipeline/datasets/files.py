"""Kedro's Parquet, JSON, text and image datasets, written whole or not at all."""

from __future__ import annotations

import base64
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from kedro.io import DatasetError, Version
from kedro_datasets import json, pandas, pillow, text

from drift_pipeline.common.integrity import DamagedError, replacing_summed, verify
from drift_pipeline.datasets.previews import ImagePreview, TablePreview, table_preview
from drift_pipeline.datasets.renewable import Renewable

REMEDY = "delete it and run the same command again, or get it back with dvc checkout"


class _WrittenWhole(Renewable):
    """Saves under another name and renames; other protocols than files do so by themselves.

    A version is a new file each time, so there is nothing to replace.
    """

    _filepath: PurePosixPath
    _protocol: str
    _version: Version | None

    def load(self) -> Any:
        """Read the file.

        Raises:
            DatasetError: Where it is not there, damaged or changed, in one line.
        """
        if self._protocol == "file":
            verify(Path(self._filepath), REMEDY)
        try:
            return super().load()  # type: ignore[misc]
        except Exception as error:
            cause = error.__cause__ or error  # Kedro has wrapped it
            if isinstance(cause, FileNotFoundError):
                raise DatasetError(f"{self._filepath} is not there; make it first") from error
            reason = " ".join(str(cause).split())
            raise DamagedError(f"{self._filepath} cannot be read ({reason}); {REMEDY}") from error

    def save(self, data: Any) -> None:
        """Save the data in one piece."""
        if self._protocol != "file" or self._version is not None:
            super().save(data)  # type: ignore[misc]
            self._saved()
            return
        target = self._filepath
        with replacing_summed(Path(target)) as part:
            self._filepath = PurePosixPath(part)
            try:
                super().save(data)  # type: ignore[misc]
            finally:
                self._filepath = target
        self._saved()


class ParquetDataset(_WrittenWhole, pandas.ParquetDataset):
    """A table."""

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, for Kedro-Viz."""
        return table_preview(self.load().head(nrows))


class JSONDataset(_WrittenWhole, json.JSONDataset):
    """Plain values, as DVC reads them for its plots."""


class TextDataset(_WrittenWhole, text.TextDataset):
    """A UTF-8 text, whatever the system's own encoding is."""

    DEFAULT_FS_ARGS: ClassVar[dict[str, Any]] = {
        "open_args_save": {"mode": "w", "encoding": "utf-8"},
        "open_args_load": {"mode": "r", "encoding": "utf-8"},
    }


class ImageDataset(_WrittenWhole, pillow.ImageDataset):
    """An image, shown by Kedro-Viz."""

    def preview(self) -> ImagePreview:
        """Return the file as Kedro-Viz wants to have it: base64."""
        with self._fs.open(str(self._filepath), "rb") as file:
            return ImagePreview(base64.b64encode(file.read()).decode())
