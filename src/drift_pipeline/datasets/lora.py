"""A trained adapter as diffusers keeps it: a folder for `pipe.load_lora_weights(folder)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from drift_pipeline.datasets.folder import FolderDataset
from drift_pipeline.whole import replacing_folder

if TYPE_CHECKING:
    from drift_pipeline.rl.policy import PolicyState

FILE = "pytorch_lora_weights.safetensors"


class LoraDataset(FolderDataset["PolicyState", Path]):
    """Saves a `PolicyState` in diffusers' format; loading gives the folder."""

    last = FILE

    def load(self) -> Path:
        """The folder to give to `load_lora_weights`."""
        return self._filepath

    def save(self, data: PolicyState) -> None:
        """Write the adapter whole."""
        from drift_pipeline.rl.export import save_lora

        with replacing_folder(self._filepath) as part:
            save_lora(data, part)
