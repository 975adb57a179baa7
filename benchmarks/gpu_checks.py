"""Is it right on this device? Each check runs the project's own rollout and update."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from gpu_card import free, without_tf32
from gpu_model import PROMPTS, SEED
from gpu_policy import Bench, Thinned, method, moved, narrowed, sampling
from gpu_report import Result, held, measured
from torch import Tensor

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Optimization
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.training.rollout import rollout
from drift_pipeline.training.trajectories import Trajectories
from drift_pipeline.training.update import update

RATIO = 1e-5
"""A tenth of the paper's clip range."""
ROUNDING = 1e-4
"""What the order of fp32 sums may change, relative to the size of the numbers: latents and
gradients pass through a few hundred layers, and guidance multiplies a difference by nine."""
EXACT = 1e-6
"""The same operations on the same numbers, of the same shapes."""


def draw(
    policy: Thinned, state: PolicyState, groups: int, candidates: int, batch: int
) -> tuple[Trajectories, Tensor]:
    """Draw some groups as DRIFT does, its noise on the prompts included."""
    prompts = PROMPTS[:groups]
    return rollout(policy, state, method(), prompts, candidates, SEED, 1, sampling(batch))


def train(
    policy: Thinned, state: PolicyState, drawn: Trajectories, micro_batch: int, **settings: Any
) -> tuple[PolicyState, dict[str, Any]]:
    """Make one gradient update: the new state, and what the update reports.

    AdamW's ε is raised: with the usual one its first step is ± the learning rate whatever the size
    of the gradient, and rounding decides the sign of a small one.
    """
    values = {"updates_per_epoch": 1, "measure_kl_rows": 0, "epsilon": 1e-5, **settings}
    optimization = Optimization(micro_batch_size=micro_batch, **values)
    advantages = keyed_normal((len(drawn),), SEED, "advantages")
    new, rows = update(
        policy, state, method(), drawn, advantages, sampling(micro_batch), optimization
    )
    return new, rows[0]


def relative(values: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the root mean square of what is expected."""
    difference = (values.double() - expected.double()).abs().max()
    return (difference / expected.double().square().mean().sqrt()).item()


def gradient(state: PolicyState) -> Tensor:
    """Return the gradient of the only update there has been; AdamW's first moment is 0.1 of it."""
    assert state.optimizer is not None
    return torch.cat([
        state.optimizer[f"{name}.exp_avg"].flatten() for name in sorted(state.adapter)
    ])  # fmt: skip


def step_of(state: PolicyState, before: PolicyState) -> Tensor:
    """Return what has been added to the adapter, as one vector."""
    return torch.cat([
        (state.adapter[name] - before.adapter[name]).flatten() for name in sorted(state.adapter)
    ])  # fmt: skip


def apart(values: Tensor, expected: Tensor) -> float:
    """Return the Euclidean distance of two vectors over the length of what is expected."""
    return ((values - expected).norm() / expected.norm()).item()


def check_ratio(bench: Bench, precision: str, tf32: bool = True) -> Iterator[Result]:
    """Measure importance ratios before the first update; the policy has not moved, so they are 1.

    Args:
        bench: What is shared.
        precision: fp32, bf16 or fp16.
        tf32: Whether fp32 convolutions are rounded to TF32, as they are by default.
    """
    policy = bench.policy(precision)
    state = moved(policy)
    single = precision == "fp32"
    candidates = 2 if single else max(1, bench.size.drawn // 2)
    label = precision if tf32 else f"{precision} without TF32"
    with nullcontext() if tf32 else without_tf32():
        drawn, _ = draw(policy, state, 2, candidates, batch=2 * candidates)
        for micro_batch in (2,) if single else (2, 4):
            # The clip is wide, so that no row loses its gradient to it; the ratio is the same.
            _, row = train(policy, state, drawn, micro_batch, clip_range=0.2)
            name = f"|ratio - 1|, {label}, drawn {2 * candidates} at once, trained {micro_batch}"
            yield held(name, row["ratio_max_dev"], RATIO, mean=row["ratio_mean"])


def check_batches(bench: Bench, precision: str) -> Iterator[Result]:
    """Draw candidates in batches of 1, 4 and 16: they are the same, TF32 left aside."""
    policy = bench.policy(precision)
    state = moved(policy)
    count = min(16, bench.size.drawn)
    latent = bench.size.small_latent if precision == "fp32" else bench.size.latent
    with narrowed(policy, latent, kept=2), without_tf32():
        first, images = draw(policy, state, 1, count, batch=1)
        for batch in (4, 16):
            other, others = draw(policy, state, 1, count, batch)
            name = f"candidates drawn 1 and {batch} at once, {precision}"
            difference = relative(other.latents, first.latents)
            details = {
                "log_probs": (other.log_probs - first.log_probs).abs().max().item(),
                "pixels": (others.int() - images.int()).abs().max().item(),
            }
            if precision == "fp32":
                yield held(name, difference, 10 * ROUNDING, **details)
            else:
                yield measured(name, difference, "", **details)


def check_reference(bench: Bench) -> Iterator[Result]:
    """With the adapter off, the policy is the base model, loaded by diffusers and without peft."""
    from diffusers import UNet2DConditionModel

    policy = bench.policy("fp32")
    policy.load_adapter(moved(policy))
    times = policy.schedule(sampling(2)).times[[0, -1]].to(policy.device)
    latents = keyed_normal((2, *policy.latent_shape), SEED, "latents").to(policy.device)
    condition = policy.embed(PROMPTS[:2])
    with torch.no_grad():
        tuned = policy.predict(latents, times, condition, guidance=1.0)
        with policy.reference():
            reference = policy.predict(latents, times, condition, guidance=1.0)
        again = policy.predict(latents, times, condition, guidance=1.0)
        base = UNet2DConditionModel.from_pretrained(bench.folder, subfolder="unet")
        base = base.eval().to(policy.device)
        expected = base(latents, times, encoder_hidden_states=condition).sample
    moves = relative(tuned, expected)
    yield held(
        "the base model and the policy with its adapter off",
        relative(reference, expected) if moves > 1e-3 else float("nan"),
        EXACT,
        "" if moves > 1e-3 else "the adapter changes nothing even when it is on",
        adapter_on=moves,
    )
    yield held("the policy before and after its adapter was off", relative(again, tuned), EXACT)


def check_checkpointing(bench: Bench) -> Iterator[Result]:
    """Gradient checkpointing computes parts of the forward pass twice, and the same gradient."""
    policy = bench.policy("fp32")
    state = moved(policy)
    with narrowed(policy, bench.size.latent, kept=2):
        drawn, _ = draw(policy, state, 1, 2, batch=2)
        plain, _ = train(policy, state, drawn, 2, clip_range=0.2)
    thrifty = bench.policy("fp32", gradient_checkpointing=True)
    del policy
    with narrowed(thrifty, bench.size.latent, kept=2):
        again, _ = train(thrifty, state, drawn, 2, clip_range=0.2)
    yield held("gradient with checkpointing", apart(gradient(again), gradient(plain)), ROUNDING)


def check_cpu(bench: Bench) -> Iterator[Result]:
    """In fp32 the device computes what a CPU does: latents, images, and one update."""
    here, there = bench.policy("fp32"), bench.load(torch.device("cpu"))
    state = moved(here)
    schedule = there.schedule(sampling(1))
    times = schedule.times[len(schedule) // 2][None]
    latents = keyed_normal((1, *there.latent_shape), SEED, "latents")
    outputs = []
    with torch.no_grad(), without_tf32():
        for policy in (here, there):
            policy.load_adapter(state)
            device = policy.device
            words = policy.embed(PROMPTS[:1])
            outputs.append(policy.predict(latents.to(device), times.to(device), words, 5.0).cpu())
    yield held("UNet's guided output against the CPU's, fp32", relative(*outputs), ROUNDING)
    small = bench.size.small_latent
    with narrowed(here, small, kept=2), narrowed(there, small, kept=2):
        expected, images = draw(there, state, 1, 2, batch=2)
        step, row = train(there, state, expected, 2, clip_range=0.2)
        for name, tf32 in (("fp32", False), ("fp32 with TF32 convolutions", True)):
            with without_tf32():
                torch.backends.cudnn.allow_tf32 = tf32
                drawn, pictures = draw(here, state, 1, 2, batch=2)
                new, other = train(here, state, expected, 2, clip_range=0.2)
            found = {
                "sampled latents": relative(drawn.latents.cpu(), expected.latents),
                "gradient": apart(gradient(new), gradient(step)),
                "AdamW's step": apart(step_of(new, state), step_of(step, state)),
            }
            details = {
                "pixels": (pictures.int() - images.int()).abs().max().item(),
                "loss": other["loss"] - row["loss"],
                "ratio": other["ratio_max_dev"],
            }
            for what, value in found.items():
                title = f"{what} against the CPU's, {name}"
                if tf32:
                    yield measured(title, value, "", **details)
                else:
                    yield held(title, value, 10 * ROUNDING, **details)
    del there
    free(bench.device)
