"""A newly trained model: a folder in the format of the library that will load it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kedro.io import DatasetError

from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.datasets.folder_dataset import FolderDataset


class Model(Protocol):
    """What can write itself into a folder."""

    def save(self, folder: Path) -> None:
        """Write all files.

        Args:
            folder: There, and empty.
        """


class ModelFolderDataset(FolderDataset[Model, Path]):
    """Saves a model whole or not at all; loading gives the folder.

    What an earlier, unfinished run has left counts as missing: models that are used together are
    trained together.
    """

    marker = "."  # the folder itself, which appears once it is complete
    outdated = True  # until this process has saved it

    def load(self) -> Path:
        """Return the folder, for the library that reads it.

        Raises:
            DatasetError: Where it has not been saved.
        """
        if not self._exists():
            raise DatasetError(f"{self._filepath} is not there; train it first")
        return self._filepath

    def save(self, data: Model) -> None:
        """Write the folder whole."""
        with replacing_folder(self._filepath) as part:
            data.save(part)
        self._saved()
