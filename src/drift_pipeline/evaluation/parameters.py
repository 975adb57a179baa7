"""The parameters of `generate` and `measure`; the values are in `conf/base/parameters_*.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from drift_pipeline.identity import judge_digest
from drift_pipeline.parameters import EncoderSpec, RewardSpec
from drift_pipeline.runs import look_up


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Generate(_Parameters):
    """Which pictures are drawn to judge a checkpoint by."""

    prompts: str
    """Text file of evaluation prompts, one a line."""
    images_per_prompt: Annotated[int, Field(ge=2)] = 40
    """Seeds of each prompt."""
    first_seed: Annotated[int, Field(ge=0)] = 0
    """The first of them; the fresh draw of the base takes the seeds that follow."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """Every so many epochs, and at the last, a checkpoint is judged; None as the method says."""
    prompt_noise: bool = False
    """Perturb the prompts while drawing, too (section 6.2)."""
    batch_size: Annotated[int, Field(ge=1)] = 40
    """Pictures drawn at once; memory and speed alone."""
    sheet_prompts: Annotated[int, Field(ge=1)] = 6
    """Prompts that a checkpoint's contact sheet shows."""
    folder: str
    """Where the pictures are."""


class Measure(_Parameters):
    """What is measured on the pictures."""

    encoders: tuple[str, ...] = ("dreamsim", "openclip")
    """Names in `encoders`; each gives a mean pairwise distance (Eq. 31)."""
    rewards: tuple[str, ...] = ("pickscore", "hpsv2")
    """Names in `rewards`; every picture gets a score of each."""
    manifold_encoder: str = "dreamsim"
    """The encoder of recall and Vendi, one of `encoders`."""
    recall_k: Annotated[int, Field(ge=1)] = 10
    """k of generalized recall."""
    resamples: Annotated[int, Field(ge=1)] = 1000
    """Bootstrap samples of the prompts."""
    features: str
    """Where the embeddings and scores are."""
    reports: str
    """Where the tables of metrics are."""


def presets_of(
    measure: Measure, encoders: Mapping[str, Any], rewards: Mapping[str, Any]
) -> tuple[dict[str, EncoderSpec], dict[str, RewardSpec]]:
    """Look up the encoders and rewards that judge.

    Args:
        measure: Which ones.
        encoders: All encoders' presets; none of them is looked up where there are none.
        rewards: All rewards' presets.

    Raises:
        ConfigurationError: Where one is not known, with the known ones.
    """
    presets = {"encoders": encoders, "rewards": rewards}
    seeing = measure.encoders if encoders else ()
    return (
        {name: look_up(EncoderSpec, presets, "encoder", name) for name in seeing},
        {name: look_up(RewardSpec, presets, "reward", name) for name in measure.rewards},
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
