"""A policy checkpoint: a folder with the adapter, the optimizer's memory and what made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import DamagedError, sealed
from drift_pipeline.common.values import fingerprint
from drift_pipeline.common.versions import versions
from drift_pipeline.datasets.folder_dataset import FolderDataset
from drift_pipeline.datasets.previews import JSONPreview
from drift_pipeline.runs.folder import OPTIMIZER, REMEDY, STATE, read_state

if TYPE_CHECKING:
    from torch import Tensor

    from drift_pipeline.policies.base import PolicyState

FORMAT = 2
REFERENCE = "reference.safetensors"
"""The adapter that the KL divergence is measured from, where it is not the base model."""
FORMATS = {1: "adapter.safetensors", FORMAT: "adapter_model.safetensors"}
"""The adapter's file in each format that is read; since 2 it is peft's."""


class PolicyDataset(FolderDataset["PolicyState", "PolicyState"]):
    """Loads and saves a `PolicyState`.

    The folder holds `adapter_model.safetensors` and `adapter_config.json`, which peft reads where
    they are, `optimizer.safetensors` (absent in old checkpoints: the adapter is enough to draw
    images), `reference.safetensors` where the method has renewed its reference, and `state.json`
    (epoch, fingerprint, parameters, versions of the libraries, checksums of the other files and of
    itself). It appears under its name only when it is complete, and is loaded only where all
    checksums agree.
    """

    marker = STATE

    def load(self) -> PolicyState:
        """Read the checkpoint."""
        from safetensors.torch import load_file

        from drift_pipeline.config.train import Lora
        from drift_pipeline.policies import peft_files
        from drift_pipeline.policies.base import PolicyState

        state = self._read_state()
        optimizer = self._filepath / OPTIMIZER
        reference = self._filepath / REFERENCE
        try:
            adapter = peft_files.load_adapter(self._filepath / FORMATS[state["format"]])
            return PolicyState(
                epoch=state["epoch"],
                adapter=adapter,
                optimizer=load_file(optimizer) if optimizer.exists() else None,
                scaler=state["scaler"],
                reference=load_file(reference) if reference.exists() else {},
                parameters=state["parameters"],
                lora=Lora(**state["lora"]),
                layers=peft_files.load_layers(self._filepath, adapter),
                fingerprint=state["fingerprint"],
            )
        except Exception as error:
            raise DamagedError(
                f"{self._filepath} is not a whole policy checkpoint ({error}); {REMEDY}"
            ) from error

    def save(self, data: PolicyState) -> None:
        """Write the checkpoint whole."""
        from safetensors.torch import save_file

        from drift_pipeline.policies import peft_files

        with replacing_folder(self._filepath) as part:
            config = peft_files.lora_config(data.lora.rank, data.lora.alpha, data.layers)
            peft_files.save_adapter(data.adapter, config, part)
            if data.optimizer is not None:
                save_file(data.optimizer, part / OPTIMIZER)
            if data.reference:
                save_file(data.reference, part / REFERENCE)
            state = {
                "format": FORMAT,
                "epoch": data.epoch,
                "fingerprint": fingerprint([data.parameters, weights_digest(data.adapter)]),
                "lora": data.lora.model_dump(),
                "scaler": data.scaler,
                "versions": versions(),
                "parameters": data.parameters,
            }
            (part / STATE).write_text(sealed(state, sorted(part.iterdir())), encoding="utf-8")

    def preview(self) -> JSONPreview:
        """Show epoch and parameters, for Kedro-Viz."""
        return JSONPreview(json.dumps(self._read_state()))

    def _read_state(self) -> dict[str, Any]:
        path = Path(self._filepath) / STATE
        state = read_state(path)
        if state.get("format") not in FORMATS:
            raise DamagedError(
                f"{path} has format {state.get('format')!r}, this program reads "
                f"{' and '.join(str(known) for known in FORMATS)}"
            )
        return state

    def verify(self) -> None:
        """Refuse a checkpoint that is damaged or missing, without loading it.

        Raises:
            ConfigurationError: In one line, what is wrong and what to do.
        """
        if not self._exists():
            raise ConfigurationError(
                f"no policy checkpoint can be read in {self._filepath}: there is none; train the "
                "run up to that epoch first (kedro run --pipelines=train)"
            )
        self._read_state()


def weights_digest(adapter: Mapping[str, Tensor]) -> str:
    """Hash an adapter's numbers, whatever file they are in.

    What is made with a policy belongs to its weights: the same parameters may give others, on a
    GPU or after a run that was continued by other source.
    """
    digest = hashlib.sha256()
    for name in sorted(adapter):
        values = adapter[name].detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)} ".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
