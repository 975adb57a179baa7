"""The protocol: which prompts and seeds a checkpoint is judged by, and how they are drawn.

Numbers of two checkpoints may be compared where their protocols are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from drift_pipeline.common.values import fingerprint
from drift_pipeline.config.evaluation import Blend, Generate
from drift_pipeline.config.train import PromptNoise, Sampling, Train


@dataclass(frozen=True)
class Protocol:
    """What every judged checkpoint has to draw.

    Attributes:
        prompts: The texts, one shard each.
        seeds: Seeds of each prompt.
        sampling: Steps, guidance and η.
        prompt_noise: Perturbation of the prompts while drawing, by DRIFT's formula whatever the
            method, or `None`.
        blend: How the policy is blended with its base model; `None` for the policy alone.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    sampling: Sampling
    prompt_noise: PromptNoise | None = None
    blend: Blend | None = None

    @classmethod
    def of(cls, generate: Generate, train: Train, prompts: list[str]) -> Protocol:
        """Read the protocol from the parameters; it samples as training does."""
        seeds = range(generate.first_seed, generate.first_seed + generate.images_per_prompt)
        return cls(tuple(prompts), tuple(seeds), train.sampling)

    def of_base(self, many: int) -> dict[str, Protocol]:
        """Return what the base model draws, by place.

        `base` has the checkpoints' seeds: the reference of recall, and the tables' first row.
        `base_fresh` has others: how much recall chance alone allows. `base_many` has `many`
        more, which the best front is estimated from; it is left out where that is 0.
        """
        draws = {"base": self, "base_fresh": self.fresh()}
        return draws | ({"base_many": self.many(many)} if many else {})

    def anew(self, blend: Blend | None, noise: PromptNoise) -> Protocol:
        """Return the same as a last checkpoint draws it once more.

        Args:
            blend: How it is blended with the base model; None for the policy alone, with noise.
            noise: Which, where it is not blended.
        """
        return replace(self, prompt_noise=noise) if blend is None else replace(self, blend=blend)

    def fresh(self) -> Protocol:
        """Return the same with as many other seeds: the ones that follow."""
        return self._later(0, len(self.seeds))

    def many(self, count: int) -> Protocol:
        """Return the same with so many seeds, which follow those of `fresh`."""
        return self._later(len(self.seeds), count)

    def _later(self, skipped: int, count: int) -> Protocol:
        first = self.seeds[-1] + 1 + skipped
        seeds = tuple(range(first, first + count))
        return replace(self, seeds=seeds)

    @property
    def hash(self) -> str:
        """A short name of everything that the images depend on besides the model."""
        sampling = self.sampling.model_dump(mode="json")
        values: dict[str, Any] = {
            "prompts": list(self.prompts),
            "seeds": list(self.seeds),
            "sampling": {key: sampling[key] for key in ("steps", "guidance", "eta")},
            "prompt_noise": self.prompt_noise and self.prompt_noise.model_dump(mode="json"),
        }
        if self.blend is not None:
            values["blend"] = self.blend.model_dump(mode="json")
        return fingerprint(values)


def judged_epochs(epochs: int, every: int) -> list[int]:
    """List the epochs whose checkpoints are judged: every so many, and the last.

    Args:
        epochs: Epochs trained.
        every: How many lie between two of them.

    Example:
        >>> judged_epochs(12, 5)
        [5, 10, 12]
    """
    return sorted({*range(every, epochs + 1, every), epochs})
