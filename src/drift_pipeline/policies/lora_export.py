"""Export: the trained adapter as files that every Stable Diffusion program can load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from drift_pipeline.policies.peft_files import lora_config

if TYPE_CHECKING:
    from torch import Tensor

    from drift_pipeline.policies.base import PolicyState

DIFFUSERS, KOHYA = "pytorch_lora_weights.safetensors", "kohya.safetensors"
"""Names of the files."""


def save_for_diffusers(state: PolicyState, folder: str | Path) -> Path:
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

    rank = state.lora.rank
    strength = state.lora.alpha / rank
    layers: dict[str, Tensor] = {
        name: (tensor * strength if ".lora_B." in name else tensor).contiguous()
        for name, tensor in state.adapter.items()
    }
    StableDiffusionPipeline.save_lora_weights(
        folder,
        unet_lora_layers=layers,
        unet_lora_adapter_metadata=lora_config(rank, rank, state.layers),
    )
    file = Path(folder) / DIFFUSERS
    _sort_metadata(file)
    return file


def save_for_kohya(folder: str | Path) -> Path:
    """Write `kohya.safetensors` beside the file for diffusers, from which it is made.

    It has the names of kohya's sd-scripts, which AUTOMATIC1111 and ComfyUI read.

    Args:
        folder: Where `save_for_diffusers` has written.

    Returns:
        The file.
    """
    from diffusers.utils import convert_state_dict_to_kohya
    from safetensors.torch import load_file, save_file

    layers = load_file(Path(folder) / DIFFUSERS)
    file = Path(folder) / KOHYA
    save_file(convert_state_dict_to_kohya(layers), file, metadata={"format": "pt"})
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
