"""The small grid that every method is tuned on, alike, before any result is reported.

    python benchmarks/tune.py            # runs what is missing, then prints the table
    python benchmarks/tune.py --table    # prints it

Question: which learning rate, and then, for methods that shape, which λ gives a method its best
front? Measure: the hypervolume of normalised reward and DreamSim diversity over the checkpoints
that still show what was asked (nine tenths of the base model's share), with the reference point
fixed at the base model's reward and a diversity of 0, as a multiple of the box up to a normalised
reward of 1 and the base model's diversity; mean over the seeds 1 and 2, which are never reported.
Reward: PickScore. Every run has the same budget, 30 epochs, whatever an epoch costs, and is
judged every five of them by 24 images of each of 16 prompts. What wins is written into the
presets, whoever wins.

Each finished run leaves a table in `docs/tuning/`, so that the grid can be stopped and continued,
on another machine too. Their names say the settings.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from alternating import markdown
from judged import load_judges
from kept import Budget, kept_run
from own_worker import read_run

from drift_pipeline.analysis.asked import LEAST
from drift_pipeline.analysis.paths import hypervolume
from drift_pipeline.evaluation.judges import Judges

FOLDER = Path("docs/tuning")
SEEDS = (1, 2)
BUDGET = Budget(epochs=30, every=5, prompts=16, each=24)
RATES = ("2.5e-4", "5e-4", "1e-3")
RATIOS = ("0.25", "1.0")
"""Besides the paper's 0.5, with which the learning rates are tried."""
METHODS = ("grpo", "drift", "shaping", "grpo_kl", "ddpo", "concentrated", "noise")
SHAPED = ("drift", "shaping")
RATE = "train.optimization.learning_rate"

Settings = dict[str, str]


def by_rate() -> list[Settings]:
    """List the first points of every method."""
    return [{RATE: rate} for rate in RATES]


def by_ratio(method: str, best: Settings) -> list[Settings]:
    """List the further points of a method with a λ, at its best learning rate."""
    ratio = f"methods.{method}.shaping.ratio"
    return [{**best, ratio: value} for value in RATIOS] if method in SHAPED else []


def file_of(method: str, settings: Settings, seed: int) -> Path:
    """Name the table of a run."""
    names = [f"{name.rpartition('.')[2]}={value}" for name, value in settings.items()]
    return FOLDER / f"{'-'.join([method, *names])}-s{seed}.csv"


def area(table: pd.DataFrame, bounds: tuple[float, float]) -> float:
    """Return the criterion of a run, as the heading says."""
    low, high = bounds
    reward = (table["reward"] - low) / (high - low)
    asked = table["shown"] >= LEAST * table["shown"].iloc[0]
    start, diversity = float(reward.iloc[0]), table["dreamsim"]
    covered = hypervolume(reward[asked], diversity[asked], (start, 0.0))
    return covered / ((1 - start) * float(diversity.iloc[0]))


def tried(method: str, settings: Settings, judges: Judges | None) -> list[pd.DataFrame]:
    """Return the tables of a point's runs; with judges, those that are missing are run."""
    found = []
    for seed in SEEDS:
        changes = {"method": method, "reward": "pickscore", "seed": seed}
        # Whatever the presets say by now.
        given = {f"methods.{method}.shaping.ratio": "0.5"} if method in SHAPED else {}
        file = file_of(method, settings, seed)
        table = kept_run(file, changes, given | settings, BUDGET, judges)
        found += [] if table is None else [table]
    return found


def describe(
    method: str, settings: Settings, tables: list[pd.DataFrame], bounds: tuple[float, float]
) -> dict[str, Any]:
    """Sum a point up; one row of the table."""
    areas = [area(table, bounds) for table in tables]
    last = pd.DataFrame([table[["reward", "dreamsim", "shown"]].iloc[-1] for table in tables])
    named = {name.rpartition(".")[2]: value for name, value in settings.items()}
    return {
        "method": method,
        "learning rate": named["learning_rate"],
        "λ": named.get("ratio", "0.5" if method in SHAPED else ""),
        "hypervolume": sum(areas) / len(areas),
        "seeds": len(areas),
        **{f"last {name}": float(last[name].mean()) for name in last},
    }


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    args = parser.parse_args()
    run = read_run({})
    bounds, judges = run.reward.bounds, None if args.table else load_judges(run, {})
    rows: list[dict[str, Any]] = []
    for method in args.methods:
        points = {}
        for settings in by_rate():
            if tables := tried(method, settings, judges):
                points[settings[RATE]] = describe(method, settings, tables, bounds)
        rows += points.values()
        if len(points) == len(RATES):
            best = max(points, key=lambda rate: points[rate]["hypervolume"])
            for settings in by_ratio(method, {RATE: best}):
                if tables := tried(method, settings, judges):
                    rows.append(describe(method, settings, tables, bounds))
    if rows:
        print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
