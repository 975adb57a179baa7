"""A tuned policy blended with its base model: what anyone can have without further training.

Two ways, both from the literature: annealed importance guidance (Jena et al. 2025, "Elucidating
optimal reward-diversity tradeoffs in text-to-image diffusion models", WACV), which leads with the
base model and ends with the tuned one, and drawing the first steps with the base model alone. The
first steps decide what is on an image, the last ones how it looks.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from drift_pipeline.config.evaluation import Blend
from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.base import Policy, Schedule


def tuned_shares(blend: Blend, schedule: Schedule) -> list[float]:
    """Return how much of each step's prediction is the tuned policy's, from noise to image.

    Annealed with power p it is (1 - t)^p, t falling from 1 at the noise to 0 at the image.
    """
    if blend.after is not None:
        first = round(blend.after * len(schedule))
        return [float(step >= first) for step in range(len(schedule))]
    assert blend.anneal is not None
    return [(1.0 - float(t)) ** blend.anneal for t in schedule.fractions]


class Blended:
    """A policy whose steps are blends of its own and the base model's.

    Where a step's mean is linear in the network's prediction and its deviation does not depend on
    it, as in DDIM, blending the means is blending the predictions. Both networks share their
    weights but for the adapter, which is switched off in between: no other thread may use the
    policy meanwhile.

    Args:
        policy: The policy; everything but `step` is its own.
        blend: How it is blended.
        schedule: Its steps.

    Raises:
        ValueError: Where two steps have the same time.
    """

    def __init__(self, policy: Policy, blend: Blend, schedule: Schedule) -> None:
        self._policy = policy
        shares = tuned_shares(blend, schedule)
        self._share = dict(zip(schedule.times.tolist(), shares, strict=True))
        if len(self._share) < len(schedule):
            raise ValueError("two steps have the same time, so a blend cannot tell them apart")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def step(
        self, latents: Tensor, times: Tensor, condition: Tensor, sampling: Sampling
    ) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the next latents; all `times` must be equal."""
        share = self._share[times[0].item()]
        arguments = (latents, times, condition, sampling)
        tuned = self._policy.step(*arguments) if share > 0 else None
        if tuned is not None and share == 1:
            return tuned
        with self._policy.reference():
            mean, std = self._policy.step(*arguments)
        return (mean, std) if tuned is None else (mean + share * (tuned[0] - mean), std)
