"""The device: what it is, how fast it multiplies, how much of its memory is used."""

from __future__ import annotations

import gc
import platform
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

import torch

GIB = 2**30
LIBRARIES = ("torch", "diffusers", "transformers", "peft", "safetensors", "numpy", "triton")


def describe(device: torch.device) -> dict[str, Any]:
    """Say what the device is, and which driver and libraries compute on it."""
    about: dict[str, Any] = {
        "device": str(device),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
    }
    for name in LIBRARIES:
        try:
            about[name] = version(name)
        except PackageNotFoundError:
            about[name] = None
    if device.type != "cuda":
        return about
    card = torch.cuda.get_device_properties(device)
    return {
        **about,
        "card": card.name,
        "GiB": round(card.total_memory / GIB, 1),
        "capability": f"{card.major}.{card.minor}",
        "multiprocessors": card.multi_processor_count,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver and power": _smi(),
        "bf16": bf16_in_hardware(device),
    }


def _smi() -> str | None:
    """Ask the driver's own program, where there is one, for its version and the power limit."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    question = "--query-gpu=driver_version,power.limit,clocks.max.sm"
    try:
        answer = subprocess.run(
            [program, question, "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(answer.stdout.strip().splitlines())


def bf16_in_hardware(device: torch.device) -> bool:
    """Whether the device multiplies bf16 itself; older cards emulate it."""
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free(device: torch.device) -> None:
    """Give back memory that nothing holds, and start counting its peak anew."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_gib(device: torch.device) -> float | None:
    """Most memory that tensors took at once since `free`, in GiB."""
    if device.type != "cuda":
        return None
    return round(torch.cuda.max_memory_allocated(device) / GIB, 2)


def seconds(call: Callable[[], Any], device: torch.device, patience: float = 1.0) -> float:
    """Time a call: once where it takes long, else the median of three.

    Args:
        call: Has been called before, so that nothing is set up in it.
        device: Is waited for before and after.
        patience: Seconds from which once is enough.
    """
    times: list[float] = []
    while not times or (len(times) < 3 and max(times) < patience):
        synchronise(device)
        start = perf_counter()
        call()
        synchronise(device)
        times.append(perf_counter() - start)
    return statistics.median(times)


def matmul_rate(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Measure the rate of a product of two square matrices, in TFLOP/s.

    Args:
        device: Where.
        dtype: fp32 is computed as such, not as TF32.
        size: Rows and columns.
    """
    chance = torch.Generator(device).manual_seed(0)
    left, right = (
        torch.randn(size, size, generator=chance, device=device).to(dtype) for _ in range(2)
    )
    result = torch.empty_like(left)
    repeats = 10

    def products() -> None:
        for _ in range(repeats):
            torch.mm(left, right, out=result)

    products()
    return repeats * 2 * size**3 / seconds(products, device) / 1e12


@contextmanager
def without_tf32() -> Iterator[None]:
    """Compute fp32 convolutions as such; by default cuDNN rounds their factors to 10 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
