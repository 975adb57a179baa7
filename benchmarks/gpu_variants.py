"""What makes it faster? Each choice against the plain one, at the batches that were best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from gpu_card import free
from gpu_model import PROMPTS, SEED
from gpu_policy import GUIDANCE, Bench, Thinned, moved, sampling
from gpu_report import ImpossibleError, Result, measured, out_of_memory
from gpu_times import Timing, remember, time_rollout, time_update, timed
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from drift_pipeline.common.randomness import keyed_normal

KERNELS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "plain products": SDPBackend.MATH,
}
PAIRS = "pairs/s"


def best(bench: Bench, what: str) -> tuple[int, Timing]:
    """Return the batch that was best, and its timing.

    Raises:
        ImpossibleError: Where none has been measured.
    """
    if what not in bench.found:
        raise ImpossibleError(f"the {what} has not been measured, so there is no batch to take")
    return bench.found[what]


def variant(
    bench: Bench,
    name: str,
    policy: Thinned,
    precision: str,
    noise: bool = True,
    drawing: bool = True,
    **settings: Any,
) -> Iterator[Result]:
    """Time rollout and update of a variant.

    Args:
        bench: What is shared.
        name: The variant's.
        policy: Its policy.
        precision: Of the policy.
        noise: Whether prompts are perturbed; what is drawn without is no faster epoch of DRIFT.
        drawing: Whether it makes a difference to the rollout.
        **settings: Of the sampling.
    """
    batch, drew = best(bench, "rollout")
    micro_batch, trained = best(bench, "update")
    found, drawn = time_rollout(bench, policy, batch if drawing else 2, noise=noise, **settings)
    if drawing:
        yield timed(bench, f"rollout, {name}, batch {batch}", precision, found, drew)
        if noise:
            remember(bench, "rollout", found)
    found = time_update(bench, policy, drawn, micro_batch, noise)
    title = f"update, {name}, micro-batch {micro_batch}"
    yield timed(bench, title, precision, found, trained)
    if noise:
        remember(bench, "update", found)


def time_variants(bench: Bench, name: str) -> Iterator[Result]:
    """Time a variant by its name."""
    precision = bench.half
    loaded: dict[str, dict[str, Any]] = {
        "channels-last": {"channels_last": True},
        "gradient checkpointing": {"gradient_checkpointing": True},
        "fp16": {"precision": "fp16"},
    }
    run: dict[str, dict[str, Any]] = {
        "trajectories on the device": {"store": "device"},
        "no noise on prompts": {"noise": False},
        "gradient checkpointing": {"drawing": False},
    }
    policy = bench.policy(**{"precision": precision, **loaded.get(name, {})})
    yield from variant(bench, name, policy, policy.precision, **run.get(name, {}))


VARIANTS = (
    "trajectories on the device",
    "no noise on prompts",
    "channels-last",
    "gradient checkpointing",
    "fp16",
)


def time_compiled(bench: Bench, whole: bool) -> Iterator[Result]:
    """Time a UNet compiled block by block, which takes less time to compile, or as a whole."""
    bench.release()  # compiling changes the network that is loaded
    policy = bench.policy(bench.half)
    torch.compiler.reset()
    compile_unet = policy.unet.compile if whole else policy.unet.compile_repeated_blocks
    compile_unet(backend=bench.size.backend, dynamic=False)
    name = "UNet compiled" if whole else "transformer blocks compiled"
    try:
        # A block has a width and a number of tokens of its own at each level, with and without
        # gradient: more graphs than the few after which torch gives up.
        with torch._dynamo.config.patch(recompile_limit=64):
            yield from variant(bench, name, policy, bench.half)
    finally:
        del policy, compile_unet
        bench.release()
        torch.compiler.reset()


def pairs(policy: Thinned, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Make what the UNet gets for some pairs of a sample and a timestep, all on the device."""
    policy.load_adapter(moved(policy))
    schedule = policy.schedule(sampling(count))
    policy.embed(["", *PROMPTS])
    return (
        keyed_normal((count, *policy.latent_shape), SEED, "latents").to(policy.device),
        schedule.times[torch.arange(count) % len(schedule)].to(policy.device),
        policy.embed([PROMPTS[0]] * count),
    )


def repeated(call: Callable[[], Any], bench: Bench) -> float:
    """Seconds of a call, after one to warm up."""
    count = bench.size.together

    def calls() -> None:
        for _ in range(count):
            call()

    call()
    return bench.seconds(calls) / count


def time_attention(bench: Bench) -> Iterator[Result]:
    """Time the UNet with each kernel of scaled dot-product attention, without and with gradient."""
    policy = bench.policy(bench.half)
    weights = list(policy.adapter.values())
    sizes = (min(16, best(bench, "rollout")[0]), min(8, best(bench, "update")[0]))
    inputs = [pairs(policy, size) for size in sizes]

    def forward() -> None:
        with torch.no_grad():
            policy.predict(*inputs[0], GUIDANCE)

    def backward() -> None:
        torch.autograd.grad(policy.predict(*inputs[1], GUIDANCE).mean(), weights)

    for kernel in (None, *KERNELS):
        for what, call, size in zip(("", ", with gradient"), (forward, backward), sizes,
                                    strict=True):  # fmt: skip
            name = f"UNet, attention by {kernel or 'what torch chooses'}{what}, {size} pairs"
            failure = None
            try:
                with sdpa_kernel(KERNELS[kernel]) if kernel else nullcontext():
                    taken = repeated(call, bench)
            except RuntimeError as error:
                if out_of_memory(error):
                    failure = Result(name, "out of memory")
                elif "kernel" in str(error).lower():
                    failure = Result(name, "not possible", note="no such kernel here")
                else:
                    raise
            free(bench.device)
            yield failure or measured(name, size / taken, PAIRS)


def time_graph(bench: Bench) -> Iterator[Result]:
    """Time the UNet as a CUDA graph, which launches all its kernels at once."""
    if bench.device.type != "cuda":
        raise ImpossibleError("CUDA graphs need a CUDA device")
    policy = bench.policy(bench.half)
    for size in sorted({1, 2, min(16, best(bench, "rollout")[0])}):
        inputs = pairs(policy, size)
        with torch.no_grad():
            plain = repeated(lambda given=inputs: policy.predict(*given, GUIDANCE), bench)
            expected = policy.predict(*inputs, GUIDANCE)
            graph, output = captured(lambda given=inputs: policy.predict(*given, GUIDANCE))
            taken = repeated(graph.replay, bench)
        difference = (output - expected).abs().max().item()
        yield measured(f"UNet as a CUDA graph, {size} pairs", size / taken, PAIRS,
                       f"{plain / taken:.2f} times the plain rate", times_plain=plain / taken,
                       largest_difference=difference)  # fmt: skip
        del graph, output
        free(bench.device)


def captured(call: Callable[[], Tensor]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """Capture a call whose inputs stay where they are; its output is written anew by a replay."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # libraries set themselves up, which cannot be captured
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = call()
    return graph, output
