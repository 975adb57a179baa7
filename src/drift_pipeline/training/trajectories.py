"""The trajectories of an epoch, and the condition that the policy sees at each of their steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from drift_pipeline.common.devices import sent
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Store
from drift_pipeline.methods.base import Method
from drift_pipeline.policies.base import Policy, Schedule
from drift_pipeline.training.trajectory_store import take


@dataclass(frozen=True)
class Trajectories:
    """n denoising trajectories of one epoch; s is the number of steps.

    Attributes:
        seed: The run's seed.
        epoch: The epoch they belong to, from 1.
        prompts: n texts.
        groups: `(n,)`, the group of each, from 0.
        candidates: `(n,)`, the place of each in its group, from 0.
        schedule: The s steps, from noise to image.
        latents: `(n, s + 1, c, h, w)`, fp32; the last is the image's.
        log_probs: `(n, s)`, fp32, of each step under the policy that drew it; NaN where a step is
            deterministic.
        store: Where the latents lie.
    """

    seed: int
    epoch: int
    prompts: list[str]
    groups: Tensor
    candidates: Tensor
    schedule: Schedule
    latents: Tensor
    log_probs: Tensor
    store: Store = "host"

    def __len__(self) -> int:
        return len(self.prompts)

    def where(self, row: int) -> str:
        """Say which trajectory a row is, for messages."""
        return (
            f"epoch {self.epoch}, group {int(self.groups[row])} ({self.prompts[row]!r}), "
            f"candidate {int(self.candidates[row])}"
        )

    def select(self, indices: Tensor) -> Trajectories:
        """Keep some of them, and the memory of no others.

        Args:
            indices: `(k,)`, in the order wanted.
        """
        return replace(
            self,
            prompts=[self.prompts[index] for index in indices.tolist()],
            groups=self.groups[indices],
            candidates=self.candidates[indices],
            latents=take(self.latents, indices, self.store),
            log_probs=self.log_probs[indices],
        )


def conditions(
    policy: Policy, method: Method, trajectories: Trajectories, rows: Tensor, steps: Tensor
) -> Tensor:
    """Embed prompts as the policy sees them at some steps of some trajectories.

    The method's noise comes from its key, so the update makes again what the rollout has made,
    without storing it.

    Args:
        policy: Embeds the prompts.
        method: May perturb them.
        trajectories: n trajectories.
        rows: `(b,)`, indices of trajectories.
        steps: `(b,)`, the step of each, from 0.

    Returns:
        `(b, tokens, d)`, on the policy's device.
    """
    clean = policy.embed([trajectories.prompts[row] for row in rows.tolist()])
    if not method.perturbs_prompts:
        return clean
    seed, epoch = trajectories.seed, trajectories.epoch
    keys = zip(
        trajectories.groups[rows].tolist(),
        trajectories.candidates[rows].tolist(),
        steps.tolist(),
        strict=True,
    )
    drawn = [keyed_normal(tuple(clean.shape[1:]), seed, "prompt", epoch, *key) for key in keys]
    times = trajectories.schedule.fractions[steps]
    noise, device = torch.stack(drawn), policy.device
    return method.perturb(clean, sent(noise, device), sent(times, device))
