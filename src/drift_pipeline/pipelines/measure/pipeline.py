"""Numbers for the evaluation's images.

evaluation.<checkpoint>.images ─► embeddings, scores ─► metrics, one table per run
"""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines import shared
from drift_pipeline.pipelines.measure import nodes


def create_pipeline(epochs: Sequence[int] = (1, 2)) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs whose checkpoints are judged.
    """
    spaces = [f"evaluation.epoch_{epoch:04d}" for epoch in epochs]
    bases = ["evaluation.base", "evaluation.base_fresh"]
    common = ["protocol", "params:measure", "params:rewards"]
    return Pipeline(
        [
            shared.MAKE_RUN,
            shared.MAKE_PROTOCOL,
            Node(
                nodes.load_judges,
                ["run", "params:measure", "params:encoders", "params:rewards"],
                "judges",
                name="load_judges",
            ),
            *(_judge(space) for space in ["evaluation.base", *spaces]),
            Node(
                nodes.embed_images,
                ["evaluation.base_fresh.images", "judges", "run"],
                "evaluation.base_fresh.embeddings",
                name="embed_images",
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


def _judge(space: str) -> Node:
    return Node(
        nodes.judge_images,
        [f"{space}.images", "judges", "run"],
        [f"{space}.embeddings", f"{space}.scores"],
        name="judge_images",
        namespace=space,
    )
