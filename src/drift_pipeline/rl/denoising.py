"""The way from noise to latents, step by step; rollout and evaluation both go it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_pipeline.parameters import Sampling
from drift_pipeline.rl import ddim
from drift_pipeline.rl.policy import StableDiffusion


@dataclass(frozen=True)
class Step:
    """What one step of a batch has drawn.

    Attributes:
        latents: `(b, c, h, w)`, fp32, after the step.
        log_prob: `(b,)`, fp32, of these latents under the policy.
    """

    latents: Tensor
    log_prob: Tensor


def denoise(
    model: StableDiffusion,
    latents: Tensor,
    sampling: Sampling,
    embed: Callable[[int], Tensor],
    noise: Callable[[int], Tensor],
) -> Iterator[Step]:
    """Draw a batch of trajectories.

    Args:
        model: The model, its scheduler set to the steps of `sampling`.
        latents: `(b, c, h, w)`, the noise to start from.
        sampling: Guidance and η.
        embed: Step, from 0, to the prompts' embeddings `(b, tokens, d)`.
        noise: Step, from 0, to standard normal noise `(b, c, h, w)`.

    Yields:
        Each step's result, in order.
    """
    current = latents.to(model.device)
    for step, timestep in enumerate(model.scheduler.timesteps):
        times = torch.full((len(current),), int(timestep), device=model.device)
        mean, std = model.step(current, times, embed(step), sampling.guidance, sampling.eta)
        current = mean + std * noise(step).to(model.device)
        yield Step(current, ddim.log_prob(current, mean, std))
