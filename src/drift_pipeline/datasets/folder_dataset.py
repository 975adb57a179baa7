"""What the datasets that are folders share."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from kedro.io import AbstractDataset

from drift_pipeline.config.places import local
from drift_pipeline.datasets.renewable import Renewable

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class FolderDataset(Renewable, AbstractDataset[Saved, Loaded]):
    """A folder that counts as saved once its marker, the file written last, is there.

    Args:
        filepath: The folder, on this machine's disk.
        metadata: For Kedro-Viz and other readers of the catalog.
    """

    marker: ClassVar[str]
    """Name of that file."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = local(filepath, type(self).__name__)
        self.metadata = metadata

    def _exists(self) -> bool:
        return not self.outdated and (self._filepath / self.marker).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
