"""The parameters of `generate` and `measure`; the values are in `conf/base/parameters_*.yml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, model_validator

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.base import Count, Epochs, Parameters
from drift_pipeline.config.places import LocalPath

BlendName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
NOISY = "noisy"
"""Stands among the blends for a checkpoint that draws by itself, with noise on the prompts."""
LEAST_TILTED = 4
MAX_IMAGES = 100_000
"""Images of a prompt; their numbers are put down one by one before anything is drawn."""


class Blend(Parameters):
    """How a tuned policy is blended with its base model while drawing."""

    anneal: PositiveFloat | None = None
    """p: the tuned policy's share is (1 - t)^p, t falling from 1 at the noise to 0."""
    after: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of the steps that the base model draws; the tuned policy draws those after."""

    @model_validator(mode="after")
    def _one_way(self) -> Blend:
        if (self.anneal is None) == (self.after is None):
            raise ValueError("give either anneal or after")
        return self


class Generate(Parameters):
    """Which images are drawn to judge a checkpoint by."""

    prompts: LocalPath
    """Text file of evaluation prompts, one per line."""
    images_per_prompt: Annotated[int, Field(ge=2, le=MAX_IMAGES)] = 40
    """Seeds of each prompt."""
    first_seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """The first of them; the fresh draw of the base takes the seeds that follow."""
    checkpoint_every: Epochs | None = None
    """Every so many epochs, and at the last, a checkpoint is judged; None as the method says."""
    best_front_images: Annotated[int, Field(ge=0, le=MAX_IMAGES)] = 400
    """Images of each prompt that the best front (Eq. 4) is estimated from; 0: it is not."""
    free: tuple[str, ...] = ()
    """Methods whose last checkpoint also draws blended with the base model, by each of `blends`."""
    blends: dict[BlendName, Blend] = Field(default={})
    """How, by name."""
    noisy: tuple[str, ...] = ()
    """Methods whose last checkpoint also draws with noise on the prompts (Figure 9)."""
    batch_size: Count = 40
    """Images drawn at once; memory and speed alone."""
    sheet_prompts: Annotated[int, Field(ge=1, le=1000)] = 6
    """Prompts that a checkpoint's contact sheet shows."""
    folder: LocalPath
    """Where the images are."""

    def drawn_anew(self, method: str) -> dict[str, Blend | None]:
        """Say how else a method's last checkpoint draws, by name; None is with noise (Figure 9)."""
        blends: dict[str, Blend | None] = {**self.blends} if method in self.free else {}
        return blends | ({NOISY: None} if method in self.noisy else {})

    @model_validator(mode="after")
    def _noisy_is_taken(self) -> Generate:
        if NOISY in self.blends:
            raise ValueError(f"blends.{NOISY}: this name stands for noise on the prompts (noisy)")
        return self


class Measure(Parameters):
    """What is measured on the images."""

    encoders: tuple[str, ...] = ("dreamsim", "openclip")
    """Names in `encoders`; each gives a mean pairwise distance (Eq. 31)."""
    rewards: tuple[str, ...] = ("pickscore", "hpsv2")
    """Names in `rewards`; every image gets a score of each, and of the run's own reward."""
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


def check_amounts(generate: Generate, measure: Measure, prompts: list[str]) -> None:
    """Refuse a protocol that cannot be measured, before its images are drawn.

    Raises:
        ConfigurationError: Where recall or the best front has too few images, or the last
            checkpoint should be blended in no way.
    """
    if 0 < generate.best_front_images < LEAST_TILTED:
        raise ConfigurationError(
            f"generate.best_front_images: {generate.best_front_images} images of a prompt are too "
            f"few to weigh; give 0 for no best front, or at least {LEAST_TILTED}"
        )
    if generate.free and not generate.blends:
        raise ConfigurationError("generate.free: there are no generate.blends to draw with")
    images = len(prompts) * generate.images_per_prompt
    if measure.recall_k >= images:
        raise ConfigurationError(
            f"measure.recall_k: the {measure.recall_k}-th neighbour of an image needs more than "
            f"{images} images ({len(prompts)} prompts × generate.images_per_prompt "
            f"{generate.images_per_prompt}); give a smaller k or draw more"
        )
