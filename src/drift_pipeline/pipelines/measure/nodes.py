"""Nodes that judge the evaluation's images and measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drift_pipeline.config.evaluation import Measure
from drift_pipeline.evaluation.judges import Judges
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from pandas import DataFrame

    from drift_pipeline.evaluation.image_shards import StoredShards
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = StoredShards = Any


def load_judges(
    run: Run, measure: Measure, encoders: dict[str, Any], rewards: dict[str, Any]
) -> Judges:
    """Make everything that judges images."""
    return Judges.load(run, measure, encoders, rewards)


def judge_images(images: StoredShards, judges: Judges, run: Run) -> tuple[DataFrame, DataFrame]:
    """Embed and score a checkpoint's images."""
    from drift_pipeline.evaluation import judging

    return judging.judge_images(images, judges, run.train.progress)


def embed_images(images: StoredShards, judges: Judges, run: Run) -> DataFrame:
    """Embed images whose rewards nobody asks for."""
    from drift_pipeline.evaluation import judging

    return judging.embed_images(images, judges, run.train.progress)


def measure_base(
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    own: DataFrame,
    scores: DataFrame,
    fresh: DataFrame,
) -> DataFrame:
    """Measure the base model, against itself and against its fresh draw."""
    from drift_pipeline.evaluation import metrics_table

    return metrics_table.measure_base(protocol, measure, rewards, own, scores, fresh)


def measure_best(
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    own: DataFrame,
    embeddings: DataFrame,
    scores: DataFrame,
) -> DataFrame:
    """Estimate what the best policies have, of each reward and at each strength."""
    from drift_pipeline.evaluation import best_front

    return best_front.best_front(protocol, measure, rewards, own, embeddings, scores)


def measure_free(
    run: Run,
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    own: DataFrame,
    fresh: DataFrame,
    *judged: DataFrame,
    blends: tuple[str, ...],
) -> DataFrame:
    """Measure the blends of the last checkpoint; `judged` are all embeddings, then all scores."""
    from drift_pipeline.evaluation import metrics_table

    count = len(blends)
    tables = dict(zip(blends, zip(judged[:count], judged[count:], strict=True), strict=True))
    return metrics_table.measure_free(run, protocol, measure, rewards, own, fresh, tables)


def measure_run(
    run: Run,
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    curve: DataFrame,
    own: DataFrame,
    fresh: DataFrame,
    *judged: DataFrame,
) -> DataFrame:
    """Measure all judged checkpoints of a run; `judged` are all embeddings, then all scores."""
    from drift_pipeline.evaluation import metrics_table

    count = len(judged) // 2
    return metrics_table.measure_run(
        run, protocol, measure, rewards, curve, own, fresh, judged[:count], judged[count:]
    )
