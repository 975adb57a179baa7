"""A policy checkpoint: a folder with the adapter, the optimizer's memory and what made them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError

from drift_pipeline.datasets.folder import FolderDataset
from drift_pipeline.runs import fingerprint
from drift_pipeline.whole import replacing_folder

if TYPE_CHECKING:
    from drift_pipeline.rl.policy import PolicyState

FORMAT = 2
FORMATS = {1: "adapter.safetensors", FORMAT: "adapter_model.safetensors"}
"""The adapter's file in each format that is read; since 2 it is peft's."""
OPTIMIZER, STATE = "optimizer.safetensors", "state.json"


class PolicyDataset(FolderDataset["PolicyState", "PolicyState"]):
    """Loads and saves a `PolicyState`.

    The folder holds `adapter_model.safetensors` and `adapter_config.json`, which peft reads where
    they are, `optimizer.safetensors` (absent in old checkpoints: the adapter is enough to draw
    pictures) and `state.json` (epoch, fingerprint, parameters). It appears under its name only
    when it is complete.
    """

    marker = STATE

    def load(self) -> PolicyState:
        """Read the checkpoint."""
        from safetensors.torch import load_file

        from drift_pipeline.parameters import Lora
        from drift_pipeline.rl import peft_files
        from drift_pipeline.rl.policy import PolicyState

        state = self._read_state()
        optimizer = self._filepath / OPTIMIZER
        try:
            return PolicyState(
                epoch=state["epoch"],
                adapter=peft_files.load_adapter(self._filepath / FORMATS[state["format"]]),
                optimizer=load_file(optimizer) if optimizer.exists() else None,
                scaler=state["scaler"],
                parameters=state["parameters"],
                lora=Lora(**state["lora"]),
            )
        except Exception as error:
            raise DatasetError(
                f"{self._filepath} is not a whole policy checkpoint ({error}); delete the folder "
                "and run again, or train it anew with --params train.start_over=true"
            ) from error

    def save(self, data: PolicyState) -> None:
        """Write the checkpoint whole."""
        from safetensors.torch import save_file

        from drift_pipeline.rl import peft_files
        from drift_pipeline.rl.policy import ATTENTION_LAYERS

        with replacing_folder(self._filepath) as part:
            config = peft_files.lora_config(data.lora.rank, data.lora.alpha, ATTENTION_LAYERS)
            peft_files.save_adapter(data.adapter, config, part)
            if data.optimizer is not None:
                save_file(data.optimizer, part / OPTIMIZER)
            state = {
                "format": FORMAT,
                "epoch": data.epoch,
                "fingerprint": fingerprint(data.parameters),
                "lora": data.lora.model_dump(),
                "scaler": data.scaler,
                "parameters": data.parameters,
            }
            (part / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")

    def preview(self) -> str:
        """Epoch and parameters."""
        return json.dumps(self._read_state(), indent=2)

    def _read_state(self) -> dict[str, Any]:
        path = self._filepath / STATE
        try:
            state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"no policy checkpoint can be read in {path}: {error}") from error
        if state.get("format") not in FORMATS:
            raise DatasetError(
                f"{path} has format {state.get('format')!r}, this program reads "
                f"{' and '.join(str(known) for known in FORMATS)}"
            )
        return state
