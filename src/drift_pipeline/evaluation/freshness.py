"""Pictures that no longer belong to their checkpoint: found before a run, and drawn again."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drift_pipeline import project
from drift_pipeline.checkpoints import files_digest
from drift_pipeline.datasets.shards import made_of
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs import Run, fingerprint
from drift_pipeline.state import RunFolder

logger = logging.getLogger(__name__)


def base_identity(run: Run) -> dict[str, Any]:
    """What the base model's pictures depend on, besides the protocol."""
    model, files = run.train.base_model, project.current.path / run.train.base_model
    digest = files_digest(files) if files.exists() else None
    return {"base_model": model, "files": digest, "precision": run.train.precision}


def remove_stale(
    run: Run, protocol: Protocol, epochs: Iterable[int], trained: RunFolder, folder: Path
) -> list[Path]:
    """Remove pictures, embeddings and scores of another model or another protocol.

    They are made again from what is there, so nothing is lost but time, which is said.

    Args:
        run: The run that is evaluated.
        protocol: What has to be drawn.
        epochs: Epochs of the judged checkpoints.
        trained: The run's folder, whose states say what each checkpoint was trained with.
        folder: Where the pictures of all runs are.

    Returns:
        The folders that were removed.
    """
    base = fingerprint(base_identity(run))
    expected = {
        folder / "base/epoch_0000": (base, 0, protocol.hash),
        folder / "base_fresh/epoch_0000": (base, 0, protocol.fresh().hash),
    }
    states = trained.states()
    for epoch in epochs:
        if epoch in states:
            state = json.loads(states[epoch].read_text(encoding="utf-8"))
            place = folder / run.name / f"epoch_{epoch:04d}"
            expected[place] = (state["fingerprint"], epoch, protocol.hash)
    removed = []
    for place, values in expected.items():
        found = made_of(place / "images")
        wanted = dict(zip(("policy", "epoch", "protocol"), values, strict=True))
        if found is not None and found != wanted:
            logger.warning("%s is of another model or protocol, and is made again", place)
            shutil.rmtree(place)
            removed.append(place)
    return removed
