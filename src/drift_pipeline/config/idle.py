"""Settings under which a part of a method does nothing: possible, seldom meant, always said."""

from __future__ import annotations

from collections.abc import Iterator

from drift_pipeline.config.components import STABLE_DIFFUSION
from drift_pipeline.config.method import STANDARD, MethodPreset
from drift_pipeline.config.train import Train

TRAINED = 1000
"""Timesteps that Stable Diffusion was trained with."""


def idle_settings(method: MethodPreset, train: Train, name: str) -> list[str]:
    """List what a run's parameters ask for and will not get, one sentence each.

    Args:
        method: The method.
        train: How it trains.
        name: The method's name.

    Returns:
        Sentences that name the parameter, what it does not do, and what to change.
    """
    where = f"methods.{name}"
    found = [*_optimization(train)]
    if method.method == STANDARD:  # another class may read its switches in another way
        found += [*_shaping(method, train, where), *_selection(method, train, where)]
        found += _noise(method, train, where)
    if train.sampling.guidance == 0:
        found.append(
            "train.sampling.guidance: 0 leaves the prompts out altogether (1 is no guidance); "
            "images will not depend on them"
        )
    return found


def _shaping(method: MethodPreset, train: Train, where: str) -> Iterator[str]:
    shaping = method.shaping
    if shaping.ratio > 0 and method.advantage == "group" and train.group_size == 2:
        yield (
            f"train.group_size: the two images of a group have one distance, so their diversity "
            f"is equal and {where}.shaping does nothing; make groups of 3 or more, or set "
            f"{where}.shaping.ratio=0"
        )
    if shaping.ratio == 0 and shaping.sigma != type(shaping)().sigma:
        yield f"{where}.shaping.sigma: has no effect where {where}.shaping.ratio is 0"


def _selection(method: MethodPreset, train: Train, where: str) -> Iterator[str]:
    if method.selection != "all" and method.candidates == 1:
        yield (
            f"{where}.selection: {method.selection!r} has nothing to choose from where "
            f"{where}.candidates is 1; all are trained on"
        )
    if method.advantage == "batch" and train.groups_per_epoch == 1:
        yield (
            f"{where}.advantage: an epoch of one group (train.groups_per_epoch) is normalised "
            "alike by 'batch' and 'group'"
        )


def _noise(method: MethodPreset, train: Train, where: str) -> Iterator[str]:
    if not method.prompt_noise or train.policy.policy != STABLE_DIFFUSION:
        return
    noise, steps = train.prompt_noise, train.sampling.steps
    first = ((steps - 1) * (TRAINED // steps) + 1) / TRAINED  # Stable Diffusion's own spacing
    if noise.scale == 0:
        yield f"train.prompt_noise.scale: 0 adds no noise, so {where}.prompt_noise is idle"
    elif first <= noise.tau1:
        yield (
            f"train.prompt_noise.tau1: the first of {steps} steps is at {first:g}, not above tau1 "
            f"({noise.tau1:g}), so {where}.prompt_noise adds no noise; lower tau1 or take more "
            "steps"
        )


def _optimization(train: Train) -> Iterator[str]:
    how = train.optimization
    if how.clip_range >= 1:
        yield (
            f"train.optimization.clip_range: {how.clip_range:g} lets importance ratios fall to 0, "
            "so that the clipped objective clips nothing downwards"
        )
    if how.learning_rate is not None and how.learning_rate > 0.1:
        yield (
            f"train.optimization.learning_rate: {how.learning_rate:g} moves every number of the "
            "adapter by up to that much per update; 1e-4 to 3e-3 are usual"
        )
    if how.advantage_clip < 0.5:
        yield (
            f"train.optimization.advantage_clip: advantages have a standard deviation of 1, so "
            f"that ± {how.advantage_clip:g} leaves hardly more than their sign; 5 is usual"
        )
