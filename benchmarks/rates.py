"""The best rates that this machine reaches, all workers busy, on what a UNet is made of.

Not for a person: `limit.py` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from drift_pipeline.common.threads import side_by_side
from drift_pipeline.policies.stable_diffusion import StableDiffusion

GIGA = 1e9
Calls = dict[str, Callable[[], Any]]


def best_rate(call: Callable[[], Any], workers: int, seconds: float = 1.0) -> float:
    """Measure a call in every worker at once: the GFLOP/s of its best turn.

    Args:
        call: Is repeated within a turn until it takes a tenth of a second.
        workers: How many call at the same time.
        seconds: To spend on turns.
    """
    with FlopCounterMode(display=False) as flops:
        call()
    operations = flops.get_total_flops()
    start = perf_counter()
    call()
    times = max(1, round(0.1 / (perf_counter() - start)))

    def turn(_: int) -> None:
        for _ in range(times):
            call()

    best, end = float("inf"), perf_counter() + seconds
    with side_by_side(workers) as mapped:
        while perf_counter() < end:
            start = perf_counter()
            list(mapped(turn, range(workers)))
            best = min(best, perf_counter() - start)
    return workers * times * operations / best / GIGA


def candidates(policy: StableDiffusion, sizes: Sequence[int]) -> dict[str, Calls]:
    """List what is measured, each in several sizes, the best of which counts.

    Args:
        policy: Has the UNet, and its adapter.
        sizes: Samples in a batch; guidance makes two rows of each.
    """
    products = {f"{n} × {n}": product(n) for n in (512, 1024, 2048)}
    found: dict[str, Calls] = {"matrix product": products}
    for size in sizes:
        inputs = _inputs(policy, size)
        calls = {
            "convolutions": convolutions(policy.unet, inputs),
            "UNet, forward": lambda inputs=inputs: without_gradient(policy.unet, inputs),
            "UNet, forward and backward": lambda inputs=inputs: torch.autograd.grad(
                policy.unet(*inputs).sample.mean(), list(policy.adapter.values())
            ),
        }
        for name, call in calls.items():
            found.setdefault(name, {})[f"batches of {size}"] = call
    return found


def product(size: int) -> Callable[[], Tensor]:
    """Multiply two square matrices, fp32."""
    left, right = torch.randn(2, size, size)
    return lambda: left @ right


def convolutions(unet: nn.Module, inputs: Sequence[Tensor]) -> Callable[[], None]:
    """Take a UNet's convolutions by themselves, in order, on inputs of their own shapes."""
    seen: list[tuple[nn.Module, Tensor]] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append((layer, torch.randn(given[0].shape)))

    layers = [layer for layer in unet.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    without_gradient(unet, inputs)
    for hook in hooks:
        hook.remove()

    @torch.no_grad()
    def call() -> None:
        for layer, given in seen:
            layer(given)

    return call


@torch.no_grad()
def without_gradient(network: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Run a network forward."""
    network(*inputs)


def _inputs(policy: StableDiffusion, size: int) -> tuple[Tensor, Tensor, Tensor]:
    rows = 2 * size
    condition = policy.embed([""]).expand(rows, -1, -1).clone()
    return torch.randn(rows, *policy.latent_shape), torch.randint(1000, (rows,)), condition
