"""A trained adapter as others use it: a folder for `pipe.load_lora_weights(folder)`."""

from __future__ import annotations

from pathlib import Path

from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.common.integrity import verify_folder, write_sums
from drift_pipeline.datasets.folder_dataset import FolderDataset
from drift_pipeline.runs.model_card import CARD, Release, save_release


class LoraDataset(FolderDataset[Release, Path]):
    """Saves a `Release`, ready for an upload; loading gives the folder."""

    marker = CARD

    def load(self) -> Path:
        """Check the folder by its checksums, and return it for `load_lora_weights`."""
        verify_folder(self._filepath, "delete that folder and run train again: it alone is written")
        return self._filepath

    def save(self, data: Release) -> None:
        """Write the folder whole, with checksums."""
        with replacing_folder(self._filepath) as part:
            save_release(data, part)
            write_sums(part)
