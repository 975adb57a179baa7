"""The bestiary's models are trained beside the ones in use, which they replace at the end."""

from __future__ import annotations

import shutil

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.bestiary.parameters import Bestiary
from drift_pipeline.common.lock import Claim
from drift_pipeline.common.writable import require_writable
from drift_pipeline.whole import recover


class BestiaryHooks:
    """Starts from an empty draft, and puts a finished one to use."""

    def __init__(self) -> None:
        self._bestiary: Bestiary | None = None
        self._claim = Claim()

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Clear what an earlier, unfinished run has left."""
        self._bestiary = None
        self._claim.release()
        if any((node.namespace or "") == "bestiary" for node in pipeline.nodes):
            self._bestiary = catalog.load("params:bestiary")
            require_writable({self._bestiary.draft: "bestiary.folder"})
            self._claim.take(self._bestiary.models)
            recover(self._bestiary.models)
            shutil.rmtree(self._bestiary.draft, ignore_errors=True)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Replace the models in use."""
        if self._bestiary is not None and self._bestiary.draft.exists():
            from drift_pipeline.bestiary.install import install

            install(self._bestiary.draft, self._bestiary.models)
        self._claim.release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let another process begin."""
        self._claim.release()
