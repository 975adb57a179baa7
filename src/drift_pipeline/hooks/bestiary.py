"""The bestiary's models are trained beside the ones in use, which they replace at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.common.atomic import recover
from drift_pipeline.common.lock import Claim
from drift_pipeline.common.writable import require_writable
from drift_pipeline.config.bestiary import Bestiary


class BestiaryHooks:
    """Starts from an empty draft, and puts a finished one to use."""

    def __init__(self) -> None:
        self._project = Path()
        self._draft: Path | None = None
        self._models = Path()
        self._claim = Claim()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note where the project is: from there the catalog finds the draft."""
        self._project = context.project_path

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Clear what an earlier, unfinished run has left."""
        self._draft = None
        self._claim.release()
        if any((node.namespace or "") == "bestiary" for node in pipeline.nodes):
            bestiary: Bestiary = catalog.load("params:bestiary")
            self._draft = self._project / bestiary.draft
            self._models = self._project / bestiary.models
            require_writable({self._draft: "bestiary.folder"})
            self._claim.take(self._models)
            recover(self._models)
            shutil.rmtree(self._draft, ignore_errors=True)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Replace the models in use."""
        if self._draft is not None and self._draft.exists():
            from drift_pipeline.bestiary.install import install

            install(self._draft, self._models)
        self._claim.release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let another process begin."""
        self._claim.release()
