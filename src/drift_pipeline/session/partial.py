"""A run of some nodes alone, such as one epoch again: what must be there, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.datasets import PromptsDataset
from drift_pipeline.datasets.found import FoundDataset
from drift_pipeline.runs.folder import START_OVER, RunFolder
from drift_pipeline.session import node_selection


def is_partial(given: Mapping[str, Any]) -> bool:
    """Return whether Kedro was told which nodes to run.

    Args:
        given: The parameters of the run, as Kedro hands them to its hooks.
    """
    return bool(given.get("node_names"))


def planned(pipeline: Pipeline, catalog: CatalogProtocol, given: Mapping[str, Any]) -> Pipeline:
    """Choose the nodes that are going to run: all of them, or those whose outputs are missing.

    Args:
        pipeline: The nodes that were asked for.
        catalog: Knows which outputs are there.
        given: The parameters of the run, as Kedro hands them to its hooks.
    """
    if given.get("only_missing_outputs"):
        return node_selection.unfinished(pipeline, catalog)
    return pipeline


def trained_epochs(nodes: Iterable[Node]) -> list[int]:
    """List the epochs that some nodes train, in order."""
    names = [node.name for node in nodes if node.name.endswith(".update")]
    return sorted(int(name.split(".")[-2].removeprefix("epoch_")) for name in names)


def require_inputs(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse to begin where a file that other pipelines write is missing.

    Args:
        pipeline: The nodes that are going to run.
        catalog: Knows the files.

    Raises:
        ConfigurationError: With the files, and the pipelines that make them.
    """
    missing: dict[str, str] = {}
    for name in sorted(pipeline.inputs()):
        if not node_selection.is_persistent(name, catalog) or catalog.exists(name):
            continue
        dataset = catalog.get(name)
        if not isinstance(dataset, PromptsDataset | FoundDataset):
            path = getattr(dataset, "_filepath", "file")
            missing[name] = (
                f"{path} is outdated" if getattr(dataset, "outdated", 0) else f"no {path}"
            )
    if missing:
        first, why = next(iter(missing.items()))
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        makers = ",".join(dict.fromkeys(map(_maker, missing)))
        raise ConfigurationError(
            f"needed but not there: {first}{more} ({why}); make it first, with the same "
            f"parameters: kedro run --pipelines={makers}"
        )


def require_optimizer(pipeline: Pipeline, folder: RunFolder) -> None:
    """Refuse to train an epoch after one whose optimizer has been forgotten.

    Args:
        pipeline: The nodes that are going to run.
        folder: The run's folder.

    Raises:
        ConfigurationError: With the epochs that can be trained.
    """
    epochs, states = trained_epochs(pipeline.nodes), folder.states()
    kept = [e for e, state in states.items() if state.with_name("optimizer.safetensors").exists()]
    for epoch in epochs:
        before = epoch - 1
        if before == 0 or before in epochs or before in kept or before not in states:
            continue
        after = [e + 1 for e in kept if e + 1 in states]
        possible = [f"training.epoch_{e:04d}.rollout" for e in (1, *after)]
        raise ConfigurationError(
            f"training.epoch_{epoch:04d} cannot be trained by itself: the optimizer's state after "
            f"epoch {before} is not there, only the last two epochs keep it; train from "
            f"{' or '.join(possible)} with --from-nodes, or start over with {START_OVER}"
        )


def refuse_start_over(given: Mapping[str, Any]) -> None:
    """Refuse to set a run aside and then to run some of its nodes.

    Raises:
        ConfigurationError: Always.
    """
    names = list(given["node_names"])
    raise ConfigurationError(
        f"train.start_over: it sets the whole run aside, so it does not go with a choice of nodes "
        f"({', '.join(names[:3])}{', …' if names[3:] else ''}); leave out one of them"
    )


def _maker(name: str) -> str:
    if name.startswith("training"):
        return "train"
    return "generate" if name.endswith(".images") else "measure"
