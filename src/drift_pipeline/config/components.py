"""Classes that YAML names by their dotted path: rewards, encoders, policies; their options."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from drift_pipeline.config.base import Parameters

STABLE_DIFFUSION = "drift_pipeline.policies.stable_diffusion.StableDiffusion"
"""The policy where the parameters name no other."""
ALL_KINDS = "all"
"""Under this name the metrics have the bits of all kinds together."""


class RewardSpec(Parameters):
    """A reward: an importable scorer, its options and the bounds of its normalised value."""

    scorer: str
    """Dotted path of a class whose instances map (images, prompts) to scores."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the scorer's constructor gets."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """Scores that count as 0 and as 1 where normalised rewards are reported."""
    truth: str | None = None
    """Dotted path of the true reward behind this one, where it is known: a function, images ->
    values, or a class whose instances are one."""
    truth_options: dict[str, Any] = Field(default_factory=dict)
    """What the constructor of such a class gets."""
    label: str | None = None
    """What reports call it; None its name."""
    measured_only: bool = False
    """Nobody trains on it: it is measured beside the others, and no comparison is made of it."""
    kinds: bool = False
    """Its answers are kinds, as whole numbers; the variety of kinds within a prompt is measured, in
    bits. There is nothing to normalise then, so `bounds` mean nothing."""

    @field_validator("truth_options", mode="before")
    @classmethod
    def _null_is_none_of_them(cls, value: Any) -> Any:
        # What an environment says when it takes away a truth that the base has.
        return {} if value is None else value

    @model_validator(mode="after")
    def _options_of_something(self) -> RewardSpec:
        if self.truth_options and self.truth is None:
            raise ValueError(
                "truth_options: there is no truth to give them to; name its class as truth, or "
                "set truth_options to null"
            )
        return self

    @model_validator(mode="after")
    def _kinds_are_no_scores(self) -> RewardSpec:
        if self.kinds and not self.measured_only:
            raise ValueError(
                "kinds: kinds are no scores to train on or to compare runs by; set measured_only "
                "to true"
            )
        if self.kinds and self.truth is not None:
            raise ValueError("kinds: kinds have no true reward; set truth to null")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> RewardSpec:
        low, high = self.bounds
        if low >= high:
            raise ValueError(
                f"bounds: the first ({low:g}) must be smaller than the second ({high:g})"
            )
        return self


class PolicySpec(Parameters):
    """A policy: the importable class that a base model is loaded by, and its options."""

    policy: str = STABLE_DIFFUSION
    """Dotted path of a class, a `policies.base.Policy`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What its constructor gets besides the settings of `train`."""


class EncoderSpec(Parameters):
    """An encoder: an importable class and its options."""

    encoder: str
    """Dotted path of a class whose instances map images to unit embeddings."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the encoder's constructor gets."""
