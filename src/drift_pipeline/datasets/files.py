"""Kedro's Parquet, JSON and image datasets, written whole or not at all."""

from __future__ import annotations

import base64
from pathlib import Path, PurePosixPath
from typing import Any, NewType

from kedro_datasets import json, pandas, pillow

from drift_pipeline.common.integrity import replacing_summed, verify
from drift_pipeline.datasets.renewable import Renewable

REMEDY = "delete it and run the same command again, or get it back with dvc checkout"
ImagePreview = NewType("ImagePreview", str)


class _WrittenWhole(Renewable):
    """Saves under another name and renames; other protocols than files do so by themselves."""

    _filepath: PurePosixPath
    _protocol: str

    def save(self, data: Any) -> None:
        """Save the data in one piece."""
        if self._protocol != "file":
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

    def load(self) -> Any:
        """Load the data, unless the file is not what was written."""
        if self._protocol == "file":
            verify(Path(self._filepath), REMEDY)
        return super().load()  # type: ignore[misc]


class ParquetDataset(_WrittenWhole, pandas.ParquetDataset):
    """A table."""


class JSONDataset(_WrittenWhole, json.JSONDataset):
    """Plain values, as DVC reads them for its plots."""


class ImageDataset(_WrittenWhole, pillow.ImageDataset):
    """A picture, shown by Kedro-Viz."""

    def preview(self) -> ImagePreview:
        """The file as Kedro-Viz wants to have it: base64."""
        return ImagePreview(base64.b64encode(Path(self._filepath).read_bytes()).decode())
