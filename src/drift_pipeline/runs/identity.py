"""What results depend on besides their parameters: source, model files, commits on the Hub.

Two results may be mixed only where these agree. What is meant by them:

| identity          | changes with                                                               |
|-------------------|----------------------------------------------------------------------------|
| `training_code`   | the source that trains a policy                                            |
| `drawing_code`    | the source that draws the evaluation's images                              |
| `judging_code`    | the source that hands images to their judges                               |
| `measuring_code`  | the source that turns what judges say into measures                        |
| `judge_digest`    | one encoder or reward: its options, model files, source                    |
| `source_of`       | the source of a class that YAML names, or the version of its distribution  |
| `named_by`        | models and classes that values name: contents, commits, source             |
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from drift_pipeline.common import source
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import fingerprint, flat, texts
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.config.places import find
from drift_pipeline.model_files.locate import files_digest, hub_commit

TRAINING_CODE = "training (source)"
"""Where a run's identity says by which code of this package a policy was trained."""
AFTERWARDS = {"bounds", "label", "measured_only", "kinds"}
"""What a reward's answers do not depend on."""
OPTIONS = (".options.", ".truth_options.")
"""Within a dotted name: what a class is given, which may name files, models and classes."""
SOURCE, CONTENT, COMMIT = "(source)", "(content)", "(commit)"
"""How the identity's keys end that say something of what a parameter names."""

PACKAGE = "drift_pipeline"
TRAINS = (
    "common.asking",
    "drift.shaping",
    "methods.checked",
    "methods.standard",
    "policies.stable_diffusion",
    "training.rollout",
    "training.samples",
    "training.update",
)
DRAWS = (
    "common.images",
    "common.randomness",
    "drift.prompting",
    "policies.denoising",
    "policies.stable_diffusion",
    "rl.ddim",
)
NOT_COUNTED = (
    PACKAGE,
    *(f"{PACKAGE}.config{name}" for name in ("", ".base", ".components", ".method", ".train")),
    f"{PACKAGE}.policies.lora_export",
)
"""Modules that compute nothing of a policy: parameters, whose values are in the identity
themselves, and the files for other programs."""


@cache
def training_code() -> str:
    """Hash the source of this package that trains, with what it imports.

    The nodes that put it together count, too; scorers and encoders count where a run names them.
    """
    return source.digest(training_sources())


@cache
def drawing_code() -> str:
    """Hash the source of this package that draws the evaluation's images."""
    return source.digest(drawing_sources())


@cache
def measuring_code() -> str:
    """Hash the source of this package that turns what judges say into measures."""
    return source.digest(measuring_sources())


@cache
def judging_code() -> str:
    """Hash the source of this package that hands images to their judges."""
    return source.digest(judging_sources())


def judge_digest(name: str, spec: EncoderSpec | RewardSpec, root: Path) -> str:
    """Hash what the embeddings or scores of one judge depend on besides the images.

    Args:
        name: The parameter that holds it, `encoders.<name>` or `rewards.<name>`.
        spec: The encoder or reward; what becomes of a reward's answers (its bounds, whether they
            are kinds) and its label do not count. Its true reward does, since the scores' table
            has a column of it.
        root: The project's folder, which its options' paths start from.

    Raises:
        ConfigurationError: Where one of its classes cannot be found.
    """
    values = flat(spec.model_dump(mode="json", exclude=AFTERWARDS), name)
    for part in ("encoder", "scorer", "truth"):
        if path := values.get(f"{name}.{part}"):
            values[f"{name}.{part} {SOURCE}"] = source_of(path, f"{name}.{part}")
    return fingerprint(values | named_by(values, root) | {"code": judging_code()})


def source_of(path: str, where: str) -> str:
    """Say by which code a class that YAML names computes.

    Args:
        path: Its dotted path.
        where: The parameter it stands in, for messages.

    Returns:
        A hash of its source and of what this imports, or the version of its distribution.

    Raises:
        ConfigurationError: Where there is no such module, or it is not Python.
    """
    try:
        return source.origin(path, without=NOT_COUNTED)
    except (ModuleNotFoundError, SyntaxError) as error:
        raise ConfigurationError(f"{where}: cannot import {path!r} ({error})") from error


def named_by(values: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Look up what the base model's name and the options of classes stand for.

    Args:
        values: Flat; only `train.base_model` and what lies in `options` or `truth_options` is
            looked at.
        root: The project's folder, which paths start from.

    Returns:
        For each path to something on this disk a hash of its content, for each model in the
        Hugging Face cache its commit, for each class in source that people edit a hash of it.
    """
    found: dict[str, str] = {}
    for key, value in values.items():
        if key != "train.base_model" and not any(part in key for part in OPTIONS):
            continue
        revision = values.get(f"{key.rpartition('.')[0]}.revision")
        for name, text in texts(value, key):
            if (path := find(text, root)) is not None:
                found[f"{name} {CONTENT}"] = files_digest(path)
            elif (commit := hub_commit(text, revision)) is not None:
                found[f"{name} {COMMIT}"] = commit
            elif source.names_source(text):
                found[f"{name} {SOURCE}"] = source_of(text, name)
    return found


def training_sources() -> dict[str, Path]:
    """List the files of `training_code`, by dotted name."""
    return _sources(
        TRAINS, ("pipelines.shared", "pipelines.train.nodes", "runs.loading", "config.classes")
    )


def drawing_sources() -> dict[str, Path]:
    """List the files of `drawing_code`, by dotted name."""
    return _sources(DRAWS, ("evaluation.generation",))


def judging_sources() -> dict[str, Path]:
    """List the files of `judging_code`, by dotted name."""
    return _sources(("common.images", "common.asking"), ("evaluation.judging", "config.classes"))


def measuring_sources() -> dict[str, Path]:
    """List the files of `measuring_code`, by dotted name."""
    return _sources(
        ("evaluation.measuring", "diversity.tilting"),
        ("evaluation.metrics_table", "evaluation.best_front"),
    )


def _sources(modules: tuple[str, ...], alone: tuple[str, ...]) -> dict[str, Path]:
    names, singles = ([f"{PACKAGE}.{name}" for name in group] for group in (modules, alone))
    return source.sources(names, singles, NOT_COUNTED)
