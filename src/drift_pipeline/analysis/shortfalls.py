"""What a method's gains fall short of, a sentence for each baseline and kind, over all seeds."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.config.analysis import Analyze

NO_CHECKPOINT = "no checkpoint qualifies"

Shortfall = tuple[str, str, str]
"""Kind of finding, reward, sentence."""


def shortfalls(gains: pd.DataFrame, analyze: Analyze) -> Iterator[Shortfall]:
    """Say where a method is behind a baseline, out of reach, or ahead by no more than chance.

    Args:
        gains: Of all comparisons and rewards, as `compute_gains` makes them.
        analyze: Labels and the order of measures.
    """
    there = gains[~gains["why"].str.contains("missing")]
    for (_, reward, baseline), pair in there.groupby(
        ["comparison", "reward", "baseline"], sort=False
    ):
        ours = analyze.methods[str(pair["ours"].iloc[0])].label
        theirs = analyze.methods[str(baseline)].label
        for kind, text in _of_pair(pair, ours, theirs, analyze):
            yield kind, str(reward), f"{ours} against {theirs}: {text}."


def label_of(column: str, analyze: Analyze) -> str:
    """Name a measure, a further measure or the reward in a sentence."""
    if column == REWARD:
        return "normalised reward"
    return {**analyze.measures, **analyze.further}[column].label


def in_seeds(rows: pd.DataFrame, pair: pd.DataFrame) -> str:
    """Say in how many seeds something is so, and in which where not in all of them.

    Example:
        >>> both = pd.DataFrame({"seed": [1, 1, 2]})
        >>> in_seeds(both[both["seed"] == 2], both)
        'in 1 of 2 seeds (2)'
    """
    some, every = sorted({*rows["seed"]}), {*pair["seed"]}
    if len(some) == len(every):
        return "in each seed" if len(every) > 1 else f"in seed {some[0]}"
    return f"in {len(some)} of {len(every)} seeds ({', '.join(map(str, some))})"


def _of_pair(
    pair: pd.DataFrame, ours: str, theirs: str, analyze: Analyze
) -> Iterator[tuple[str, str]]:
    first = pair[pair["measure"] == next(iter(analyze.measures))]  # one sentence tells it for all
    beyond = first[first["farthest"] > first["best"]]
    if len(beyond):
        on = label_of(str(beyond["matched_on"].iloc[0]), analyze)
        yield (
            "beyond",
            f"{in_seeds(beyond, pair)} {theirs} comes to a {on} that {ours} never has "
            f"({_mean(beyond['farthest'])}, where {ours} has {_mean(beyond['best'])} at most); "
            f"they are compared where {theirs} has {_mean(beyond['required'])}",
        )
    yield from _absent(pair, first, ours, analyze)
    measured = pair[pair["why"] == ""]
    worse = measured[measured["gain"] < 0]
    chance = measured[
        (measured["gain"] >= 0) & (measured["matched_low"] <= measured["baseline_high"])
    ]
    if said := _each_measure(worse, pair, analyze, "worst"):
        yield "loss", f"at equal reward, or diversity, below the baseline are {said}"
    if said := _each_measure(chance, pair, analyze, "best"):
        yield "within noise", f"ahead by no more than the 95 % intervals over prompts are {said}"


def _absent(
    pair: pd.DataFrame, first: pd.DataFrame, ours: str, analyze: Analyze
) -> Iterator[tuple[str, str]]:
    out_of_reach = pair[pair["why"] == NO_CHECKPOINT]
    once = [out_of_reach[out_of_reach.index.isin(first.index)]]
    once.append(out_of_reach[out_of_reach["kind"] == "RG"])
    for rows in once:
        if len(rows):
            on = label_of(str(rows["matched_on"].iloc[0]), analyze)
            yield (
                "absent gain",
                f"no {rows['kind'].iloc[0]} {in_seeds(rows, pair)}, since no {ours} checkpoint "
                f"reaches the baseline's {on} of {_mean(rows['required'])} (the highest is "
                f"{_mean(rows['best'])})",
            )
    others = pair[(pair["why"] != "") & (pair["why"] != NO_CHECKPOINT)]
    for (kind, measure, why), rows in others.groupby(["kind", "measure", "why"], sort=False):
        about = label_of(str(measure), analyze)
        yield "absent gain", f"no {kind} of {about} {in_seeds(rows, pair)}, for {why}"


def _each_measure(rows: pd.DataFrame, pair: pd.DataFrame, analyze: Analyze, end: str) -> str:
    """List measures with the seeds that they are about, and the gain farthest out."""
    said = []
    for measure, mine in rows.groupby("measure", sort=False):
        gain = mine["gain"].min() if end == "worst" else mine["gain"].max()
        said.append(
            f"{label_of(str(measure), analyze)} {in_seeds(mine, pair)} ({end} {100 * gain:+.2f} %)"
        )
    return "; ".join(said)


def _mean(values: pd.Series) -> str:
    return f"{values.mean():.4f}" + (" on average" if len(values) > 1 else "")
