"""How fast is it? The project's rollout and update in images per second, at growing batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cost
import torch
from gpu_card import bf16_in_hardware, free, matmul_rate, peak_gib
from gpu_model import PROMPTS, SEED, Size
from gpu_policy import STEPS, Bench, Thinned, method, moved, sampling
from gpu_report import Result, measured, out_of_memory
from torch import Tensor

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Optimization
from drift_pipeline.policies.adapted import DTYPES
from drift_pipeline.training.rollout import rollout
from drift_pipeline.training.trajectories import Trajectories
from drift_pipeline.training.update import update

RATE = "images/s"
ENOUGH = 0.98
"""Share of the best rate from which a smaller batch is preferred."""


@dataclass(frozen=True)
class Timing:
    """What a measurement took; the steps are `kept` of 50.

    Attributes:
        images: How many.
        steps: Seconds of the steps.
        kept: How many steps.
        decoding: Seconds of the VAE.
        gib: Peak of the memory that tensors took.
        ratio: Largest |importance ratio - 1| of an update's trajectories, before it.
    """

    images: int
    steps: float
    kept: int
    decoding: float = 0.0
    gib: float | None = None
    ratio: float | None = None

    @property
    def rate(self) -> float:
        """Images per second with all 50 steps."""
        return self.images / (self.steps * STEPS / self.kept + self.decoding)


def timed(
    bench: Bench, name: str, precision: str, timing: Timing, plain: Timing | None = None
) -> Result:
    """Report a rate, with the share of the device's peak that the steps reach.

    Args:
        bench: Has the peaks, and the operations of a pair.
        name: What was timed.
        precision: In which precision.
        timing: What it took; of an update where it has no decoding.
        plain: The choice that it is held against.
    """
    peak, count = bench.found.get(f"peak {precision}"), bench.found.get("operations")
    details: dict[str, Any] = {
        "images": timing.images, "steps": timing.kept, "seconds of the steps": timing.steps,
        "seconds of decoding": timing.decoding, "peak GiB": timing.gib,
        "|ratio - 1|": timing.ratio,
    }  # fmt: skip
    notes = []
    if plain:
        details["times plain"] = timing.rate / plain.rate
        notes.append(f"{details['times plain']:.2f} times the plain rate")
    if peak and count:
        pairs = timing.images * timing.kept / timing.steps
        details["TFLOP/s"] = pairs * count[timing.decoding == 0] / 1e12
        details["share of peak"] = details["TFLOP/s"] / peak
        notes.append(f"{details['share of peak']:.0%} of the peak")
    if timing.gib is not None:
        notes.append(f"{timing.gib:.1f} GiB")
    if timing.ratio is not None:
        notes.append(f"|ratio - 1| {timing.ratio:.0e}")
    return measured(name, timing.rate, RATE, ", ".join(notes), **details)


def operations(size: Size) -> tuple[float, float]:
    """Count floating-point operations of a policy's step, and of a step with its gradient.

    As in `cost.py`: on the meta device, for one pair of a sample and a timestep.
    """
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        plain = UNet2DConditionModel(**size.unet)
    unet = cost.adapted(plain)
    weights = [weight for weight in unet.parameters() if weight.requires_grad]
    inputs = (
        cost.meta(2, 4, size.latent, size.latent),
        torch.empty(2, device="meta", dtype=torch.long),
        cost.meta(2, cost.TOKENS, size.unet["cross_attention_dim"]),
    )
    with torch.no_grad(), cost.counting(half=True) as forward:
        unet(*inputs)
    with cost.counting(half=True) as both:
        torch.autograd.grad(unet(*inputs).sample.float().mean(), weights)
    return forward.operations, both.operations


def time_peak(bench: Bench, when: str = "") -> Iterator[Result]:
    """Measure the rate of a large matrix product in each precision."""
    if "operations" not in bench.found:
        bench.found["operations"] = operations(bench.size)
    for precision, dtype in DTYPES.items():
        if precision == "bf16" and not bf16_in_hardware(bench.device):
            continue
        rate = matmul_rate(bench.device, dtype, bench.size.matrix)
        bench.found.setdefault(f"peak {precision}", rate)
        free(bench.device)
        yield measured(f"matrix product, {precision}{when}", rate, "TFLOP/s")


def time_rollout(
    bench: Bench, policy: Thinned, batch: int, images: int | None = None, noise: bool = True,
    **settings: Any,
) -> tuple[Timing, Trajectories]:  # fmt: skip
    """Time the project's rollout of some images, `batch` at once, after a step to warm up."""
    state, prompts, count = moved(policy), PROMPTS[:1], images or batch
    asked = sampling(batch, **settings)
    policy.kept = 1
    drawn, _ = rollout(policy, state, method(noise), prompts, count, SEED, 1, asked)
    policy.kept = bench.size.kept
    free(bench.device)
    policy.decoding = 0.0
    calls = 0

    def call() -> None:
        nonlocal drawn, calls
        calls += 1
        drawn, _ = rollout(policy, state, method(noise), prompts, count, SEED, 1, asked)

    whole = bench.seconds(call)
    decoding = policy.decoding / calls
    timing = Timing(
        count, max(whole - decoding, 1e-9), policy.kept, decoding, peak_gib(bench.device)
    )
    return timing, drawn


def time_update(
    bench: Bench, policy: Thinned, drawn: Trajectories, micro_batch: int, noise: bool = True
) -> Timing:
    """Time the project's gradient update, after a micro-batch to warm up.

    Args:
        bench: What is shared.
        policy: The policy.
        drawn: Trajectories; they are repeated until there are enough.
        micro_batch: Pairs at once.
        noise: Whether prompts are perturbed, as they were in the rollout.
    """
    state, count = moved(policy), max(micro_batch, bench.size.least)
    count = -(-count // micro_batch) * micro_batch  # all micro-batches are of one size
    policy.kept = bench.size.kept
    rows = drawn.select(torch.arange(count) % len(drawn))
    advantages = keyed_normal((count,), SEED, "advantages")
    settings = {"micro_batch_size": micro_batch, "updates_per_epoch": 1, "measure_kl_rows": 0}
    asked, whole = sampling(micro_batch), Optimization(**settings)

    ratios = []

    def call(trained: Trajectories, worth: Tensor, optimization: Optimization) -> None:
        _, report = update(policy, state, method(noise), trained, worth, asked, optimization)
        ratios.append(report[0]["ratio_max_dev"])

    first = (1.0,) + (0.0,) * (policy.kept - 1)
    few = drawn.select(torch.arange(micro_batch) % len(drawn))
    call(few, advantages[:micro_batch], Optimization(**settings, step_weights=first))
    free(bench.device)
    taken = bench.seconds(lambda: call(rows, advantages, whole))
    return Timing(count, taken, policy.kept, gib=peak_gib(bench.device), ratio=ratios[-1])


def sweep(
    bench: Bench, what: str, precision: str, most: int, measure: Callable[[int], Timing]
) -> Iterator[Result]:
    """Measure at 2, 4, 8 ... until memory ends, and note the best.

    Args:
        bench: What is shared.
        what: `rollout` or `update`.
        precision: For the names.
        most: The largest size that an epoch has a use for.
        measure: Takes a size.
    """
    rates: dict[int, Timing] = {}
    size, last = 2, 0.0
    while size <= most:
        name = f"{what}, {precision}, {'batch' if what == 'rollout' else 'micro-batch'} {size}"
        if 3 * last > bench.left() / 4:
            yield Result(name, "not measured", note="it would take too much of what is left")
            break
        start, ended = perf_counter(), False
        try:
            rates[size] = measure(size)
        except Exception as error:
            if not out_of_memory(error):
                raise
            ended = True
        free(bench.device)
        if ended:
            yield Result(name, "out of memory")
            break
        last = perf_counter() - start
        timing = rates[size]
        yield timed(bench, name, precision, timing)
        best = max(found.rate for found in rates.values())
        chosen = min(n for n, found in rates.items() if found.rate >= ENOUGH * best)
        bench.found[what] = (chosen, rates[chosen])
        remember(bench, what, timing)
        size *= 2


def remember(bench: Bench, what: str, timing: Timing) -> None:
    """Keep the fastest rollout and the fastest update of all."""
    best = bench.found.get(f"fastest {what}")
    if best is None or timing.rate > best.rate:
        bench.found[f"fastest {what}"] = timing


def time_rollouts(bench: Bench) -> Iterator[Result]:
    """Sweep the batch of the rollout."""
    policy, precision = bench.policy(bench.half), bench.half
    yield from sweep(bench, "rollout", precision, bench.size.batches[0],
                     lambda batch: time_rollout(bench, policy, batch)[0])  # fmt: skip


def time_updates(bench: Bench) -> Iterator[Result]:
    """Sweep the micro-batch of the update."""
    policy, precision = bench.policy(bench.half), bench.half
    drawn = time_rollout(bench, policy, 2)[1]
    yield from sweep(bench, "update", precision, bench.size.batches[1],
                     lambda size: time_update(bench, policy, drawn, size))  # fmt: skip
