"""What did not come out, read off the numbers: no sentence here is written for one result."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from drift_pipeline.analysis.checkpoints import (
    expected_names,
    last_checkpoints,
    missing_runs,
    reported,
)
from drift_pipeline.analysis.comparison import REWARD, TRUE
from drift_pipeline.analysis.left_out import left_out
from drift_pipeline.analysis.shortfalls import label_of, shortfalls
from drift_pipeline.config.analysis import Analyze

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """Something that is missing, or that speaks against a claim.

    Attributes:
        kind: `missing`, `left out`, `beyond`, `absent gain`, `loss`, `within noise` or `caution`.
        reward: The reward it is about; "" where it is about all.
        text: One sentence of plain text.
    """

    kind: str
    reward: str
    text: str


def find(checkpoints: pd.DataFrame, gains: pd.DataFrame, analyze: Analyze) -> list[Finding]:
    """List what is missing and what did not come out.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        gains: Of all comparisons and rewards, as `compute_gains` makes them.
        analyze: What was to be compared.
    """
    found = [*_missing(checkpoints, analyze), *_one_seed(gains, analyze)]
    found += [Finding(*one) for one in shortfalls(gains, analyze)]
    for reward in reported(checkpoints, analyze):
        mine = checkpoints[checkpoints["reward"] == reward]
        found += [*_training(mine, reward, analyze), *_unmeasured(mine, reward, analyze)]
    return found


def list_findings(
    checkpoints: pd.DataFrame,
    metrics: pd.DataFrame,
    gains: Iterable[pd.DataFrame],
    analyze: Analyze,
) -> list[dict[str, str]]:
    """List what was left out and what did not come out, as plain values; log how much that is.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        metrics: What `make_checkpoints` made them of.
        gains: By reward, of all comparisons, as `compute_all_gains` makes them.
        analyze: What was to be compared.
    """
    found = [Finding("left out", "", line) for line in left_out(metrics, analyze)]
    found += find(checkpoints, pd.concat(gains, ignore_index=True), analyze)
    logger.info(
        "Compared %d runs; %d are missing; %d remark(s) on what did not come out",
        checkpoints["run"].nunique(),
        len(missing_runs(checkpoints, analyze)),
        len(found),
    )
    return [asdict(finding) for finding in found]


def _missing(checkpoints: pd.DataFrame, analyze: Analyze) -> Iterator[Finding]:
    missing = missing_runs(checkpoints, analyze)
    if missing:
        yield Finding(
            "missing", "",
            f"{len(missing)} of the {len(expected_names(analyze))} runs that the comparisons need "
            f"have not been measured: {', '.join(missing)}.",
        )  # fmt: skip


def _one_seed(gains: pd.DataFrame, analyze: Analyze) -> Iterator[Finding]:
    there = gains[~gains["why"].str.endswith("is missing")]
    seeds = there.groupby(["comparison", "reward", "baseline"], sort=False)["seed"].nunique()
    single = seeds[seeds == 1].reset_index()
    for (name, reward), table in single.groupby(["comparison", "reward"], sort=False):
        labels = ", ".join(analyze.methods[str(baseline)].label for baseline in table["baseline"])
        yield Finding(
            "caution", str(reward),
            f"“{analyze.comparisons[str(name)].title}” ({name}) rests, over {labels}, on a single "
            "training seed: intervals speak of prompts alone, and how much another seed would "
            "change is not known.",
        )  # fmt: skip


def _training(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    last = last_checkpoints(mine)
    base = last[last["method"] == analyze.base]
    trained = last[last["method"] != analyze.base]
    compared = [m for c in analyze.comparisons_of(reward).values() for m in c.methods]
    ends = trained[trained["method"].isin(compared)].groupby("epoch")["method"].unique()
    if len(ends) > 1:
        each = "; ".join(
            f"epoch {epoch}: {', '.join(analyze.methods[str(m)].label for m in methods)}"
            for epoch, methods in ends.items()
        )
        yield Finding("caution", reward, f"Methods were not trained equally long ({each}).")
    start = base[REWARD].iloc[0] if len(base) else float("nan")
    for row in trained.to_dict("records"):
        if row[REWARD] <= start:
            yield Finding(
                "loss", reward,
                f"{row['run']} ends with a normalised reward of {row[REWARD]:.4f}, not above the "
                f"base model's {start:.4f}: it has not learned its reward.",
            )  # fmt: skip
    beyond = trained[(trained[f"{REWARD}_high"] > 1) | (trained[f"{REWARD}_low"] < 0)]
    if len(beyond):
        yield Finding(
            "caution", reward,
            f"The normalised reward of {', '.join(beyond['run'])} leaves [0, 1]: the bounds of "
            f"{reward} are too narrow, and relative reward gains depend on them.",
        )  # fmt: skip
    yield from _gamed(mine, reward, analyze)


def _gamed(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    """Find the methods whose true reward had been surely higher while the proxy was lower."""
    for method, runs in mine[mine["method"] != analyze.base].groupby("method", sort=False):
        falls = []
        for run, points in runs.groupby("run", sort=False):
            known = points.dropna(subset=[TRUE, f"{TRUE}_low", REWARD]).sort_values("epoch")
            if known.empty:
                continue
            end, best = known.iloc[-1], known.iloc[int(known[TRUE].to_numpy().argmax())]
            if end[REWARD] > best[REWARD] and end[f"{TRUE}_high"] < best[f"{TRUE}_low"]:
                falls.append(
                    f"{run}, from {best[TRUE]:.4f} at epoch {best['epoch']} to {end[TRUE]:.4f} at "
                    f"epoch {end['epoch']}"
                )
        if falls:
            yield Finding(
                "caution", reward,
                f"{analyze.methods[str(method)].label} games its reward: the true reward falls "
                f"while the learned one rises ({'; '.join(falls)}).",
            )  # fmt: skip


def _unmeasured(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    for column in [*analyze.measures, *analyze.further, REWARD]:
        runs = mine[mine[column].isna()]["run"].unique()
        if len(runs):
            label = label_of(column, analyze)
            yield Finding("missing", reward, f"{label} was not measured for {', '.join(runs)}.")
