"""The parameters of the `bestiary` pipeline, checked before any work."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveFloat

from drift_pipeline.config.base import Count, Parameters
from drift_pipeline.config.places import LocalPath


class Fit(Parameters):
    """How long and how one network is trained."""

    steps: Count
    batch: int = Field(ge=2, le=1_000_000, description="divided between two workers")
    learning_rate: PositiveFloat


class Bestiary(Parameters):
    """What the bestiary is made from; the comments are in `conf/base/parameters_bestiary.yml`."""

    folder: LocalPath
    seed: int = Field(ge=0, lt=2**63)
    pictures: int = Field(ge=90, le=10_000_000, description="45 animals twice, at least")
    held_out: int = Field(
        ge=90, le=10_000_000, multiple_of=45, description="as many of each animal"
    )
    judged: Count
    guidance_scale: PositiveFloat
    inference_steps: int = Field(ge=1, le=1000)
    eta: float = Field(ge=0, le=1)
    vae: Fit
    clip: Fit
    openclip: Fit
    unet: Fit
    preferences: Fit
    dreamsim: Fit
    dreamsim_tuning_steps: Count
    reader: Fit

    @property
    def models(self) -> Path:
        """Where runs load the models from."""
        return Path(self.folder)

    @property
    def draft(self) -> Path:
        """Where the models are until all of them are finished."""
        return self.models.with_name(f".{self.models.name}.draft")
