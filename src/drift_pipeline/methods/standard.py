"""DRIFT, its ablations and its baselines: one method, by the switches of its preset."""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.train import PromptNoise
from drift_pipeline.drift.prompting import perturb
from drift_pipeline.drift.selection import SELECTIONS
from drift_pipeline.drift.shaping import intra_group_diversity, intrinsic_reward
from drift_pipeline.methods.base import Credit
from drift_pipeline.rl.advantages import batch_advantages, group_advantages, merge


class Standard:
    """A method made of the paper's three ideas, each of which its preset may leave out.

    Args:
        preset: The switches.
        group_size: g, samples of a group that are trained on.
        prompt_noise: How prompts are perturbed, where the preset asks for it.
        bounds: Rewards that count as 0 and as 1.
    """

    def __init__(
        self,
        preset: MethodPreset,
        group_size: int = 8,
        prompt_noise: PromptNoise | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self.preset, self.group_size, self.bounds = preset, group_size, bounds
        self.prompt_noise = prompt_noise or PromptNoise()
        self.perturbs_prompts = preset.prompt_noise

    def perturb(self, embeddings: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Perturb prompts as the paper does (Eq. 34 to 37)."""
        return perturb(embeddings, noise, times, **self.prompt_noise.model_dump())

    def select(self, rewards: Tensor) -> Tensor:
        """Choose by the preset's rule (Eq. 32, 33); see `drift.selection`."""
        choose = SELECTIONS[self.preset.selection]
        return torch.stack([choose(group, self.group_size) for group in rewards])

    def normalise(self, rewards: Tensor) -> Tensor:
        """Turn rewards `(groups, g)` into advantages, of each group or of the whole batch."""
        by_group = self.preset.advantage == "group"
        return group_advantages(rewards) if by_group else batch_advantages(rewards)

    def credit(self, rewards: Tensor, embeddings: Tensor) -> Credit:
        """Turn rewards, and the diversity of a group's embeddings, into advantages."""
        return self.assign(rewards, intra_group_diversity(embeddings))

    def assign(self, rewards: Tensor, diversity: Tensor) -> Credit:
        """Turn rewards and diversities into advantages.

        Where the two are merged as rewards (Eq. 12) they must share a scale, so the reward is
        first mapped to [0, 1] by its bounds, as in section 6. Merging advantages (Eq. 14) needs
        no scale.

        Args:
            rewards: `(groups, g)`.
            diversity: `(groups, g)`, Eq. 11.
        """
        shaping = self.preset.shaping
        intrinsic = intrinsic_reward(diversity, shaping.sigma)
        advantage, advantage_intrinsic = self.normalise(rewards), self.normalise(intrinsic)
        if shaping.ratio == 0:
            total = advantage
        elif shaping.merge == "advantage":
            total = merge(advantage, advantage_intrinsic, shaping.ratio)
        else:
            low, high = self.bounds
            scaled = (rewards - low) / (high - low)
            total = self.normalise(merge(scaled, intrinsic, shaping.ratio))
        parts = {
            "intrinsic": intrinsic,
            "advantage": advantage,
            "advantage_intrinsic": advantage_intrinsic,
        }
        return Credit(total, parts, tuple(self._remarks(advantage, intrinsic)))

    def _remarks(self, advantage: Tensor, intrinsic: Tensor) -> list[str]:
        """List what did nothing in an epoch, which only its numbers show."""
        found, shaping = [], self.preset.shaping
        if bool((advantage == 0).all()):
            of = "the epoch" if self.preset.advantage == "batch" else "each group"
            found.append(
                f"all rewards of {of} are equal: none is better, so the reward teaches nothing"
            )
        if shaping.ratio > 0 and bool((intrinsic >= shaping.sigma).all()):
            found.append(
                f"every diversity reaches the method's shaping.sigma ({shaping.sigma:g}) and is "
                "cut to it: all are equal, so shaping does nothing; raise sigma"
            )
        return found

    def step_weights(self, times: Tensor) -> Tensor:
        """Weigh every step alike, as the paper does."""
        return torch.ones(len(times))

    def kl_weights(self, advantages: Tensor, times: Tensor) -> Tensor:
        """Weigh the divergence of every sample and step by the preset's β."""
        return torch.full((len(advantages), len(times)), self.preset.kl_beta)

    def renews_reference(self, epoch: int) -> bool:
        """Keep the base model as the reference."""
        return False
