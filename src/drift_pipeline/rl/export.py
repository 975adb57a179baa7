"""Export: the trained adapter as a file that every Stable Diffusion program can load."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from drift_pipeline.rl.peft_files import lora_config
from drift_pipeline.rl.policy import ATTENTION_LAYERS, PolicyState


def save_lora(state: PolicyState, folder: str | Path) -> Path:
    """Write `pytorch_lora_weights.safetensors` for `pipe.load_lora_weights(folder)`.

    Readers take α to be the rank where nothing tells them otherwise, and lose strength without a
    word. So α / r is multiplied into B, and the file says α = r: with or without reading the
    metadata, every reader arrives at full strength.

    Args:
        state: The policy.
        folder: Made where it is missing.

    Returns:
        The file; the same policy gives the same bytes.
    """
    from diffusers import StableDiffusionPipeline

    strength = state.lora.alpha / state.lora.rank
    layers: dict[str, torch.Tensor] = {
        name: (tensor * strength if ".lora_B." in name else tensor).contiguous()
        for name, tensor in state.adapter.items()
    }
    StableDiffusionPipeline.save_lora_weights(
        folder,
        unet_lora_layers=layers,
        unet_lora_adapter_metadata=lora_config(state.lora.rank, state.lora.rank, ATTENTION_LAYERS),
    )
    file = Path(folder) / "pytorch_lora_weights.safetensors"
    _sort_metadata(file)
    return file


def _sort_metadata(file: Path) -> None:
    """Bring a safetensors file's metadata, which is written in any order, into one order."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) <= length:
        file.write_bytes(content[:8] + text.ljust(length) + content[8 + length :])
