"""The way from noise to an image, step by step; rollout and evaluation both go it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_pipeline.common.devices import sent
from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.base import Policy, Schedule


@dataclass(frozen=True)
class Step:
    """What one step of a batch has drawn.

    Attributes:
        latents: `(b, ...)`, fp32, after the step.
        log_prob: `(b,)`, fp32, of these latents under the policy; NaN for a deterministic step.
    """

    latents: Tensor
    log_prob: Tensor


def schedule_of(policy: Policy, sampling: Sampling) -> Schedule:
    """Ask a policy for its steps, and check them.

    Raises:
        ValueError: Where no step is stochastic, the fractions are no times from noise to image in
            [0, 1], or there is not one of each per step.
    """
    schedule = policy.schedule(sampling)
    steps, fractions, who = len(schedule), schedule.fractions, type(policy).__name__
    if {tuple(fractions.shape), tuple(schedule.stochastic.shape)} != {(steps,)}:
        raise ValueError(f"{who}.schedule: each step has one time, one fraction and one noise")
    if not ((fractions >= 0) & (fractions <= 1)).all() or (fractions.diff() > 0).any():
        raise ValueError(
            f"{who}.schedule: fractions must fall from noise to image within [0, 1]; they are "
            f"{[round(value, 3) for value in fractions.tolist()]}"
        )
    if not schedule.stochastic.any():
        raise ValueError(f"{who}.schedule: no step draws noise, so there is nothing to train")
    return schedule


def denoise(
    policy: Policy,
    schedule: Schedule,
    latents: Tensor,
    sampling: Sampling,
    embed: Callable[[int], Tensor],
    noise: Callable[[int], Tensor],
) -> Iterator[Step]:
    """Draw a batch of trajectories.

    Args:
        policy: The policy.
        schedule: Its steps, as its `schedule(sampling)` has just given them.
        latents: `(b, ...)`, the noise to start from.
        sampling: Guidance and noise level.
        embed: Step, from 0, to the condition `(b, tokens, d)`.
        noise: Step, from 0, to standard normal noise `(b, ...)`; asked for stochastic steps alone.

    Yields:
        Each step's result, in order.
    """
    current = latents.to(policy.device)
    for step, (time, draws) in enumerate(zip(schedule.times, schedule.stochastic, strict=True)):
        times = time.to(policy.device).repeat(len(current))
        mean, std = policy.step(current, times, embed(step), sampling)
        if draws:
            current = mean + std * sent(noise(step), policy.device)
            yield Step(current, policy.log_prob(current, mean, std))
        else:
            current = mean
            yield Step(current, torch.full((len(mean),), torch.nan))
