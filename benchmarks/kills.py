"""Kill a training run at random moments, resume it each time, and compare it with another.

    python benchmarks/kills.py [--kills 10] [--epochs 30] [--seed 0]

Both runs are of the smoke environment. Each part of the first one is a process of its own that is
killed (SIGKILL) after a random delay, between the first file and the end of the whole run; where
nothing is left to do, it starts over. Whenever it is finished all files must agree to the last
byte; only the columns and values that hold seconds may differ.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import time
from typing import Any

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
NAME = "drift-pickscore-s42"


def command(runs: Path, epochs: int, start_over: bool = False) -> list[str]:
    """Return the command that trains or resumes."""
    values = {"train.runs_folder": runs, "train.epochs": epochs, "train.progress": "false"}
    if start_over:
        values["train.start_over"] = "true"
    parameters = ",".join(f"{name}={value}" for name, value in values.items())
    arguments = ["run", "--pipelines=train", "--env=smoke", f"--params={parameters}"]
    return [sys.executable, "-m", "kedro", *arguments]


def trained(runs: Path) -> int:
    """Epochs whose policies are on the disk."""
    return max(0, len(list((runs / NAME).glob("epoch_*/policy/state.json"))) - 1)


def kill(command: list[str], seconds: float) -> bool:
    """Run a command for some seconds; whether it had to be killed."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        if process.returncode:
            log.seek(0)
            sys.stdout.write(log.read().decode(errors="replace"))
            raise SystemExit(f"failed ({process.returncode}): {' '.join(command)}")
    return False


def contents(run: Path) -> dict[str, Any]:
    """Read what a run has written, by file; seconds are left out, and so is the figure of them."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        name = str(path.relative_to(run))
        if path.name == "SHA256SUMS" and path.parent.name != "lora":
            found[name] = "of tables with seconds"
        elif path.suffix == ".parquet":
            table = pd.read_parquet(path)
            clocks = [column for column in table.columns if column.startswith("seconds")]
            plain = table.drop(columns=clocks).to_json(double_precision=15)
            found[name] = plain if clocks else path.read_bytes()
        elif name == "training_curve.json" or path.name == "summary.json":
            rows = json.loads(path.read_text())
            found[name] = [
                {key: value for key, value in row.items() if not key.startswith("seconds")}
                for row in (rows if isinstance(rows, list) else [rows])
            ]
        elif name == "training_curve.png":
            found[name] = "drawn"
        elif path.name == "README.md":  # the model card says where the adapter lies
            found[name] = path.read_text(encoding="utf-8").replace(str(run.parent), "runs")
        else:
            found[name] = path.read_bytes()
    return found


def compare(expected: Path, actual: Path) -> int:
    """Count the files; where some differ, the end."""
    left, right = contents(expected), contents(actual)
    odd = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    if odd:
        raise SystemExit(f"{len(odd)} of {len(left)} files differ: {', '.join(odd)}")
    return len(left)


def main() -> None:
    """Print one line per kill, then whether the runs agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "whole", Path(folder) / "parts"
        start = time()
        subprocess.run(command(whole, options.epochs), cwd=PROJECT, check=True, capture_output=True)
        duration = time() - start
        first = (whole / NAME / "epoch_0000/policy/state.json").stat().st_mtime - start
        print(f"uninterrupted: {options.epochs} epochs in {duration:.1f} s", flush=True)
        kills, start_over = 0, False
        while kills < options.kills:
            delay = chance.uniform(first, duration)
            before = trained(parts)
            killed = kill(command(parts, options.epochs, start_over), delay)
            kills += killed
            start_over = not killed  # a whole run has nothing left to kill
            if not killed:
                compare(whole / NAME, parts / NAME)
            left = [path.name for path in (parts / NAME).rglob(".*")]
            print(
                f"{f'kill {kills}' if killed else 'finished'} after {delay:.1f} s: epochs "
                f"{before} -> {trained(parts)}, half-written: {', '.join(left) or 'nothing'}",
                flush=True,
            )
        subprocess.run(command(parts, options.epochs), cwd=PROJECT, check=True, capture_output=True)
        files = compare(whole / NAME, parts / NAME)
    print(f"all {files} files agree after {kills} kills")


if __name__ == "__main__":
    main()
