"""Where tensors are computed."""

from __future__ import annotations

import torch


def resolve_device(device: str = "auto") -> torch.device:
    """Turn `auto` into the GPU where there is one and into the CPU where there is none."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
