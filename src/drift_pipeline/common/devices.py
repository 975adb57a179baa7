"""Where tensors are computed, and how fast in which precision."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import torch
from torch.nn import functional as F


def resolve_device(device: str = "auto") -> torch.device:
    """Turn `auto` into the GPU where there is one and into the CPU where there is none."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a tensor to a device; a GPU fetches it while the CPU goes on.

    Args:
        tensor: On any device.
        device: Where it is used.
    """
    if device.type == "cuda" and tensor.device.type == "cpu":
        # From pageable memory the copy would first wait for all that the GPU still has to do.
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def slowdown(dtype: torch.dtype) -> float:
    """Measure how much longer this CPU takes in a precision than in fp32.

    Processors without instructions for a precision compute it all the same, many times more slowly.
    The work is a convolution of a small UNet and its gradient; it takes a fraction of a second.

    Args:
        dtype: The precision.

    Returns:
        Seconds in it over seconds in fp32; below 1 it is faster.
    """
    return _seconds(dtype) / _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    images = torch.ones(16, 48, 8, 8, dtype=dtype, requires_grad=True)
    weight = torch.ones(48, 48, 3, 3, dtype=dtype)
    times = []
    for _ in range(4):  # the first one prepares
        start = perf_counter()
        torch.autograd.grad(F.conv2d(images, weight, padding=1).sum(), images)
        times.append(perf_counter() - start)
    return median(times[1:])
