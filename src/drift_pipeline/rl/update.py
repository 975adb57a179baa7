"""Update: move the policy towards the trajectories that did better than their group.

A (sample, timestep) pair is a row. Each gradient update averages over the rows of its share of
the samples; how many rows go through the UNet at once is a matter of memory alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from drift_pipeline.parallel import Map, side_by_side
from drift_pipeline.parameters import Optimization, PromptNoise, Sampling
from drift_pipeline.rl import ddim
from drift_pipeline.rl.objective import SurrogateDiagnostics, clipped_surrogate, gaussian_kl
from drift_pipeline.rl.optimizer import capture, restore_optimizer, restore_scaler
from drift_pipeline.rl.policy import PolicyState, StableDiffusion
from drift_pipeline.rl.randomness import keyed_permutation
from drift_pipeline.rl.rollout import Trajectories, perturbed_embeddings


@dataclass(frozen=True)
class _Rows:
    """A micro-batch: `(b,)` samples and steps, and which rows to measure the KL on."""

    samples: Tensor
    steps: Tensor
    measured: Tensor


@dataclass(frozen=True)
class _Task:
    """What all micro-batches of an epoch share."""

    model: StableDiffusion
    trajectories: Trajectories
    advantages: Tensor
    sampling: Sampling
    optimization: Optimization
    prompt_noise: PromptNoise | None
    kl_beta: float
    scaler: torch.amp.GradScaler
    mapped: Map


def update(
    model: StableDiffusion,
    state: PolicyState,
    trajectories: Trajectories,
    advantages: Tensor,
    sampling: Sampling,
    optimization: Optimization,
    prompt_noise: PromptNoise | None = None,
    kl_beta: float = 0.0,
    progress: bool = False,
    workers: int = 1,
) -> tuple[PolicyState, list[dict[str, Any]]]:
    """Train the policy on an epoch's trajectories, in a few gradient updates.

    Args:
        model: The frozen model.
        state: The policy that drew the trajectories.
        trajectories: n trajectories.
        advantages: `(n,)`.
        sampling: As in the rollout.
        optimization: Step size, clipping, and how the samples are divided.
        prompt_noise: As in the rollout.
        kl_beta: β, weight of the KL divergence from the base model.
        progress: Show a progress bar.
        workers: Micro-batches computed at the same time; the result does not depend on it.

    Returns:
        The policy after the epoch, and a row a gradient update: `loss`, `ratio_mean`,
        `ratio_max_dev` (largest |ratio − 1|), `clip_fraction`, `kl`, `grad_norm`, `seconds`. The
        first update's ratios are measured before the policy has moved.

    Raises:
        FloatingPointError: Where a log-probability or a gradient is not finite.
    """
    epoch = trajectories.epoch
    model.load_adapter(state)
    model.scheduler.set_timesteps(sampling.steps)
    optimizer = restore_optimizer(model, state, optimization)
    scaler = restore_scaler(model, state)
    limit = optimization.advantage_clip
    advantages = advantages.float().clamp(-limit, limit)
    order = keyed_permutation(len(trajectories), trajectories.seed, "shuffle", epoch)
    report = []
    bar = tqdm(total=len(order), desc=f"epoch {epoch} update", unit="sample", leave=False,
               disable=None if progress else True)  # fmt: skip
    with bar, side_by_side(workers) as mapped:
        task = _Task(model, trajectories, advantages, sampling, optimization, prompt_noise,
                     kl_beta, scaler, mapped)  # fmt: skip
        for index, samples in enumerate(order.tensor_split(optimization.updates_per_epoch)):
            start = perf_counter()
            for parameter in model.adapter.values():
                parameter.grad = torch.zeros_like(parameter)
            loss, ratios, kl = _accumulate(task, samples)
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(
                model.adapter.values(), optimization.max_grad_norm
            )
            if not norm.isfinite() and not scaler.is_enabled():
                raise FloatingPointError(
                    f"{trajectories.where(int(samples[0]))} and {len(samples) - 1} more, gradient "
                    f"update {index + 1}: the gradient is not finite; a smaller learning rate may "
                    f"help; the policy of epoch {epoch - 1} is kept"
                )
            scaler.step(optimizer)
            scaler.update()
            row = {"update": index, "loss": loss, **ratios}
            row["kl"] = kl.mean().item() if len(kl) else float("nan")
            report.append({**row, "grad_norm": norm.item(), "seconds": perf_counter() - start})
            bar.update(len(samples))
    optimizer.zero_grad(set_to_none=True)
    return capture(model, state, epoch, optimizer, scaler), report


def _accumulate(task: _Task, samples: Tensor) -> tuple[float, dict[str, float], Tensor]:
    """Add up the gradient of one update, micro-batch by micro-batch.

    Returns:
        The loss, what the importance ratios are like, and the measured KL divergences.
    """
    count = len(samples) * task.sampling.steps
    weights = list(task.model.adapter.values())
    batches = list(_micro_batches(task, samples))
    # The adapter is switched off for all threads at once, so the reference has a turn of its own.
    with task.model.reference():
        references = list(task.mapped(partial(_reference_means, task), batches))
    loss, parts, divergences = 0.0, [], [torch.empty(0)]
    differentiate = partial(_differentiate, task, count, weights)
    for share, gradient, diagnostics, kl in task.mapped(differentiate, batches, references):
        loss += share
        for weight, part in zip(weights, gradient, strict=True):
            weight.grad += part
        parts.append(diagnostics)
        divergences.append(kl)
    sizes = [len(rows.samples) for rows in batches]
    return loss, _combine(sizes, parts), torch.cat(divergences)


def _micro_batches(task: _Task, samples: Tensor) -> Iterator[_Rows]:
    """Split a gradient update's rows into micro-batches.

    Without the KL term a row of zero advantage has zero gradient, so it is left out; it still
    counts in the average.
    """
    optimization, steps = task.optimization, task.sampling.steps
    rows, times = samples.repeat(steps), torch.arange(steps).repeat_interleave(len(samples))
    if task.kl_beta == 0:
        counts = task.advantages[rows] != 0
        rows, times = rows[counts], times[counts]
    measured = torch.full((len(rows),), task.kl_beta > 0)
    if optimization.measure_kl_rows:
        measured[:: max(1, -(-len(rows) // optimization.measure_kl_rows))] = True
    size = optimization.micro_batch_size
    for parts in zip(rows.split(size), times.split(size), measured.split(size), strict=True):
        if len(parts[0]):
            yield _Rows(*parts)


def _inputs(task: _Task, rows: _Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, timesteps and embeddings of a micro-batch, as the rollout had them."""
    samples, steps, trajectories = rows.samples, rows.steps, task.trajectories
    embeddings = perturbed_embeddings(task.model, trajectories, samples, steps, task.prompt_noise)
    device = task.model.device
    latents, timesteps = trajectories.latents[samples, steps], trajectories.timesteps[steps]
    return latents.to(device), timesteps.to(device), embeddings


@torch.no_grad()
def _reference_means(task: _Task, rows: _Rows) -> Tensor:
    """What the base model would have drawn in the measured rows; the adapter must be off."""
    if not rows.measured.any():
        return torch.empty(0)
    rows = _Rows(rows.samples[rows.measured], rows.steps[rows.measured], rows.measured)
    return task.model.step(*_inputs(task, rows), task.sampling.guidance, task.sampling.eta)[0]


def _differentiate(
    task: _Task, count: int, weights: list[nn.Parameter], rows: _Rows, reference: Tensor
) -> tuple[float, tuple[Tensor, ...], SurrogateDiagnostics, Tensor]:
    """Compute a micro-batch's share of the gradient.

    Args:
        task: The epoch.
        count: Rows of the whole gradient update, by which the sum over rows is divided.
        weights: With respect to which.
        rows: The micro-batch.
        reference: The base model's means of the measured rows.

    Returns:
        Its share of the loss and of the (scaled) gradient, the surrogate's diagnostics, and the
        KL of the measured rows.
    """
    model, trajectories, device = task.model, task.trajectories, task.model.device
    samples, steps, measured = rows.samples, rows.steps, rows.measured.to(device)
    mean, std = model.step(*_inputs(task, rows), task.sampling.guidance, task.sampling.eta)
    log_prob = ddim.log_prob(trajectories.latents[samples, steps + 1].to(device), mean, std)
    _refuse_non_finite(log_prob.detach(), trajectories, rows)
    old = trajectories.log_probs[samples, steps].to(device)
    surrogate, diagnostics = clipped_surrogate(
        log_prob, old, task.advantages[samples].to(device), task.optimization.clip_range
    )
    loss, kl = surrogate * (len(samples) / count), torch.empty(0)
    if len(reference):
        divergence = gaussian_kl(mean[measured], reference, std[measured])
        if task.kl_beta > 0:
            loss = loss + task.kl_beta * divergence.sum() / count
        kl = divergence.detach().cpu()
    gradient = torch.autograd.grad(task.scaler.scale(loss), weights)
    return loss.item(), gradient, diagnostics, kl


def _combine(sizes: list[int], parts: list[SurrogateDiagnostics]) -> dict[str, float]:
    """Describe the ratios of all rows by those of the micro-batches."""
    if not parts:  # every advantage is zero, so nothing was computed
        return {"ratio_mean": 1.0, "ratio_max_dev": 0.0, "clip_fraction": 0.0}
    shares = torch.tensor(sizes).double() / sum(sizes)
    means = torch.stack([part["ratio_mean"] for part in parts]).cpu().double()
    clipped = torch.stack([part["clip_fraction"] for part in parts]).cpu().double()
    return {
        "ratio_mean": float(means @ shares),
        "ratio_max_dev": max(part["ratio_max_dev"].item() for part in parts),
        "clip_fraction": float(clipped @ shares),
    }


def _refuse_non_finite(log_prob: Tensor, trajectories: Trajectories, rows: _Rows) -> None:
    finite = torch.isfinite(log_prob)
    if finite.all():
        return
    row = int((~finite).nonzero()[0])
    sample, step = int(rows.samples[row]), int(rows.steps[row])
    raise FloatingPointError(
        f"{trajectories.where(sample)}, step {step + 1}: the log-probability is not finite; "
        f"the policy of epoch {trajectories.epoch - 1} is kept"
    )
