"""The parameters of `generate` and `measure`; the values are in `conf/base/parameters_*.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from drift_pipeline.config.places import LocalPath
from drift_pipeline.identity import judge_digest
from drift_pipeline.parameters import (
    ConfigurationError,
    Count,
    EncoderSpec,
    Epochs,
    Parameters,
    RewardSpec,
)
from drift_pipeline.runs import look_up

MAX_IMAGES = 100_000
"""Pictures of a prompt; their numbers are put down one by one before anything is drawn."""


class Generate(Parameters):
    """Which pictures are drawn to judge a checkpoint by."""

    prompts: LocalPath
    """Text file of evaluation prompts, one a line."""
    images_per_prompt: Annotated[int, Field(ge=2, le=MAX_IMAGES)] = 40
    """Seeds of each prompt."""
    first_seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """The first of them; the fresh draw of the base takes the seeds that follow."""
    checkpoint_every: Epochs | None = None
    """Every so many epochs, and at the last, a checkpoint is judged; None as the method says."""
    prompt_noise: bool = False
    """Perturb the prompts while drawing, too (section 6.2)."""
    batch_size: Count = 40
    """Pictures drawn at once; memory and speed alone."""
    sheet_prompts: Annotated[int, Field(ge=1, le=1000)] = 6
    """Prompts that a checkpoint's contact sheet shows."""
    folder: LocalPath
    """Where the pictures are."""


class Measure(Parameters):
    """What is measured on the pictures."""

    encoders: tuple[str, ...] = ("dreamsim", "openclip")
    """Names in `encoders`; each gives a mean pairwise distance (Eq. 31)."""
    rewards: tuple[str, ...] = ("pickscore", "hpsv2")
    """Names in `rewards`; every picture gets a score of each, and of the run's own reward."""
    manifold_encoder: str = "dreamsim"
    """The encoder of recall and Vendi, one of `encoders`."""
    recall_k: Count = 10
    """k of generalized recall."""
    resamples: Count = 1000
    """Bootstrap samples of the prompts."""
    features: LocalPath
    """Where the embeddings and scores are."""
    reports: LocalPath
    """Where the tables of metrics are."""

    @model_validator(mode="after")
    def _manifold_is_measured(self) -> Measure:
        if self.manifold_encoder not in self.encoders:
            raise ValueError(
                f"manifold_encoder: {self.manifold_encoder!r} is not one of measure.encoders "
                f"({', '.join(self.encoders)})"
            )
        return self


def presets_of(
    measure: Measure,
    encoders: Mapping[str, Any],
    rewards: Mapping[str, Any],
    own: str | None = None,
) -> tuple[dict[str, EncoderSpec], dict[str, RewardSpec]]:
    """Look up the encoders and rewards that judge.

    Args:
        measure: Which ones.
        encoders: All encoders' presets; none of them is looked up where there are none.
        rewards: All rewards' presets.
        own: The run's own reward, which always judges it, and the base model that it is compared
            with, whether it is named or not.

    Raises:
        ConfigurationError: Where one is not known, with the known ones.
    """
    presets = {"encoders": encoders, "rewards": rewards}
    seeing = measure.encoders if encoders else ()
    scoring = dict.fromkeys([*measure.rewards, *([own] if own else [])])
    return (
        {name: look_up(EncoderSpec, presets, "encoder", name) for name in seeing},
        {name: look_up(RewardSpec, presets, "reward", name) for name in scoring},
    )


def digests_of(
    encoders: Mapping[str, EncoderSpec], rewards: Mapping[str, RewardSpec]
) -> tuple[dict[str, str], dict[str, str]]:
    """The digest of each encoder and of each reward, which changes whenever it does.

    Args:
        encoders: Name to encoder.
        rewards: Name to reward.
    """
    return (
        {name: judge_digest(f"encoders.{name}", spec) for name, spec in encoders.items()},
        {name: judge_digest(f"rewards.{name}", spec) for name, spec in rewards.items()},
    )


def check_amounts(generate: Generate, measure: Measure, prompts: list[str]) -> None:
    """Refuse a protocol that cannot be measured, before its pictures are drawn.

    Raises:
        ConfigurationError: Where recall has too few pictures for its neighbourhood.
    """
    pictures = len(prompts) * generate.images_per_prompt
    if measure.recall_k >= pictures:
        raise ConfigurationError(
            f"measure.recall_k: the {measure.recall_k}-th neighbour of a picture needs more than "
            f"{pictures} pictures ({len(prompts)} prompts × generate.images_per_prompt "
            f"{generate.images_per_prompt}); give a smaller k or draw more"
        )
