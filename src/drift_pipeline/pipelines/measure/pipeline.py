"""Numbers for the evaluation's images.

evaluation.<checkpoint>.images ─► embeddings, scores ─► metrics, one table per run
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines import shared
from drift_pipeline.pipelines.measure import nodes


def create_pipeline(
    epochs: Sequence[int] = (1, 2), best_front: bool = True, blends: Sequence[str] = ()
) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs whose checkpoints are judged.
        best_front: Whether it is estimated, from the base model's many images.
        blends: Names of the blends that the last checkpoint is drawn with.
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
            *(_best_front(common) if best_front else []),
            *(_free_front(common, bases, blends) if blends else []),
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


def _best_front(common: list[str]) -> list[Node]:
    space = "evaluation.base_many"
    inputs = [*common, "evaluation.base.embeddings", f"{space}.embeddings", f"{space}.scores"]
    best = Node(
        nodes.measure_best, inputs, "best_front", name="measure_best", namespace="evaluation"
    )
    return [_judge(space), best]


def _free_front(common: list[str], bases: list[str], blends: Sequence[str]) -> list[Node]:
    spaces = [f"evaluation.free_{blend}" for blend in blends]
    measure = partial(nodes.measure_free, blends=tuple(blends))
    free = Node(
        update_wrapper(measure, nodes.measure_free),
        [
            "run",
            *common,
            *(f"{base}.embeddings" for base in bases),
            *(f"{space}.{table}" for table in ("embeddings", "scores") for space in spaces),
        ],
        "free_metrics",
        name="measure_free",
        namespace="evaluation",
    )
    return [*map(_judge, spaces), free]


def _judge(space: str) -> Node:
    return Node(
        nodes.judge_images,
        [f"{space}.images", "judges", "run"],
        [f"{space}.embeddings", f"{space}.scores"],
        name="judge_images",
        namespace=space,
    )
