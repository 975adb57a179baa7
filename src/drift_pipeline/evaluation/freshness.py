"""What no longer belongs to its checkpoint: found before a run, so that it is made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.integrity import intact
from drift_pipeline.datasets.judged import JUDGE, PICTURES, read_judged
from drift_pipeline.datasets.shards import COMPLETE, damaged, made_of
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.identity import drawing_code, named_by
from drift_pipeline.runs import Run, fingerprint
from drift_pipeline.state import STATE, read_state

if TYPE_CHECKING:
    from pandas import DataFrame

MadeOf = dict[str, Any]


def base_identity(run: Run) -> dict[str, Any]:
    """What the base model's pictures depend on, besides the protocol."""
    named = {"train.base_model": run.train.base_model}
    return {**named, **named_by(named), "precision": run.train.precision}


def expected_pictures(
    run: Run,
    protocol: Protocol,
    epochs: Iterable[int],
    states: Mapping[int, Path],
    will_train: bool = False,
) -> dict[str, MadeOf]:
    """Say what the pictures of the base model and of each judged checkpoint must be made of.

    Args:
        run: The run that is evaluated.
        protocol: What has to be drawn.
        epochs: Epochs of the judged checkpoints.
        states: The `state.json` of each epoch, which says what its policy is.
        will_train: Checkpoints that are missing will be trained, so pictures of them are old.

    Returns:
        `made_of` by place: `base`, `base_fresh`, `epoch_NNNN`. A checkpoint that is missing and
        will not be trained is left out: nothing is known of it.
    """
    base = fingerprint(base_identity(run))
    expected = {
        "base": pictures_identity(base, 0, protocol),
        "base_fresh": pictures_identity(base, 0, protocol.fresh()),
    }
    for epoch in epochs:
        if epoch in states:
            policy = read_state(states[epoch], alone=True)["fingerprint"]
        elif will_train:
            policy = "still to be trained"
        else:
            continue
        expected[place(epoch)] = pictures_identity(policy, epoch, protocol)
    return expected


def pictures_identity(policy: str, epoch: int, protocol: Protocol) -> MadeOf:
    """Say what pictures are made of.

    Args:
        policy: Fingerprint of what the policy, or the base model, depends on.
        epoch: The policy's epoch.
        protocol: What is drawn.
    """
    return {
        "policy": policy,
        "epoch": epoch,
        "protocol": protocol.hash,
        "code": drawing_code(),
    }


def place(epoch: int) -> str:
    """The name of a checkpoint's folder and of its part of the catalog."""
    return f"epoch_{epoch:04d}"


def picture_fault(folder: Path, expected: MadeOf) -> str | None:
    """Why pictures must be drawn again; `None` where they need not be, or are not there.

    Args:
        folder: Of the shards.
        expected: What they must be made of.
    """
    found = made_of(folder)
    if found is None:
        return "of an unknown origin" if (folder / COMPLETE).exists() else None
    if found != expected:
        return "of another model or protocol"
    broken = damaged(folder)
    return f"damaged ({', '.join(broken)})" if broken else None


def outdated_measures(metrics: DataFrame, pictures: Path, runs: Path) -> list[str]:
    """Name the measured checkpoints whose images, or whose policy, have been replaced since.

    Args:
        metrics: One row per run, epoch and metric; of tables that do not say which images they
            are of, nothing is known.
        pictures: Where the images of all runs are.
        runs: Where the runs' folders are.
    """
    if "pictures" not in metrics.columns:
        return []
    found = []
    keys = metrics[["run", "epoch", "pictures"]].drop_duplicates().dropna()
    for run, epoch, measured in keys.itertuples(index=False):
        made = made_of(pictures / run / place(epoch) / "images")
        state = runs / run / place(epoch) / "policy" / STATE
        redrawn = made is not None and fingerprint(made) != measured
        retrained = (
            made is not None
            and state.is_file()
            and read_state(state, alone=True)["fingerprint"] != made["policy"]
        )
        if redrawn or retrained:
            found.append(f"{run}, epoch {epoch}")
    return found


def judgement_fault(
    table: Path, expected: MadeOf, by: str, judges: Mapping[str, str]
) -> str | None:
    """Why pictures must be judged again; `None` where they need not be, or never were.

    Args:
        table: Parquet file of embeddings or scores.
        expected: What the pictures must be made of.
        by: The column that names the judge.
        judges: The digest of each judge that must have a say.
    """
    if not table.exists():
        return None
    found = read_judged(table, columns=[by, PICTURES, JUDGE])
    if found is None or not intact(table):
        return "damaged, or from before it said what was judged"
    if {*found[PICTURES]} != {fingerprint(expected)}:
        return "of other pictures"
    known = dict(zip(found[by], found[JUDGE], strict=True))
    changed = sorted(name for name, digest in judges.items() if known.get(name) != digest)
    return f"without {', '.join(changed)} as they are now" if changed else None
