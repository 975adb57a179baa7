"""Numbers for the evaluation's pictures.

evaluation.<checkpoint>.images ─► embeddings, scores ─► metrics, one table a run
"""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from drift_pipeline import project
from drift_pipeline.pipelines.generate import nodes as generate_nodes
from drift_pipeline.pipelines.measure import nodes
from drift_pipeline.pipelines.train import nodes as train_nodes
from drift_pipeline.pipelines.train.pipeline import PARAMETERS


def create_pipeline(epochs: list[int] | None = None) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs whose checkpoints are judged; by default those that the parameters say.
    """
    judged = project.current.judged_epochs if epochs is None else epochs
    spaces = [f"evaluation.epoch_{epoch:04d}" for epoch in judged]
    bases = ["evaluation.base", "evaluation.base_fresh"]
    common = ["protocol", "params:measure", "params:rewards"]
    return Pipeline(
        [
            Node(
                train_nodes.make_run,
                [f"params:{name}" for name in PARAMETERS],
                "run",
                name="make_run",
            ),
            Node(
                generate_nodes.make_protocol,
                ["params:generate", "run", "evaluation_prompts"],
                "protocol",
                name="make_protocol",
            ),
            Node(
                nodes.load_judges,
                ["run", "params:measure", "params:encoders", "params:rewards"],
                "judges",
                name="load_judges",
            ),
            *(_look(space) for space in ["evaluation.base", *spaces]),
            Node(
                nodes.embed,
                ["evaluation.base_fresh.images", "judges", "run"],
                "evaluation.base_fresh.embeddings",
                name="embed",
                namespace="evaluation.base_fresh",
            ),
            Node(
                nodes.measure_base,
                [
                    *common,
                    "evaluation.base.embeddings",
                    "evaluation.base.scores",
                    "evaluation.base_fresh.embeddings",
                ],
                "base_metrics",
                name="measure_base",
                namespace="evaluation",
            ),
            Node(
                nodes.measure_run,
                [
                    "run",
                    *common,
                    "training_curve",
                    *(f"{base}.embeddings" for base in bases),
                    *(f"{space}.{table}" for table in ("embeddings", "scores") for space in spaces),
                ],
                "run_metrics",
                name="measure_run",
                namespace="evaluation",
            ),
        ]
    )


def _look(space: str) -> Node:
    return Node(
        nodes.look,
        [f"{space}.images", "judges", "run"],
        [f"{space}.embeddings", f"{space}.scores"],
        name="look",
        namespace=space,
    )
