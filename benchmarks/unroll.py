"""What the unrolled training loop costs before anything is trained.

Builds the `train` pipeline for so many epochs through `kedro run`, stops at its first node, and
prints seconds and peak memory of the process. Why `train.epochs` has an upper bound.

    python benchmarks/unroll.py --epochs 100 300 1000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from time import perf_counter


def main() -> None:
    """Print one row per number of epochs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, nargs="+", default=[100, 300, 1000])
    args = parser.parse_args()
    print("| epochs | seconds | GiB |\n|---|---|---|")
    for epochs in args.epochs:
        with tempfile.TemporaryDirectory() as runs:
            params = f"train.epochs={epochs},train.runs_folder={runs}"
            command = [sys.executable, "-m", "kedro", "run", "--pipelines=train", "--env=smoke"]
            start = perf_counter()
            process = subprocess.Popen(
                [*command, "--to-nodes=make_run", "--params", params], stdout=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{epochs} epochs could not be built")
        seconds = perf_counter() - start
        print(f"| {epochs:,} | {seconds:.0f} | {usage.ru_maxrss / 2**20:.2f} |", flush=True)


if __name__ == "__main__":
    main()
