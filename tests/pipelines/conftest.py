"""Whole training runs on tiny random models, in folders of their own."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from drift_pipeline.session.resuming import ResumingSession


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.make_stable_diffusion(folder / "stable_diffusion")
    tiny.make_pickscore(folder / "pickscore")
    tiny.make_dreamsim(folder / "dreamsim")
    tiny.make_hpsv2(folder / "hpsv2")
    tiny.make_openclip(folder / "openclip")
    return folder


@pytest.fixture(scope="session")
def tiny_parameters(models) -> dict[str, Any]:
    """Parameters, by dotted name, that put the tiny models in the place of the kept ones."""
    return {
        "rewards.pickscore.options.model": str(models / "pickscore"),
        "rewards.pickscore.options.processor": str(models / "pickscore"),
        "rewards.hpsv2.options.architecture": str(models / "hpsv2"),
        "rewards.hpsv2.options.checkpoint": str(next((models / "hpsv2").glob("*.pt"))),
        "encoders.openclip.options.architecture": str(models / "openclip"),
        "encoders.dreamsim.options.folder": str(models / "dreamsim"),
        "train.base_model": str(models / "stable_diffusion"),
        "train.device": "cpu",
        # All of them: the KL of a few is measured in other batches, and is zero but for rounding.
        "train.optimization.measure_kl_rows": 64,
        "train.progress": False,
    }


@pytest.fixture(scope="session")
def nested() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return _nested


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted names into nested dictionaries, as `--params` does."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = tree
        for key in path:
            place = place.setdefault(key, {})
        place[last] = value
    return tree


@pytest.fixture(scope="session")
def kedro_run(project_path, tiny_parameters) -> Callable[..., dict[str, Any]]:
    """Run pipelines with all results in one folder; the smoke environment where `env` is not given.

    `conf` is a folder that stands in for the project's own conf/.
    """
    bootstrap_project(project_path)

    def run(
        pipeline: str,
        results: Path,
        changes: dict[str, Any] | None = None,
        conf: Path | None = None,
        env: str = "smoke",
        **options: Any,
    ) -> dict[str, Any]:
        folders = {
            "train.runs_folder": str(results),
            "generate.folder": str(results / "pictures"),
            "measure.features": str(results / "features"),
            "measure.reports": str(results / "reports"),
        }
        values = _nested({**tiny_parameters, **folders, **(changes or {})})
        # Built again, since a test may have put something of its own in a node's place.
        pipelines.configure("drift_pipeline.pipeline_registry")
        source = {} if conf is None else {"conf_source": str(conf)}
        with ResumingSession.create(
            project_path, env=env, runtime_params=values, **source
        ) as session:
            return session.run(pipeline_names=[pipeline], **options)

    return run


@pytest.fixture
def conf(project_path, tmp_path) -> Path:
    """A copy of the project's conf/, to be changed."""
    return shutil.copytree(project_path / "conf", tmp_path / "conf")


@pytest.fixture(scope="session")
def train(kedro_run) -> Callable[..., dict[str, Any]]:
    """Train in a folder: `train(runs, {"train.epochs": 3})`."""
    return partial(kedro_run, "train")


@pytest.fixture(scope="session")
def finished(train, tmp_path_factory) -> Path:
    """The folder of an uninterrupted run of three epochs."""
    runs = tmp_path_factory.mktemp("finished")
    train(runs, {"train.epochs": 3})
    return runs / "drift-pickscore-s42"
