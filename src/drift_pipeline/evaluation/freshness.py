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
    run: Run,
    protocol: Protocol,
    epochs: Iterable[int],
    trained: RunFolder,
    pictures: Path,
    features: Path,
    will_train: bool = False,
) -> list[Path]:
    """Remove pictures, embeddings and scores of another model or another protocol.

    They are made again from what is there, so nothing is lost but time, which is said.

    Args:
        run: The run that is evaluated.
        protocol: What has to be drawn.
        epochs: Epochs of the judged checkpoints.
        trained: The run's folder, whose states say what each checkpoint was trained with.
        pictures: Where the pictures of all runs are.
        features: Where their embeddings and scores are.
        will_train: Checkpoints that are not there will be trained, so their pictures are old.

    Returns:
        The folders of pictures that were removed.
    """
    base = fingerprint(base_identity(run))
    expected = {
        "base/epoch_0000": (base, 0, protocol.hash),
        "base_fresh/epoch_0000": (base, 0, protocol.fresh().hash),
    }
    states = trained.states()
    for epoch in epochs:
        place = f"{run.name}/epoch_{epoch:04d}"
        if epoch in states:
            state = json.loads(states[epoch].read_text(encoding="utf-8"))
            expected[place] = (state["fingerprint"], epoch, protocol.hash)
        elif will_train:
            expected[place] = ("still to be trained", epoch, protocol.hash)
    removed = []
    for place, values in expected.items():
        found = made_of(pictures / place / "images")
        wanted = dict(zip(("policy", "epoch", "protocol"), values, strict=True))
        if found is not None and found != wanted:
            logger.warning("%s is of another model or protocol: made again", pictures / place)
            shutil.rmtree(features / place, ignore_errors=True)
            shutil.rmtree(pictures / place)
            removed.append(pictures / place)
    return removed


def remove_unjudged(features: Path, names: Iterable[str], digest: str) -> list[Path]:
    """Remove embeddings and scores by encoders or rewards that have changed since.

    Args:
        features: Where the embeddings and scores of all runs are.
        names: Runs to look at.
        digest: What their judges must be, see `runs.judges_digest`.

    Returns:
        The folders that were removed.
    """
    import pandas as pd

    removed = []
    for file in sorted(file for name in names for file in features.glob(f"{name}/*/*.parquet")):
        if not file.exists():  # gone with its neighbour
            continue
        found = pd.read_parquet(file, columns=["judges"])["judges"].unique().tolist()
        if found != [digest]:
            logger.warning("%s was made by other encoders or rewards: made again", file.parent)
            shutil.rmtree(file.parent)
            removed.append(file.parent)
    return removed
