"""The `analyze` pipeline: reads what was measured, and trains and measures nothing.

```
measured metrics ─┐
best, free fronts ┴► checkpoints ─┬─► gains ─► Table 1 ─┐
                                  ├─► marks ────────────┤
                                  ├─► fronts, bars ─────┤
                                  ├─► figures ──────────┤
training curves ──────────────────┼─► curves ───────────┼─► report
embeddings ───────────────────────┼─► collapse ─────────┤
images ───────────────────────────┴─► grids ────────────┘
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines.analyze import nodes

REPORTED = (
    *("gains", "marks", "table_1"),
    *("fronts", "marks_figures", "bars", "curves", "collapse", "grids", "figures"),
)
"""What the report takes of each reward."""


def create_pipeline(
    rewards: Sequence[str] = ("pickscore", "hpsv2"), after: Sequence[str] = ()
) -> Pipeline:
    """Build the pipeline.

    Args:
        rewards: All rewards that there are presets of, each with outputs of its own.
        after: Datasets of other pipelines that have to be there before anything is read.
    """

    def node(function: Callable[..., Any], inputs: dict[str, str], outputs: Any) -> Node:
        return Node(function, inputs, outputs, name=function.__name__, namespace="analyze")

    def each(part: str) -> dict[str, str]:
        return {reward: f"analyze.{reward}.{part}" for reward in rewards}

    def given(*parts: str) -> dict[str, str]:
        return {f"{r}.{part}": f"analyze.{r}.{part}" for r in rewards for part in parts}

    def texts(part: str) -> dict[str, str]:
        kinds = ("values", "markdown", "latex")
        return {f"{r}.{kind}": f"analyze.{r}.{part}_{kind}" for r in rewards for kind in kinds}

    presets = {name: f"params:{name}" for name in ("analyze", "rewards", "methods")}
    parameters = {"analyze": "analyze.settings"}
    common = {"checkpoints": "analyze.checkpoints", **parameters}
    measured = {"metrics": "measured_metrics", **{name: name for name in after}}
    found = {"findings": "analyze.findings"}
    return Pipeline(
        [
            node(nodes.settings, presets | measured, "analyze.settings"),
            node(
                nodes.checkpoints,
                parameters
                | measured
                | {"best": "measured_best_front", "free": "measured_free_fronts"},
                ["analyze.checkpoints", "analyze.best_front", "analyze.free_fronts"],
            ),
            node(nodes.gains, common, each("gains")),
            node(nodes.marks, common, each("marks")),
            node(nodes.marks_figures, parameters | given("marks"), each("marks_figures")),
            node(nodes.print_marks, parameters | given("marks"), texts("marks")),
            node(nodes.table_1, common | given("gains"), each("table_1")),
            node(nodes.print_table_1, parameters | given("table_1"), texts("table_1")),
            node(nodes.print_gains, parameters | given("gains"), texts("gains")),
            node(nodes.gain_metrics, parameters | given("gains"), each("metrics")),
            node(
                nodes.fronts,
                common
                | {"best": "analyze.best_front", "free": "analyze.free_fronts"}
                | given("gains"),
                each("fronts"),
            ),
            node(nodes.bars, parameters | given("gains"), each("bars")),
            node(nodes.curves, common | {"training": "measured_training"}, each("curves")),
            node(nodes.collapse, common | {"embeddings": "measured_embeddings"}, each("collapse")),
            node(nodes.grids, common | {"images": "measured_images"}, each("grids")),
            node(nodes.figures, common, each("figures")),
            node(
                nodes.findings,
                common | {"metrics": "measured_metrics"} | given("gains"),
                "analyze.findings",
            ),
            node(nodes.report, common | found | given(*REPORTED), "analyze.report"),
        ]
    )
