"""The gradient of one update, added up micro-batch by micro-batch.

A (sample, step) pair is a row. A gradient update averages over the rows of its share of the
samples; how many rows go through the network at once is a matter of memory alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from drift_pipeline.common.devices import sent
from drift_pipeline.common.threads import Map, shares
from drift_pipeline.config.train import Optimization, Sampling
from drift_pipeline.methods.base import Method
from drift_pipeline.policies.base import Policy, PolicyState
from drift_pipeline.rl.objective import SurrogateDiagnostics, clipped_surrogate, gaussian_kl
from drift_pipeline.training.by_step import RowReport, by_step
from drift_pipeline.training.trajectories import Trajectories, conditions


@dataclass(frozen=True)
class Task:
    """What all micro-batches of an epoch share; `n` samples, `s` steps.

    Attributes:
        state: The policy that drew the trajectories.
        steps: Indices of the steps that are trained on: the stochastic ones.
        weights: `(n, s)`, each row's advantage, times what its step counts.
        betas: `(n, s)`, weight of each row's KL divergence.
        loudness: `(s,)`, squared factor by which a gradient with respect to a step's mean becomes
            one with respect to what the network gave.
    """

    policy: Policy
    state: PolicyState
    trajectories: Trajectories
    method: Method
    steps: Tensor
    weights: Tensor
    betas: Tensor
    loudness: Tensor
    sampling: Sampling
    optimization: Optimization
    scaler: torch.amp.GradScaler
    mapped: Map
    workers: int


@dataclass(frozen=True)
class _Rows:
    """A micro-batch: `(b,)` samples and steps, and which rows to measure the KL on."""

    samples: Tensor
    steps: Tensor
    measured: Tensor


@dataclass(frozen=True)
class _Computed:
    """What came of a micro-batch.

    Attributes:
        loss: Its share of the loss.
        gradient: Its share of the (scaled) gradient.
        diagnostics: The surrogate's.
        report: What each row says.
        finite: `(b,)`, bool, whether its log-probability is a number.
    """

    loss: Tensor
    gradient: tuple[Tensor, ...]
    diagnostics: SurrogateDiagnostics
    report: RowReport
    finite: Tensor


def accumulate(task: Task, samples: Tensor) -> tuple[float, dict[str, Any]]:
    """Add up the gradient of one update, micro-batch by micro-batch.

    Nothing is read back from the policy's device until all of them are on their way, so that a GPU
    never waits for the CPU between two of them.

    Returns:
        The loss; and what the importance ratios are like, the mean of the measured KL divergences
        (NaN where none is), and the lists of `by_step`.
    """
    count = len(samples) * len(task.steps)
    weights = list(task.policy.adapter.values())
    batches = list(_micro_batches(task, samples))
    # The adapter is switched off for all threads at once, so the reference has a turn of its own.
    with task.policy.reference(task.state.reference):
        references = _reference_means(task, batches)
    sums = [weight.grad for weight in weights if weight.grad is not None]
    losses, parts, reports, finite = [], [], [], []
    differentiate = partial(_differentiate, task, count, weights)
    for computed in task.mapped(differentiate, batches, references):
        torch._foreach_add_(sums, computed.gradient)  # one kernel for all of them
        losses.append(computed.loss)
        parts.append(computed.diagnostics)
        reports.append(computed.report)
        finite.append(computed.finite)
    for rows, good in zip(batches, finite, strict=True):
        _refuse_non_finite(good.cpu(), task.trajectories, rows)
    loss = sum(share.item() for share in losses)
    reports = [report.on_cpu() for report in reports]
    sizes = [len(rows.samples) for rows in batches]
    kl = torch.cat([torch.empty(0), *(report.kl for report in reports)])
    steps = by_step(reports, len(task.trajectories.schedule))
    return loss, {**_combine(sizes, parts), "kl": kl.mean().item(), **steps}


def _micro_batches(task: Task, samples: Tensor) -> Iterator[_Rows]:
    """Split a gradient update's rows into micro-batches.

    A row of zero advantage has no gradient but the KL term's. Without that it is left out; it
    still counts in the average.
    """
    optimization = task.optimization
    rows = samples.repeat(len(task.steps))
    steps = task.steps.repeat_interleave(len(samples))
    counts = (task.weights[rows, steps] != 0) | (task.betas[rows, steps] > 0)
    rows, steps = rows[counts], steps[counts]
    measured = task.betas[rows, steps] > 0
    if optimization.measure_kl_rows:
        measured[:: max(1, -(-len(rows) // optimization.measure_kl_rows))] = True
    for batch in shares(torch.arange(len(rows)), optimization.micro_batch_size, task.workers):
        yield _Rows(rows[batch], steps[batch], measured[batch])


def _inputs(task: Task, rows: _Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Return latents, times and condition of a micro-batch, as the rollout had them."""
    samples, steps, trajectories = rows.samples, rows.steps, task.trajectories
    condition = conditions(task.policy, task.method, trajectories, samples, steps)
    device = task.policy.device
    latents, times = trajectories.latents[samples, steps], trajectories.schedule.times[steps]
    return sent(latents, device), sent(times, device), condition


def _reference_means(task: Task, batches: list[_Rows]) -> list[Tensor]:
    """Return what the reference, which must be in place, would have drawn in the measured rows.

    Micro-batches may have a row or two of these each, so they are put together for it. Where every
    row is measured the batches are the policy's own, and before the first update the KL is exactly
    zero.
    """
    counts = [int(rows.measured.sum()) for rows in batches]
    if not any(counts):
        return [torch.empty(0)] * len(batches)
    samples = torch.cat([rows.samples[rows.measured] for rows in batches])
    steps = torch.cat([rows.steps[rows.measured] for rows in batches])

    @torch.no_grad()
    def means(part: Tensor) -> Tensor:
        rows = _Rows(samples[part], steps[part], torch.ones_like(part, dtype=torch.bool))
        return task.policy.step(*_inputs(task, rows), task.sampling)[0]

    size, everything = task.optimization.micro_batch_size, torch.arange(len(samples))
    parts = task.mapped(means, shares(everything, size, task.workers))
    return list(torch.cat(list(parts)).split(counts))


def _differentiate(
    task: Task, count: int, weights: list[nn.Parameter], rows: _Rows, reference: Tensor
) -> _Computed:
    """Compute a micro-batch's share of the gradient.

    Args:
        task: The epoch.
        count: Rows of the whole gradient update, by which the sum over rows is divided.
        weights: With respect to which.
        rows: The micro-batch.
        reference: The reference's means of the measured rows.

    Returns:
        What came of it, all on the policy's device.
    """
    policy, trajectories, device = task.policy, task.trajectories, task.policy.device
    samples, steps, measured = rows.samples, rows.steps, rows.measured.to(device)
    mean, std = policy.step(*_inputs(task, rows), task.sampling)
    log_prob = policy.log_prob(sent(trajectories.latents[samples, steps + 1], device), mean, std)
    old = sent(trajectories.log_probs[samples, steps], device)
    surrogate, diagnostics = clipped_surrogate(
        log_prob, old, sent(task.weights[samples, steps], device), task.optimization.clip_range
    )
    loss, kl = surrogate * (len(samples) / count), torch.empty(0)
    if len(reference):
        divergence = gaussian_kl(mean[measured], reference, std[measured])
        betas = task.betas[samples, steps][rows.measured]
        if (betas > 0).any():
            loss = loss + (betas.to(device) * divergence).sum() / count
        kl = divergence.detach()
    pull, *gradient = torch.autograd.grad(task.scaler.scale(loss), [mean, *weights])
    report = RowReport(
        steps,
        (log_prob.detach() - old).expm1().abs() > task.optimization.clip_range,
        pull.flatten(1).float().square().sum(dim=1) * task.loudness[steps].to(device),
        rows.measured,
        kl,
    )
    finite = torch.isfinite(log_prob.detach())
    return _Computed(loss.detach(), tuple(gradient), diagnostics, report, finite)


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


def _refuse_non_finite(finite: Tensor, trajectories: Trajectories, rows: _Rows) -> None:
    if finite.all():
        return
    row = int((~finite).nonzero()[0])
    sample, step = int(rows.samples[row]), int(rows.steps[row])
    raise FloatingPointError(
        f"{trajectories.where(sample)}, step {step + 1}: the log-probability is not finite; "
        f"the policy of epoch {trajectories.epoch - 1} is kept"
    )
