"""Kedro's session, except that training and evaluation resume, and nodes run one at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.pipeline_registry import unknown_pipeline
from drift_pipeline.session import node_selection

logger = logging.getLogger(__name__)

RESUMED = {"train", "generate", "measure", "analyze", "__default__"}
"""Pipelines that skip what they have already written, as with `--only-missing-outputs`."""
ENDS = {"to_nodes", "to_outputs"}
"""Options that only say where to stop; with them a pipeline still resumes."""

SHOWN = 6
"""Nodes that a message names."""


class ResumingSession(KedroSession):
    """Trains and evaluates with `--only-missing-outputs`, unless nodes are asked for by name.

    Nodes that are named (`--nodes`, `--from-nodes`, `--from-inputs`, `--namespaces`, `--tags`) run
    even where their outputs exist, and what they need and is not on the disk is made first.
    """

    _context: KedroContext | None = None

    def load_context(self) -> KedroContext:
        """Make the project's context, once per session."""
        if self._context is None:
            self._context = super().load_context()
        return self._context

    def run(  # type: ignore[override]
        self,
        pipeline_name: str | None = None,
        pipeline_names: list[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Run pipelines; the arguments are those of `KedroSession.run`.

        Raises:
            ConfigurationError: Where a pipeline, a node or a dataset is not known.
        """
        self._context = None  # another session of this process may have left other parameters
        names = pipeline_names or ([pipeline_name] if pipeline_name else [])
        options["runner"] = one_at_a_time(options.get("runner"))
        filters = {key: list(options[key]) for key in node_selection.FILTERS if options.get(key)}
        pipelines.set_requested(names or None)
        context = self.load_context()
        names = names or ["__default__"]
        whole = _combined(names)
        chosen = node_selection.filtered(whole, filters)
        versions = options.get("load_versions") or {}
        if filters or versions:
            # As Kedro does before it makes the catalog: only these pipelines' parameters count.
            context._pipelines_to_validate = None if "__default__" in names else list(names)
            catalog = context.catalog
            _refuse_versions(versions, catalog)
            ends = [node for node in chosen.nodes if _is_end(node, filters)]
            lasting = any(
                node_selection.is_persistent(n, catalog) for end in ends for n in end.outputs
            )
        if RESUMED.issuperset(names) and (not filters or (filters.keys() <= ENDS and lasting)):
            options["only_missing_outputs"] = True
        elif filters:
            named = ends if filters.keys() <= ENDS else chosen.nodes
            nodes = node_selection.with_needs(whole, named, catalog).nodes
            added = [node.name for node in nodes if node not in named]
            logger.info(
                "Running %s%s",
                _listed([node.name for node in nodes if node in named]),
                f", and for that {_listed(added)}" if added else "",
            )
            options.update(dict.fromkeys(filters), node_names=[node.name for node in nodes])
        try:
            return super().run(pipeline_name, pipeline_names, **options)
        except KeyboardInterrupt as error:
            # Kedro tells its hooks of exceptions alone; they also have to tidy up after Ctrl-C.
            self._hook_manager.hook.on_pipeline_error(
                error=error, run_params={"pipeline_names": names}, pipeline=chosen, catalog=None
            )
            raise


def one_at_a_time(runner: Any) -> Any:
    """Take Kedro's sequential runner instead of those that run nodes at once.

    The nodes share a model that holds one policy at a time, PyTorch's random numbers and
    Matplotlib's settings, and each of them uses every core by itself.

    Args:
        runner: What was asked for; runners that are not Kedro's own are left alone.
    """
    if isinstance(runner, ThreadRunner | ParallelRunner):
        what = type(runner).__name__
    elif isinstance(runner, SequentialRunner) and runner._is_async:
        what = "is_async"
    else:
        return runner
    logger.warning(
        "%s: nodes share one model and each uses all cores, so they run one after another, and "
        "what they write is written in order",
        what,
    )
    return SequentialRunner()


def _combined(names: list[str]) -> Pipeline:
    """Put the nodes of some pipelines together.

    Raises:
        ConfigurationError: Where there is no such pipeline.
    """
    whole = Pipeline([])
    for name in names:
        try:
            whole += pipelines[name]
        except KeyError as error:
            raise unknown_pipeline(name) from error
    return whole


def _refuse_versions(versions: Mapping[str, str], catalog: CatalogProtocol) -> None:
    """Refuse to ignore `--load-versions`, as Kedro does where a dataset has no versions."""
    for name in versions:
        if name not in catalog or getattr(catalog.get(name), "_version", None) is None:
            raise ConfigurationError(
                f"--load-versions: {name} is not versioned; what was made with other parameters is "
                "kept apart by the run's name and by the folders in the parameters"
            )


def _is_end(node: Any, filters: dict[str, list[str]]) -> bool:
    """Return whether `--to-nodes` or `--to-outputs` names a node or what it makes."""
    outputs = set(filters.get("to_outputs", ()))
    return node.name in filters.get("to_nodes", ()) or not outputs.isdisjoint(node.outputs)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
