"""Do two checkouts of this project train the same bits?

Trains a few epochs of some methods with each checkout's own code, on its own bestiary, and compares
the candidates (rewards, selection, advantages) and the adapters, number by number.

    git worktree add /tmp/before <commit>
    python benchmarks/same_bits.py /tmp/before .
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor

PREFIX = "base_model.model."
"""What peft puts before the names in `adapter_model.safetensors`."""


def main() -> None:
    """Train, compare, and print one line per method and epoch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", type=Path, nargs=2)
    parser.add_argument("--methods", nargs="+", default=["drift", "grpo", "grpo_kl", "ddpo"])
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    different = 0
    with TemporaryDirectory() as folder:
        for method in args.methods:
            runs = [
                train(checkout.resolve(), Path(folder) / str(place), method, args.epochs)
                for place, checkout in enumerate(args.checkouts)
            ]
            for epoch in range(args.epochs + 1):
                found = differences(*(run / f"epoch_{epoch:04d}" for run in runs))
                different += bool(found)
                print(f"{method}, epoch {epoch}: {'; '.join(found) or 'the same bits'}")
    sys.exit(f"{different} epochs differ" if different else 0)


def train(checkout: Path, runs: Path, method: str, epochs: int) -> Path:
    """Train a run with a checkout's code; returns the run's folder."""
    params = f"method={method},train.epochs={epochs},train.runs_folder={runs}"
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=train", "--params", params]
    environment = os.environ | {"PYTHONPATH": str(checkout / "src")}
    subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
    return next(runs.glob(f"{method}-*"))


def differences(one: Path, other: Path) -> list[str]:
    """Say in what two epochs differ."""
    found = []
    tables = [folder / "candidates.parquet" for folder in (one, other)]
    if tables[0].exists():
        left, right = (pd.read_parquet(table) for table in tables)
        columns = [c for c in left if not (c in right and left[c].equals(right[c]))]
        found += [f"candidates: {', '.join(columns)}"] if columns else []
    left, right = adapter_of(one), adapter_of(other)
    names = sorted(left.keys() ^ right.keys()) or [
        name for name in left if not torch.equal(left[name], right[name])
    ]
    return found + ([f"adapter: {len(names)} of {len(left)} tensors"] if names else [])


def adapter_of(epoch: Path) -> dict[str, Tensor]:
    """Read the adapter's tensors by name, in whichever file they are."""
    file = next((epoch / "policy").glob("adapter*.safetensors"))
    return {name.removeprefix(PREFIX): tensor for name, tensor in load_file(file).items()}


if __name__ == "__main__":
    main()
