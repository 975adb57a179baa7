"""Which nodes a command runs: those it names, together with what they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kedro.io import CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from drift_pipeline.common.errors import ConfigurationError

FILTERS = {
    "tags": "tags",
    "from_nodes": "from_nodes",
    "to_nodes": "to_nodes",
    "node_names": "node_names",
    "from_inputs": "from_inputs",
    "to_outputs": "to_outputs",
    "namespaces": "node_namespaces",
}
"""Options of a session's `run` that choose nodes, and what `Pipeline.filter` calls them."""


def filtered(whole: Pipeline, filters: Mapping[str, Sequence[str]]) -> Pipeline:
    """Choose the nodes that a command names.

    Args:
        whole: All nodes of the pipelines asked for.
        filters: Names of `FILTERS` and their values; without any, all nodes are chosen.

    Raises:
        ConfigurationError: Where a name is not known, or no node is left.
    """
    if not filters:
        return whole
    try:
        return whole.filter(**{FILTERS[name]: values for name, values in filters.items()})
    except ValueError as error:
        asked = " ".join(f"{name}={','.join(values)}" for name, values in filters.items())
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"{asked}: {reason} `kedro registry describe` lists the nodes of a pipeline"
        ) from error


def with_needs(whole: Pipeline, nodes: Iterable[Node], catalog: CatalogProtocol) -> Pipeline:
    """Add to some nodes those that make their inputs, unless these are on the disk.

    Args:
        whole: Where the added nodes come from.
        nodes: Nodes that are going to run.
        catalog: Says which datasets are kept on the disk and are there.
    """
    makers = {output: node for node in whole.nodes for output in node.outputs}
    chosen: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in chosen:
            chosen.add(node)
            lacking = [name for name in node.inputs if not is_kept(name, catalog)]
            waiting += [makers[name] for name in lacking if name in makers]
    return Pipeline([node for node in whole.nodes if node in chosen])


def unfinished(pipeline: Pipeline, catalog: CatalogProtocol) -> Pipeline:
    """Choose the nodes that Kedro runs with `--only-missing-outputs`."""
    missing = [
        node
        for node in pipeline.nodes
        if not node.outputs
        or any(is_persistent(name, catalog) and not catalog.exists(name) for name in node.outputs)
    ]
    return with_needs(pipeline, missing, catalog)


def is_persistent(name: str, catalog: CatalogProtocol) -> bool:
    """Return whether a dataset outlives the process."""
    return name in catalog and not isinstance(catalog.get(name), MemoryDataset)


def is_kept(name: str, catalog: CatalogProtocol) -> bool:
    """Return whether a dataset outlives the process and is there."""
    return is_persistent(name, catalog) and catalog.exists(name)
