"""Exported adapters, read back: the files that `lora_export` and `peft_files` write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from drift_pipeline.policies import peft_files
from drift_pipeline.policies.lora_export import DIFFUSERS, KOHYA

if TYPE_CHECKING:
    from torch import Tensor

    from drift_pipeline.policies.base import PolicyState

UNET = "unet."
"""What diffusers puts before the name of each of the UNet's layers."""


def load_exported(folder: Path) -> PolicyState:
    """Read an adapter as a policy, which draws what the exported one drew.

    Args:
        folder: With `pytorch_lora_weights.safetensors`, whose α / r has been multiplied into its
            tensors, or with peft's `adapter_model.safetensors`, of a run's epoch as well.

    Returns:
        The policy, of epoch 0 and without parameters, since the files name neither.

    Raises:
        ValueError: Where there is no such file, it cannot be read, or it is no LoRA of a UNet
            with one rank for all layers; the message is one line.
    """
    from drift_pipeline.config.train import Lora
    from drift_pipeline.policies.base import PolicyState

    try:
        if (file := folder / DIFFUSERS).is_file():
            adapter, alpha = _of_diffusers(file)
        elif (file := folder / peft_files.ADAPTER).is_file():
            adapter, alpha = peft_files.load_adapter(file), None
            if (described := folder / peft_files.CONFIG).is_file():
                alpha = json.loads(described.read_text(encoding="utf-8"))["lora_alpha"]
        else:
            also = f" ({KOHYA} alone cannot be read)" if (folder / KOHYA).is_file() else ""
            raise ValueError(
                f"{folder} holds no adapter: neither {DIFFUSERS} nor {peft_files.ADAPTER}{also}"
            )
        rank = _rank(file, adapter)
        lora = Lora(rank=rank, alpha=rank if alpha is None else alpha)
    except ValueError:
        raise
    except Exception as error:  # safetensors has an error of its own, and JSON may be anything
        raise ValueError(f"{file} cannot be read ({' '.join(str(error).split())})") from error
    layers = tuple(sorted({name.partition(".lora_")[0] for name in adapter}))
    return PolicyState(epoch=0, adapter=adapter, optimizer=None, lora=lora, layers=layers)


def _of_diffusers(file: Path) -> tuple[dict[str, Tensor], int | None]:
    """Read tensors by the policy's names, and α where the file says it."""
    from safetensors import safe_open

    with safe_open(file, "pt") as content:
        described = json.loads((content.metadata() or {}).get("lora_adapter_metadata", "{}"))
        tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    others = sorted(name for name in tensors if not name.startswith(UNET))
    if others:
        raise ValueError(
            f"{file} has more than a UNet's layers, or other names for them; the first is "
            f"{others[0]}"
        )
    adapter = {name.removeprefix(UNET): tensor for name, tensor in tensors.items()}
    return adapter, described.get(f"{UNET}lora_alpha")


def _rank(file: Path, adapter: dict[str, Tensor]) -> int:
    ranks = {len(tensor) for name, tensor in adapter.items() if ".lora_A." in name}
    if len(ranks) != 1:
        found = ", ".join(map(str, sorted(ranks))) or "none"
        raise ValueError(f"{file} must have one rank for all of its layers (it has {found})")
    return ranks.pop()
