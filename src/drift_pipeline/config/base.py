"""What all groups of parameters share: strictness, and types that several of them use."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MAX_EPOCHS = 1000
"""Every epoch is a part of the pipeline, and Kedro's memory for it grows with the square of them:
`benchmarks/unroll.py` prints 1.3 GiB for 1,000 epochs, before anything runs."""
MAX_SAMPLES = 1_000_000
"""Candidates of an epoch, and images of a prompt; more would fill any machine's memory."""

Epochs = Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
Count = Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
LearningRate = Annotated[float, Field(gt=0, le=1)]


class Parameters(BaseModel):
    """A misspelled name is an error, numbers are finite, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError(f"must not be true or false (it is {str(value).lower()})")
        return value
