"""When each of DRIFT's ideas pays and when it costs, one change at a time.

    python benchmarks/why.py             # runs what is missing, then prints the table
    python benchmarks/why.py --table     # prints it
    python benchmarks/why.py --only "DRIFT, λ = 0.25" "DRIFT, 32 groups"

Question: what do selection, noise and shaping each add, alone and left out, and what changes that:
λ, the scale of the noise, the number of groups, more candidates, a reward with outliers? Measure:
DreamSim and OpenCLIP diversity where a run first reaches 50, 70 and 80 % of the gain in reward
that GRPO of the same seed and setting has, as a share of GRPO's there; how far it gets; and the
area between both. Seeds 11, 12 and 13; Student's t intervals over their logarithms. PickScore,
30 epochs where nothing else is said, judged six times by 24 images of each of 16 prompts, with the
learning rates of the presets. A reward with outliers is trained on, and the one without is
measured.

Each finished run leaves a table in `docs/why/`, so that the study can be stopped and continued, on
another machine too.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from alternating import markdown
from judged import load_judges
from kept import Budget, kept_run
from own_worker import read_run

from drift_pipeline.analysis.over_seeds import over_seeds
from drift_pipeline.analysis.paths import area_gain, on_the_way
from drift_pipeline.evaluation.judges import Judges

FOLDER = Path("docs/why")
SEEDS = (11, 12, 13)
BUDGET = Budget(epochs=30, every=5, prompts=16, each=24)
MARKS = (0.5, 0.7, 0.8)
MEASURES = ("dreamsim", "openclip")
NOISY = "noisy"
OUTLIER_SCALE = 0.75
"""Half of the deviation of PickScore among the base model's images of a prompt."""


@dataclass(frozen=True)
class Variant:
    """A setting that is tried.

    Attributes:
        method: The preset that it starts from.
        changes: Parameters by their dotted names; `~` stands for the preset.
        against: The variant that it is compared with.
        reward: What it is trained on.
        epochs: How long; it is judged six times whatever that is.
    """

    method: str
    changes: dict[str, Any] = field(default_factory=dict)
    against: str = "GRPO"
    reward: str = "pickscore"
    epochs: int = BUDGET.epochs

    @property
    def budget(self) -> Budget:
        """How long it trains and how it is judged."""
        return replace(BUDGET, epochs=self.epochs, every=self.epochs // 6)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by their full names."""
        return {name.replace("~", f"methods.{self.method}"): v for name, v in self.changes.items()}


ALL = {"~.selection": "all", "~.candidates": 1}
RATE = "train.optimization.learning_rate"
LAMBDA, SCALE, GROUPS = "~.shaping.ratio", "train.prompt_noise.scale", "train.groups_per_epoch"
MANY, OUT = "GRPO, 32 groups", "GRPO, outliers"
VARIANTS = {
    "GRPO": Variant("grpo"),
    "DRIFT": Variant("drift"),
    # Each alone.
    "selection alone": Variant("concentrated"),
    "noise alone": Variant("noise"),
    "shaping alone": Variant("shaping"),
    # Each left out.
    "DRIFT without selection": Variant("drift", ALL),
    "DRIFT without noise": Variant("drift", {"~.prompt_noise": False}),
    "DRIFT without shaping": Variant("drift", {LAMBDA: 0.0}),
    # λ; 0 stands above.
    **{
        f"DRIFT, λ = {ratio}": Variant("drift", {LAMBDA: ratio})
        for ratio in (0.125, 0.25, 0.5, 1.0)
    },
    **{f"shaping, λ = {ratio}": Variant("shaping", {LAMBDA: ratio}) for ratio in (0.5, 1.0, 1.5)},
    # s, the scale of the noise.
    **{f"noise, s = {scale}": Variant("noise", {SCALE: scale}) for scale in (0.15, 0.3)},
    # A longer way in shorter steps, for what learns slowly.
    "shaping, λ = 1.0, 60 epochs": Variant("shaping", {LAMBDA: 1.0}, epochs=60),
    "DRIFT, 120 epochs at 2.5e-4": Variant("drift", {RATE: 2.5e-4}, epochs=120),
    "DRIFT, λ = 0.125, 120 epochs at 2.5e-4": Variant(
        "drift", {RATE: 2.5e-4, LAMBDA: 0.125}, epochs=120
    ),
    # As many updates by twice the images; half the groups draw as many images as GRPO.
    MANY: Variant("grpo", {GROUPS: 32}),
    "DRIFT, 32 groups": Variant("drift", {GROUPS: 32}, against=MANY),
    "selection, 8 groups": Variant("concentrated", {GROUPS: 8}),
    "selection, 4 G candidates": Variant("concentrated", {"~.candidates": 4}),
    # What selection is said to guard against.
    OUT: Variant("grpo", reward=NOISY),
    "selection alone, outliers": Variant("concentrated", against=OUT, reward=NOISY),
    "shaping alone, outliers": Variant("shaping", against=OUT, reward=NOISY),
    "DRIFT, outliers": Variant("drift", against=OUT, reward=NOISY),
}


def noisy() -> dict[str, Any]:
    """Describe the reward with outliers, as a preset."""
    clean = read_run({"reward": "pickscore"}).reward.model_dump(mode="json")
    error = {"scorer": clean["scorer"], "options": clean["options"], "scale": OUTLIER_SCALE}
    return {**clean, "scorer": "outliers.Outliers", "options": error}


def tables_of(name: str, judges: Judges | None) -> dict[int, pd.DataFrame]:
    """Return a variant's tables by seed; with judges, those that are missing are run."""
    variant, found = VARIANTS[name], {}
    for seed in SEEDS:
        changes: dict[str, Any] = {"method": variant.method, "reward": variant.reward, "seed": seed}
        if variant.reward == NOISY:
            changes["rewards"] = {NOISY: noisy()}
        words = "".join(letter if letter.isalnum() or letter == "." else "_" for letter in name)
        file = FOLDER / f"{words}-s{seed}.csv"
        table = kept_run(file, changes, variant.params, variant.budget, judges, "pickscore")
        if table is not None:
            found[seed] = table
    return found


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """Compare two runs of a seed: shares by which ours is better, NaN where it does not get."""
    start, top = float(theirs["reward"].iloc[0]), float(theirs["reward"].max())
    found = {"reach": (float(ours["reward"].max()) - start) / (top - start)}
    for measure in MEASURES:
        for mark in MARKS:
            at = start + mark * (top - start)
            mine, other = (on_the_way(run["reward"], run[measure], at) for run in (ours, theirs))
            found[f"{measure} at {mark:.0%}"] = mine / other - 1
        paths = [(run["reward"], run[measure]) for run in (ours, theirs)]
        found[f"{measure}, area"] = area_gain(paths[0], paths[1], start)
    return found


def describe(name: str, tables: dict[str, dict[int, pd.DataFrame]]) -> dict[str, Any]:
    """Sum a variant up over seeds; one row of the table."""
    mine, theirs = tables[name], tables.get(VARIANTS[name].against, {})
    last = pd.DataFrame([table[["reward", "shown"]].iloc[-1] for table in mine.values()]).mean()
    row: dict[str, Any] = {"variant": name, "seeds": len(mine), "last reward": last["reward"]}
    row["last shown"] = last["shown"]
    shared = [seed for seed in mine if seed in theirs]
    if shared and VARIANTS[name].against != name:
        pairs = pd.DataFrame([compare(mine[seed], theirs[seed]) for seed in shared])
        row["reach"] = f"{100 * pairs['reach'].mean():.0f} %"
        row |= {column: said(pairs[column]) for column in pairs if column != "reach"}
    return row


def said(gains: pd.Series) -> str:
    """Write gains of several seeds as their mean and its interval, in percent."""
    found = over_seeds(np.log1p(gains.astype(float)))
    if not found.seeds:
        return ""
    mean, low, high = (100 * math.expm1(one) for one in (found.mean, found.low, found.high))
    count = "" if found.seeds == len(gains) else f", {found.seeds} of {len(gains)}"
    return f"{mean:+.0f}" + (f" ({low:+.0f} to {high:+.0f}{count})" if found.seeds > 1 else count)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument(
        "--only", nargs="+", default=list(VARIANTS), choices=VARIANTS, metavar="VARIANT"
    )
    args = parser.parse_args()
    judges = None if args.table else load_judges(read_run({"reward": "pickscore"}), {})
    names = list(dict.fromkeys([*(VARIANTS[name].against for name in args.only), *args.only]))
    tables = {name: found for name in names if (found := tables_of(name, judges))}
    if tables:
        print(markdown(pd.DataFrame([describe(name, tables) for name in tables])))


if __name__ == "__main__":
    main()
