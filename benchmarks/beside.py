"""What do two trainings at once cost, against one after the other?

    python benchmarks/beside.py --out beside.parquet

A training is a process of its own (DRIFT, the default settings) that warms up with a quarter of an
epoch and then measures some. One alone and two at once take turns, with each way in which OpenMP's
threads may wait for work:

- passive: they sleep at once, which the project's settings ask for (`common/processor.py`);
- GNU's default: they spin for some milliseconds (300,000 turns), then sleep. The settings leave
  `OMP_WAIT_POLICY` alone where it is set, and an empty one is to OpenMP as none at all;
- active: they spin, as good as for ever.

The table has medians of seconds per epoch, and the ratio of two at once to one. A ratio of 2 means
that two at once are done as soon as one after the other. Nothing else may run beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from alternating import Row, alternate, finish, medians, report

WORKER = Path(__file__).parent / "own_worker.py"
POLICIES = {"passive": "PASSIVE", "GNU's default": "", "active": "ACTIVE"}
"""Ways to wait, as `OMP_WAIT_POLICY` names them."""


def at_once(trainings: int, policy: str, task: dict[str, Any]) -> list[Row]:
    """Measure so many trainings that start at the same time: all their epochs."""
    command = [sys.executable, WORKER, json.dumps(task)]

    def train(_: int) -> list[Row]:
        return finish(command, OMP_WAIT_POLICY=policy).said

    with ThreadPoolExecutor(trainings) as pool:
        return [row for rows in pool.map(train, range(trainings)) for row in rows]


def compare(rows: pd.DataFrame, policies: Sequence[str]) -> pd.DataFrame:
    """Put one and two side by side.

    Args:
        rows: Of programs named `<policy>, 1` and `<policy>, 2`, with seconds `epoch`.
        policies: In the order wanted.
    """
    seconds = medians(rows, "epoch").set_index("program")["epoch"]
    found = []
    for policy in policies:
        one, two = (seconds[f"{policy}, {trainings}"] for trainings in (1, 2))
        found.append({"waiting": policy, "one alone, s": one, "two at once, s": two})
        found[-1]["ratio"] = two / one
    return pd.DataFrame(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=2, help="rounds")
    parser.add_argument("--epochs", type=int, default=1, help="measured in each process")
    parser.add_argument("--groups", type=int, default=16, help="fewer for a quick look")
    parser.add_argument("--policies", nargs="+", default=list(POLICIES), choices=POLICIES)
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    parameters = {"method": "drift", "train": {"groups_per_epoch": args.groups}}
    task = {"parameters": parameters, "epochs": args.epochs}
    programs = {
        f"{policy}, {trainings}": partial(at_once, trainings, POLICIES[policy], task)
        for policy, trainings in product(args.policies, (1, 2))
    }
    report(compare(alternate(programs, args.repeat), args.policies), args.out)


if __name__ == "__main__":
    main()
