"""Seconds of training until the reward passes a mark: GRPO of this project and TRL's `DDPOTrainer`.

    python benchmarks/to_goal.py --peer-python <folder>/bin/python --runs goal --out goal.parquet

`peer.py` says how to make TRL's python, and compares the seconds of an epoch at equal work. Here it
counts as well how much an epoch teaches. The design, which was fixed before the first run:

- Both train the bestiary's checkpoint by its PickScore on the same prompts, with the same adapter:
  128 samples an epoch in 4 updates, T = 8, guidance 5. `peer_pickscore.py` scores for TRL.
- The marks are 70 and 85 % of the way from the base model's mean PickScore (12.66) to where GRPO
  comes in 30 epochs (15.63, mean of two seeds; `trial.py`).
- After every second epoch, outside the watch, each program draws 8 images of each evaluation prompt
  by noise that never changes; PickScore's mean of them is the reward. Between judgements the reward
  is taken to be on a straight line.
- Each program gets the best of three learning rates, by the reward after 16 epochs of seed 1, which
  is not reported. TRL normalises rewards as its example does: per prompt, from the last 32 images
  of each, and over the batch until a prompt has 16. All else is this project's defaults, on both
  sides.
- Seeds 2, 3 and 4 are reported. A run ends at the second mark or at `--cap`.
- The seconds are the epochs to the mark times the median seconds of an epoch, which are measured
  last, by turns. Nothing else may run meanwhile.

Every finished run is a file in `--runs`, so that the study goes on where it was stopped; with
`--at-most 1` it stops after each run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from alternating import PROJECT, Row, alternate, finish, markdown, report
from goal import reached
from own_worker import read_run
from peer import peer_task

from drift_pipeline.config.prompt_files import read_prompts

WORKERS = Path(__file__).parent
BASE, END = 12.66, 15.63
MARKS = {"70 %": BASE + 0.70 * (END - BASE), "85 %": BASE + 0.85 * (END - BASE)}
RATES = (3e-4, 1e-3, 3e-3)
GRPO, PEER = "GRPO", "TRL's DDPOTrainer"
STATISTICS = {"per_prompt_stat_tracking": True, "per_prompt_stat_tracking_buffer_size": 32}
"""How TRL's example, ddpo.py, normalises rewards."""
TUNED, TUNING_EPOCHS, IMAGES = 1, 16, 8


@dataclass(frozen=True)
class Plan:
    """One training: who trains, how, and how long (see `goal.train`)."""

    program: str
    rate: float
    seed: int
    epochs: int
    every: int
    stop: float | None = None

    @property
    def name(self) -> str:
        """A name for its file."""
        program = {GRPO: "grpo", PEER: "trl"}[self.program]
        return f"{program}-{self.rate:g}-s{self.seed}-{self.epochs}"


@dataclass
class Study:
    """The files of what has run, and the way to run what is missing.

    Attributes:
        python: The python that has TRL.
        batches: How many images TRL draws and trains on at once.
        folder: Where the files are.
        left: How many may still be run.
    """

    python: Path
    batches: tuple[int, int]
    folder: Path
    left: float

    def get(self, name: str, run: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Read a file, or run what it holds.

        Raises:
            SystemExit: Where it is missing, and as much was run as may be.
        """
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            if not self.left:
                raise SystemExit(f"{name} comes next")
            self.left -= 1
            rows, draft = run(), path.with_suffix(".draft")
            rows.to_parquet(draft)
            draft.rename(path)  # a file is there completely or not at all
            print(f"{name} has run", file=sys.stderr, flush=True)
        return pd.read_parquet(path)

    def curve(self, plan: Plan) -> pd.DataFrame:
        """Give the judged epochs of a training."""
        rows = self.get(plan.name, lambda: pd.DataFrame(self.train(plan)))
        return rows.dropna(subset="reward")

    def train(self, plan: Plan) -> list[Row]:
        """Train: one row per epoch."""
        parameters = {
            "method": "grpo",
            "seed": plan.seed,
            "train": {"optimization": {"learning_rate": plan.rate}},
        }
        evaluated = read_prompts(PROJECT / "data/01_raw/prompts/evaluation.txt")
        task = {**asdict(plan), "evaluated": evaluated, "images": IMAGES, "parameters": parameters}
        if plan.program != PEER:
            return finish([sys.executable, WORKERS / "own_goal.py", json.dumps(task)]).said
        run = read_run(parameters)
        task |= peer_task(run)
        task |= {"batches": self.batches, "pickscore": run.reward.options["model"]}
        task["config"] |= STATISTICS
        command = [self.python, WORKERS / "peer_goal.py", json.dumps(task)]
        return finish(command, PYTHONPATH="").said

    def tune(self, program: str) -> list[tuple[float, float, str]]:
        """Try the learning rates: the reward each reaches, the rate, and the program."""
        plans = [Plan(program, rate, TUNED, TUNING_EPOCHS, every=4) for rate in RATES]
        return [(self.curve(plan)["reward"].iloc[-1], plan.rate, program) for plan in plans]

    def seconds(self, rates: Mapping[str, float], repeat: int) -> pd.Series:
        """Measure epochs by turns, without judgements: the median seconds of each program."""

        def epochs(plan: Plan) -> list[Row]:
            rows = pd.DataFrame(self.train(plan))
            return [{"epoch": took} for took in rows["seconds"].diff()[2:]]  # the first warms up

        plans = {name: Plan(name, rate, TUNED, epochs=4, every=0) for name, rate in rates.items()}
        programs = {name: partial(epochs, plan) for name, plan in plans.items()}
        rows = self.get("seconds", lambda: alternate(programs, repeat))
        return rows.groupby("program")["epoch"].median()


def curves_table(curves: Mapping[Plan, pd.DataFrame]) -> pd.DataFrame:
    """Say for each training where it passed the marks: in epochs, NaN where it did not."""
    rows = []
    for plan, curve in curves.items():
        row = {"program": plan.program, "rate": plan.rate, "seed": plan.seed}
        for name, mark in MARKS.items():
            row[f"epochs to {name}"] = reached(curve["epoch"], curve["reward"], mark)
        last = curve.iloc[-1]
        rows.append({**row, "epochs": last["epoch"], "reward": last["reward"]})
    return pd.DataFrame(rows)


def goal_table(reached_by: pd.DataFrame, seconds: pd.Series) -> pd.DataFrame:
    """Sum the seeds up: means, and how many times as long as the first program each one takes."""
    columns = [f"epochs to {name}" for name in MARKS]
    by_program = reached_by.groupby(["program", "rate"], sort=False)
    # A mean over fewer seeds would flatter who did not reach the mark with all of them.
    table = by_program[columns].agg(lambda places: places.mean(skipna=False))
    table.insert(0, "seeds", by_program.size())
    table = table.reset_index()
    table["seconds of an epoch"] = table["program"].map(seconds)
    for name in MARKS:
        whole = table[f"epochs to {name}"] * table["seconds of an epoch"]
        table[f"seconds to {name}"], table[f"ratio at {name}"] = whole, whole / whole[0]
    return table


def main() -> None:
    """Run what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", type=Path, required=True, help="the python that has TRL")
    parser.add_argument("--peer-batches", type=int, nargs=2, default=[64, 32],
                        help="drawn and trained at once; peer.py finds the fastest")  # fmt: skip
    parser.add_argument("--runs", type=Path, required=True, help="a folder for the runs' files")
    parser.add_argument("--at-most", type=int, default=float("inf"), help="runs, then stop")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--cap", type=int, default=40, help="epochs of a reported run")
    parser.add_argument("--repeat", type=int, default=2, help="rounds of the epochs that are timed")
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    if not args.peer_python.is_file():
        parser.error(f"--peer-python: there is no {args.peer_python}")
    args.runs.mkdir(parents=True, exist_ok=True)
    python = args.peer_python.absolute()  # not resolved: that would leave the environment
    study = Study(python, args.peer_batches, args.runs, args.at_most)

    tried = [study.tune(program) for program in (GRPO, PEER)]
    rates = {program: rate for _, rate, program in map(max, tried)}
    plans = [
        Plan(program, rate, seed, args.cap, every=2, stop=max(MARKS.values()))
        for seed in args.seeds
        for program, rate in rates.items()
    ]
    trained = curves_table({plan: study.curve(plan) for plan in plans})
    seconds = study.seconds(rates, args.repeat)
    tuned = pd.DataFrame(
        [row for rows in tried for row in rows], columns=["reward", "rate", "program"]
    )
    print(markdown(tuned), markdown(trained), sep="\n\n", end="\n\n")
    report(goal_table(trained, seconds), args.out)


if __name__ == "__main__":
    main()
