"""The parameters of the `bestiary` pipeline, checked before any work."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class Fit(BaseModel):
    """How long and how one network is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat


class Bestiary(BaseModel):
    """What the bestiary is made from; the comments are in `conf/base/parameters_bestiary.yml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str
    seed: int = Field(ge=0)
    pictures: int = Field(ge=90, description="45 animals twice, at least")
    held_out: int = Field(ge=45)
    judged: PositiveInt
    guidance_scale: PositiveFloat
    inference_steps: PositiveInt
    vae: Fit
    clip: Fit
    openclip: Fit
    unet: Fit
    preferences: Fit
    dreamsim: Fit
    dreamsim_tuning_steps: PositiveInt

    @property
    def models(self) -> Path:
        """Where runs load the models from."""
        return Path(self.folder)

    @property
    def draft(self) -> Path:
        """Where the models are until all of them are finished."""
        return self.models.with_name(f".{self.models.name}.draft")
