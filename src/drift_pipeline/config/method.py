"""A method, as YAML describes it: what makes DRIFT, its ablations and its baselines differ."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from drift_pipeline.config.base import Epochs, LearningRate, Parameters

STANDARD = "drift_pipeline.methods.standard.Standard"
"""The class of all presets that name no other."""


class Shaping(Parameters):
    """Diversity as a second reward (section 5.3)."""

    ratio: Annotated[float, Field(ge=0)] = 0.0
    """λ of Eq. 12 and 14; 0 leaves it out."""
    merge: Literal["advantage", "reward"] = "advantage"
    """Eq. 14 (each normalised on its own, then added) or Eq. 12 (added before normalising)."""
    sigma: Annotated[float, Field(gt=0)] = 1.0
    """Upper bound σ of the intrinsic reward, Eq. 13."""


class MethodPreset(Parameters):
    """A preset: a class, the switches of the paper's method, and how it is trained."""

    candidates: Annotated[int, Field(le=1000)] = 1
    """Candidates drawn for a group, as a multiple of the group size."""
    selection: Literal["all", "concentrated", "contrasted"] = "all"
    """Which candidates are trained on (section 5.1, Appendix E)."""
    prompt_noise: bool = False
    """Perturb the prompt embeddings in training (section 5.2, Appendix F)."""
    shaping: Shaping = Shaping()
    """Diversity as a second reward (section 5.3)."""
    advantage: Literal["group", "batch"] = "group"
    """Rewards are normalised within a group (GRPO) or over the whole epoch (DDPO)."""
    kl_beta: Annotated[float, Field(ge=0)] = 0.0
    """β, weight of the KL divergence from the reference; 0 leaves it out."""
    method: str = STANDARD
    """Dotted path of the class, a `methods.base.Method`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What its constructor gets besides the preset."""
    label: str | None = None
    """What reports call it where `analyze.methods` does not say; None its name."""
    epochs: Epochs | None = None
    """Epochs to train where `train.epochs` does not say."""
    learning_rate: LearningRate | None = None
    """AdamW's step size where `train.optimization.learning_rate` does not say."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """A checkpoint is judged every so many epochs where `generate` does not say how often."""

    @property
    def rule(self) -> str:
        """How samples are chosen, in a word: the selection, or the class that chooses."""
        return self.selection if self.method == STANDARD else self.method.rpartition(".")[2]

    def arithmetic(self) -> dict[str, Any]:
        """Return what a policy depends on: all but how long it trains, how often it is judged.

        The learning rate is among what a run's `train` says.
        """
        without = {"label", "epochs", "learning_rate", "checkpoint_every"}
        return self.model_dump(mode="json", exclude=without)

    @model_validator(mode="after")
    def _candidates_fill_the_group(self) -> MethodPreset:
        if self.candidates < 1:
            raise ValueError(
                f"candidates is {self.candidates}: the group size is larger than the number of "
                "candidates it is chosen from; ask for 1 or more times the group size"
            )
        standard = self.method == STANDARD  # another class may select in another way
        if standard and self.selection == "all" and self.candidates != 1:
            raise ValueError(
                f"selection 'all' trains on every candidate, so candidates must be 1 "
                f"(it is {self.candidates}); or choose 'concentrated' or 'contrasted'"
            )
        return self
