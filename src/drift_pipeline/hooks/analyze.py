"""The analysis goes in whole or not at all, and never loses what an earlier one has shown."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.common.atomic import recover, replacing_folder
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.lock import FolderLock
from drift_pipeline.config.classes import find
from drift_pipeline.datasets.renewable import mark_outdated
from drift_pipeline.evaluation.staleness import refuse_outdated
from drift_pipeline.hooks.analysis_inputs import (
    INPUTS,
    MADE_OF,
    Inputs,
    found_inputs,
    known_presets,
    made_of,
    missing_inputs,
    missing_presets,
)

REPORT = "analyze.report"
"""Lies at the top of the analysis' folder."""
PREFIX = "analyze."
SHOWN = 3


class AnalysisHooks:
    """Has `analyze` write into a folder beside its own, which takes its place at the end."""

    def __init__(self) -> None:
        self._replacement = ExitStack()
        self._moved: list[tuple[Any, Any]] = []
        self._running: tuple[CatalogProtocol, Path] | None = None

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Turn the datasets to the folder beside; nothing can be refused any more."""
        self._abandon(RuntimeError("a run of this process ended before its hooks were told"))
        outputs = {name for name in pipeline.all_outputs() if name.startswith(PREFIX)}
        if outputs:
            try:
                self._begin(outputs, catalog)
            except BaseException as error:
                self._abandon(error)
                raise

    def _begin(self, outputs: set[str], catalog: CatalogProtocol) -> None:
        from drift_pipeline.pipelines.analyze import create_pipeline

        folder = _folder(catalog)
        self._replacement.enter_context(FolderLock(folder, wait=True))
        recover(folder)
        part = self._replacement.enter_context(replacing_folder(folder))
        presets = catalog.load("params:rewards")
        whole = create_pipeline(catalog.load("params:analyze").all_rewards(presets))
        if whole.all_outputs() - outputs and folder.exists():
            shutil.copytree(folder, part, dirs_exist_ok=True)
        for dataset in [catalog[name] for name in sorted(outputs)]:
            mark_outdated(dataset)
            if _lies_in(dataset, folder):
                path = dataset._filepath
                self._moved.append((dataset, path))
                dataset._filepath = type(path)(part / Path(path).relative_to(folder))
        self._running = catalog, part

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Replace the old analysis with the new one."""
        if self._running is None:
            return
        catalog, part = self._running
        try:
            text = json.dumps(made_of(catalog), indent=1, ensure_ascii=False)
            (part / MADE_OF).write_text(text + "\n", encoding="utf-8")
        except BaseException as error:
            self._abandon(error)
            raise
        self._turn_back()
        self._replacement.close()

    @hook_impl
    def on_pipeline_error(self, error: BaseException) -> None:
        """Leave the old analysis as it was."""
        self._abandon(error)

    def _abandon(self, error: BaseException) -> None:
        self._turn_back()
        self._replacement.pop_all().__exit__(type(error), error, error.__traceback__)

    def _turn_back(self) -> None:
        for dataset, path in self._moved:
            dataset._filepath = path
        self._moved, self._running = [], None


def refuse_loss(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse an analysis of nothing, or of less than the one that it would replace.

    Args:
        pipeline: What will run; inputs that it makes itself count as there.
        catalog: Its datasets.

    Raises:
        ConfigurationError: In one line, what is missing and how to get it, or which figure of
            one's own is not there.
    """
    if not any(name.startswith(PREFIX) for name in pipeline.all_outputs()):
        return
    _refuse_places(pipeline, catalog)
    for name, path in catalog.load("params:analyze").figures.items():
        find(path, f"analyze.figures.{name}")
    folder = _folder(catalog)
    recover(folder)
    found = found_inputs(catalog)
    if not found["measured_metrics"] and "run_metrics" not in pipeline.all_outputs():
        raise ConfigurationError(
            f"nothing has been measured: there is no metrics.parquet in "
            f"{catalog['measured_metrics'].folder}; train and measure a run (kedro run), or "
            "fetch what others have measured (dvc pull); published results are in docs/results"
        )
    _refuse_outdated(pipeline, catalog)
    try:
        before: Inputs = json.loads((folder / MADE_OF).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if catalog.load("params:analyze").if_less == "replace":
        return
    if lost := missing_presets(before, known_presets(catalog)):
        raise ConfigurationError(
            f"{folder} shows runs of {', '.join(lost)}, which these parameters do not have, and "
            "would lose them; give the environment that it was made with (--env), put the preset "
            "where every environment reads it (conf/base), or accept the smaller analysis with "
            "--params analyze.if_less=replace"
        )
    places = {name: Path(catalog[name].folder) for name in INPUTS}
    made = [getattr(catalog.get(name), "_filepath", None) for name in pipeline.all_outputs()]
    missing = missing_inputs(before, found, places, [Path(path) for path in made if path])
    if missing:
        named = ", ".join(map(str, missing[:SHOWN]))
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise ConfigurationError(
            f"{folder} shows results of files that are no longer here ({named}{more}), and would "
            "lose them; bring them back (dvc pull, or kedro run with that run's method, reward "
            "and seed), or accept the smaller analysis with --params analyze.if_less=replace"
        )


def _refuse_outdated(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse measures of images or policies that have been replaced since."""
    import pandas as pd

    tables = [catalog[name].load() for name in ("measured_metrics", "measured_free_fronts")]
    metrics = pd.concat([table for table in tables if not table.empty] or tables)
    made = {"base_metrics", "run_metrics"} & pipeline.all_outputs()
    again = {Path(catalog[name]._filepath).parent.name for name in made}
    if not metrics.empty:
        metrics = metrics[~metrics["run"].isin(again)]
    places = (Path(catalog[name].folder) for name in ("measured_images", "measured_training"))
    refuse_outdated(metrics, *places)


def _folder(catalog: CatalogProtocol) -> Path:
    return Path(catalog[REPORT]._filepath).parent


def _lies_in(dataset: Any, folder: Path) -> bool:
    """Return whether a dataset is a file or folder of this disk below another folder."""
    path = getattr(dataset, "_filepath", None)
    here = getattr(dataset, "_protocol", "file") == "file"
    return here and path is not None and Path(path).is_relative_to(folder)


def _refuse_places(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse a catalog under which the analysis cannot be replaced as a whole."""
    if getattr(catalog[REPORT], "_protocol", "file") != "file":
        raise ConfigurationError(
            f"catalog, {REPORT}.filepath: the report must lie on this disk, at the top of the "
            "analysis' folder, which is replaced as a whole; copy it from there"
        )
    folder = _folder(catalog)
    for name in sorted(pipeline.all_outputs()):
        dataset = catalog.get(name)
        if getattr(dataset, "_version", None) is not None and _lies_in(dataset, folder):
            raise ConfigurationError(
                f"catalog, {name}.versioned: {folder} is replaced as a whole, earlier versions "
                "included; give this output a filepath outside of it"
            )
