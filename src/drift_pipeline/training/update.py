"""Update: move the policy towards the trajectories that did better than their group.

The samples are shuffled and divided among the gradient updates of the epoch; `gradient` adds up
what each of them moves by.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.common.checks import require_same_shape
from drift_pipeline.common.randomness import keyed_permutation
from drift_pipeline.common.threads import side_by_side
from drift_pipeline.config.train import Optimization, Sampling
from drift_pipeline.methods.base import Method
from drift_pipeline.policies.base import Policy, PolicyState, Schedule
from drift_pipeline.policies.denoising import schedule_of
from drift_pipeline.rl.step_weights import step_weights
from drift_pipeline.training.gradient import Task, accumulate
from drift_pipeline.training.optimizer import capture, restore_optimizer, restore_scaler
from drift_pipeline.training.trajectories import Trajectories


def update(
    policy: Policy,
    state: PolicyState,
    method: Method,
    trajectories: Trajectories,
    advantages: Tensor,
    sampling: Sampling,
    optimization: Optimization,
    progress: bool = False,
    workers: int = 1,
) -> tuple[PolicyState, list[dict[str, Any]]]:
    """Train the policy on an epoch's trajectories, in a few gradient updates.

    Args:
        policy: The policy.
        state: Its state, by which it drew the trajectories.
        method: Says what each step and each KL divergence counts.
        trajectories: n trajectories.
        advantages: `(n,)`.
        sampling: As in the rollout.
        optimization: Step size, clipping, and how the samples are divided.
        progress: Show a progress bar.
        workers: Micro-batches computed at the same time; the result does not depend on it.

    Returns:
        The state after the epoch, and one row per gradient update: `loss`, `ratio_mean`,
        `ratio_max_dev` (largest |ratio − 1|), `clip_fraction`, `kl`, the lists of
        `training.by_step`, `grad_norm`, `seconds`. The first update's ratios are measured before
        the policy has moved.

    Raises:
        FloatingPointError: Where a log-probability or a gradient is not finite.
    """
    epoch = trajectories.epoch
    require_same_shape(advantages=advantages, trajectories=trajectories.groups)
    policy.load_adapter(state)
    schedule = schedule_of(policy, sampling)
    optimizer = restore_optimizer(policy, state, optimization)
    scaler = restore_scaler(policy, state)
    limit = optimization.advantage_clip
    advantages = advantages.float().clamp(-limit, limit)
    times = schedule.fractions
    chosen = step_weights(optimization.step_weights, schedule.stochastic, schedule.deviations)
    weights = advantages[:, None] * method.step_weights(times) * chosen
    betas = method.kl_weights(advantages, times)
    order = keyed_permutation(len(trajectories), trajectories.seed, "shuffle", epoch)
    report = []
    bar = tqdm(total=len(order), desc=f"epoch {epoch} update", unit="sample", leave=False,
               disable=None if progress else True)  # fmt: skip
    with bar, side_by_side(workers) as mapped:
        task = Task(policy, state, trajectories, method, schedule.stochastic.nonzero().flatten(),
                     weights, betas, _loudness(schedule), sampling, optimization, scaler, mapped,
                     workers)  # fmt: skip
        for index, samples in enumerate(order.tensor_split(optimization.updates_per_epoch)):
            start = perf_counter()
            for parameter in policy.adapter.values():
                parameter.grad = torch.zeros_like(parameter)
            loss, diagnostics = accumulate(task, samples)
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(
                policy.adapter.values(), optimization.max_grad_norm
            )
            if not norm.isfinite() and not scaler.is_enabled():
                raise FloatingPointError(
                    f"{trajectories.where(int(samples[0]))} and {len(samples) - 1} more, gradient "
                    f"update {index + 1}: the gradient is not finite; a smaller learning rate may "
                    f"help; the policy of epoch {epoch - 1} is kept"
                )
            scaler.step(optimizer)
            scaler.update()
            row = {"update": index, "loss": loss, **diagnostics, "grad_norm": norm.item()}
            report.append({**row, "seconds": perf_counter() - start})
            bar.update(len(samples))
    optimizer.zero_grad(set_to_none=True)
    new = capture(policy, state, epoch, optimizer, scaler)
    if method.renews_reference(epoch):
        new = replace(new, reference=new.adapter)
    return new, report


def _loudness(schedule: Schedule) -> Tensor:
    """Return the square of ∂μ/∂ε̂ by step; of σ where it is not known."""
    factors = schedule.deviations if schedule.responses is None else schedule.responses
    return torch.ones(len(schedule)) if factors is None else factors.float().cpu().square()
