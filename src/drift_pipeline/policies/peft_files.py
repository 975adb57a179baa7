"""An adapter in the files that peft reads, in every version since 0.17.

peft writes all fields of its own `LoraConfig`, and an older peft refuses those that it does not
know. Only the fields that decide what an adapter computes are written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

ADAPTER, CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""The names that `PeftModel.from_pretrained(unet, folder)` looks for."""
PREFIX = "base_model.model."
"""What peft puts before the name of each of the base model's layers."""


def lora_config(rank: int, alpha: float, layers: Sequence[str]) -> dict[str, Any]:
    """Describe a LoRA to peft.

    Args:
        rank: r.
        alpha: α; the update is scaled by α / r.
        layers: Ends of the names of the layers that have one.
    """
    return {
        "alpha_pattern": {},
        "bias": "none",
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": rank,
        "rank_pattern": {},
        "target_modules": list(layers),
    }


def save_adapter(adapter: dict[str, Tensor], config: dict[str, Any], folder: Path) -> None:
    """Write an adapter and its description.

    Args:
        adapter: LoRA tensors by name.
        config: See `lora_config`.
        folder: A folder that exists.
    """
    from safetensors.torch import save_file

    save_file({f"{PREFIX}{name}": tensor for name, tensor in adapter.items()}, folder / ADAPTER)
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")


def load_layers(folder: Path, adapter: Iterable[str]) -> tuple[str, ...]:
    """Read the ends of the names of the layers that have an adapter.

    Args:
        folder: Of the adapter; one from before there was a description has none.
        adapter: Names of the adapter's tensors, which tell the layers' whole names in that case.
    """
    file = folder / CONFIG
    layers = json.loads(file.read_text(encoding="utf-8"))["target_modules"] if file.exists() else []
    return tuple(layers or sorted({name.partition(".lora_")[0] for name in adapter}))


def load_adapter(file: Path) -> dict[str, Tensor]:
    """Read an adapter's tensors by name, whether or not the names are peft's."""
    from safetensors.torch import load_file

    return {name.removeprefix(PREFIX): tensor for name, tensor in load_file(file).items()}
