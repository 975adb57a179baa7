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
    found = [*_missing(checkpoints, analyze), *_one_seed(gains, analyze), *_gains(gains, analyze)]
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


def _gains(gains: pd.DataFrame, analyze: Analyze) -> Iterator[Finding]:
    for row in gains.to_dict("records"):
        ours, baseline = (analyze.methods[str(row[key])].label for key in ("ours", "baseline"))
        reward, measure = str(row["reward"]), _label(str(row["measure"]), analyze)
        on = _label(str(row["matched_on"]), analyze)
        who = f"{ours} against {baseline}, seed {row['seed']}"
        first = row["measure"] == next(iter(analyze.measures))  # one sentence tells it for all
        if first and row["farthest"] > row["best"]:
            yield Finding(
                "beyond", reward,
                f"{who}: {baseline} comes to a {on} of {row['farthest']:.4f} (epoch "
                f"{row['farthest_epoch']:.0f}), which {ours} never has (its highest is "
                f"{row['best']:.4f}); they are compared at {baseline}'s epoch "
                f"{row['baseline_epoch']:.0f}, at {row['required']:.4f}.",
            )  # fmt: skip
        if row["why"] == "no checkpoint qualifies":
            if row["kind"] == "RG" or first:
                yield Finding(
                    "absent gain", reward,
                    f"{who}: no {ours} checkpoint reaches the baseline's {on} of "
                    f"{row['required']:.4f} (the highest is {row['best']:.4f}), so its "
                    f"{row['kind']} is absent.",
                )  # fmt: skip
        elif row["why"] and "missing" not in str(row["why"]):
            yield Finding(
                "absent gain", reward, f"{who}: no {row['kind']} of {measure}, for {row['why']}."
            )
        elif row["gain"] < 0:
            yield Finding(
                "loss", reward,
                f"{who}: {measure} is below the baseline's at equal {on} "
                f"({row['matched_value']:.4f} against {row['baseline_value']:.4f}, "
                f"{100 * row['gain']:+.2f} %).",
            )  # fmt: skip
        elif row["matched_low"] <= row["baseline_high"]:
            yield Finding(
                "within noise", reward,
                f"{who}: the gain in {measure} ({100 * row['gain']:+.2f} %) is within the noise, "
                "for the two 95 % intervals overlap.",
            )  # fmt: skip


def _training(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    last = last_checkpoints(mine)
    base = last[last["method"] == analyze.base]
    trained = last[last["method"] != analyze.base]
    compared = [m for c in analyze.comparisons_of(reward).values() for m in c.methods]
    ends = trained[trained["method"].isin(compared)].groupby("epoch")["run"].agg(list)
    if len(ends) > 1:
        each = "; ".join(f"epoch {epoch}: {', '.join(runs)}" for epoch, runs in ends.items())
        yield Finding("caution", reward, f"Runs were not trained equally long ({each}).")
    start = base[REWARD].iloc[0] if len(base) else float("nan")
    for row in trained.to_dict("records"):
        if row[REWARD] <= start:
            yield Finding(
                "loss", reward,
                f"{row['run']} ends with a normalised reward of {row[REWARD]:.4f}, not above the "
                f"base model's {start:.4f}: it has not learned its reward.",
            )  # fmt: skip
        if row[f"{REWARD}_high"] > 1 or row[f"{REWARD}_low"] < 0:
            yield Finding(
                "caution", reward,
                f"The normalised reward of {row['run']} leaves [0, 1]: the bounds of {reward} are "
                "too narrow, and relative reward gains depend on them.",
            )  # fmt: skip
    yield from _gamed(mine, reward, analyze)


def _gamed(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    """Find the runs whose true reward had been surely higher while the proxy was lower."""
    for run, points in mine[mine["method"] != analyze.base].groupby("run", sort=False):
        known = points.dropna(subset=[TRUE, f"{TRUE}_low", REWARD]).sort_values("epoch")
        if known.empty:
            continue
        end, best = known.iloc[-1], known.iloc[int(known[TRUE].to_numpy().argmax())]
        if end[REWARD] > best[REWARD] and end[f"{TRUE}_high"] < best[f"{TRUE}_low"]:
            yield Finding(
                "caution", reward,
                f"{run} games its reward: the true reward fell from {best[TRUE]:.4f} at epoch "
                f"{best['epoch']} to {end[TRUE]:.4f} at epoch {end['epoch']}, while the learned "
                f"one rose from {best[REWARD]:.4f} to {end[REWARD]:.4f}.",
            )  # fmt: skip


def _unmeasured(mine: pd.DataFrame, reward: str, analyze: Analyze) -> Iterator[Finding]:
    for column in [*analyze.measures, *analyze.further, REWARD]:
        runs = mine[mine[column].isna()]["run"].unique()
        if len(runs):
            label = _label(column, analyze)
            yield Finding("missing", reward, f"{label} was not measured for {', '.join(runs)}.")


def _label(column: str, analyze: Analyze) -> str:
    if column == REWARD:
        return "normalised reward"
    return {**analyze.measures, **analyze.further}[column].label
