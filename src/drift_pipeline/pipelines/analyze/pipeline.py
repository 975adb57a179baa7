"""The `analyze` pipeline: reads what was measured, and trains and measures nothing.

```
measured metrics ─► checkpoints ─┬─► gains ─► Table 1 ─┐
                                 ├─► fronts, bars ─────┤
training curves ─────────────────┼─► curves ───────────┼─► report
embeddings ──────────────────────┼─► collapse ─────────┤
images ──────────────────────────┴─► grids ────────────┘
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from drift_pipeline import project
from drift_pipeline.pipelines.analyze import nodes

REPORTED = ("gains", "table_1", "fronts", "bars", "curves", "collapse", "grids")
"""What the report takes of each reward."""


def create_pipeline(rewards: Sequence[str] | None = None, after: Sequence[str] = ()) -> Pipeline:
    """Build the pipeline.

    Args:
        rewards: The rewards of `analyze.rewards`, each with outputs of its own; by default those
            that the parameters name.
        after: Datasets of other pipelines that have to be there before anything is read.
    """
    rewards = project.current.rewards if rewards is None else rewards

    def node(function: Callable[..., Any], inputs: dict[str, str], outputs: Any) -> Node:
        return Node(function, inputs, outputs, name=function.__name__, namespace="analyze")

    def each(part: str) -> dict[str, str]:
        return {reward: f"analyze.{reward}.{part}" for reward in rewards}

    def texts(part: str) -> dict[str, str]:
        kinds = ("values", "markdown", "latex")
        return {f"{r}.{kind}": f"analyze.{r}.{part}_{kind}" for r in rewards for kind in kinds}

    parameters = {"analyze": "params:analyze"}
    common = {"checkpoints": "analyze.checkpoints", **parameters}
    measured = {"metrics": "measured_metrics", **parameters, **{name: name for name in after}}
    found = {"findings": "analyze.findings"}
    parts = {f"{r}.{part}": f"analyze.{r}.{part}" for r in rewards for part in REPORTED}
    return Pipeline(
        [
            node(nodes.checkpoints, measured, "analyze.checkpoints"),
            node(nodes.gains, common, each("gains")),
            node(nodes.table_1, common | each("gains"), each("table_1")),
            node(nodes.print_table_1, parameters | each("table_1"), texts("table_1")),
            node(nodes.print_gains, parameters | each("gains"), texts("gains")),
            node(nodes.gain_metrics, parameters | each("gains"), each("metrics")),
            node(nodes.fronts, common | each("gains"), each("fronts")),
            node(nodes.bars, parameters | each("gains"), each("bars")),
            node(nodes.curves, common | {"training": "measured_training"}, each("curves")),
            node(nodes.collapse, common | {"embeddings": "measured_embeddings"}, each("collapse")),
            node(nodes.grids, common | {"images": "measured_images"}, each("grids")),
            node(
                nodes.findings,
                common | {"metrics": "measured_metrics"} | each("gains"),
                "analyze.findings",
            ),
            node(nodes.report, common | found | parts, "analyze.report"),
        ]
    )
