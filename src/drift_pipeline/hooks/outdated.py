"""Marks what an evaluation has to make again, without deleting it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.datasets.renewable import mark_outdated
from drift_pipeline.evaluation.staleness import MadeOf, images_fault, judgement_fault

logger = logging.getLogger(__name__)
TABLES = {"embeddings": "encoder", "scores": "reward"}
"""Tables of judgements, with the column that names the judge."""


def mark_evaluation(
    pipeline: Pipeline,
    catalog: CatalogProtocol,
    expected: Mapping[str, MadeOf],
    judges: Mapping[str, Mapping[str, str]],
) -> None:
    """Mark images, judgements and metrics that no longer belong to what is evaluated.

    Metrics are marked in every case: they cost seconds, and any input may have changed.

    Args:
        pipeline: What will run.
        catalog: Its datasets.
        expected: What the images of each place must be made of.
        judges: By column of `TABLES`, the digests of the judges that must have a say.
    """
    names = pipeline.datasets()
    for place, made_of in expected.items():
        images = f"evaluation.{place}.images"
        if images not in names:
            continue
        dataset = catalog[images]
        folder = Path(dataset._filepath)
        fault = images_fault(folder, made_of)
        if fault:
            logger.warning("%s is %s: to be made again", folder, fault)
            mark_outdated(dataset)
            if f"evaluation.{place}.contact_sheet" in names:
                mark_outdated(catalog.get(f"evaluation.{place}.contact_sheet"))
        for table, by in TABLES.items():
            name = f"evaluation.{place}.{table}"
            if name in names:
                _mark_table(catalog, name, made_of, by, judges[by], redrawn=bool(fault))
    for name in ("base_metrics", "best_front", "free_metrics", "run_metrics"):
        if name in pipeline.all_outputs():
            mark_outdated(catalog.get(name))


def _mark_table(
    catalog: CatalogProtocol,
    name: str,
    made_of: MadeOf,
    by: str,
    judges: Mapping[str, str],
    redrawn: bool,
) -> None:
    dataset = catalog[name]
    if getattr(dataset, "_protocol", "file") != "file" or getattr(dataset, "_version", None):
        mark_outdated(dataset)  # what lies elsewhere is not looked into
        return
    path = Path(dataset._filepath)
    fault = judgement_fault(path, made_of, by, judges)
    if fault:
        logger.warning("%s is %s: to be made again", path, fault)
    if fault or redrawn:
        mark_outdated(dataset)
