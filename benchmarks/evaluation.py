"""What the evaluation of a checkpoint takes: drawing its images, judging them, and the measures.

    python benchmarks/evaluation.py

Trains GRPO for an epoch, then draws and measures its checkpoint, the base model and the base
model's second draw, 1,600 images each, with `kedro run` in this process, and prints the seconds of
each node and of the datasets that take any. The drawing is that of the dataset `images`, which
draws while it saves.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from alternating import report
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline.node import Node


class Watch:
    """Kedro's hooks around nodes and datasets."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = 0.0

    @hook_impl
    def before_node_run(self) -> None:
        """Start for a node."""
        self._started = perf_counter()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop for a node."""
        self.seconds[node.name] = perf_counter() - self._started

    @hook_impl
    def before_dataset_saved(self) -> None:
        """Start for a dataset."""
        self._started = perf_counter()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Stop for a dataset."""
        self.seconds[f"saving {dataset_name}"] = perf_counter() - self._started


def run(pipelines: list[str], parameters: dict[str, Any]) -> dict[str, float]:
    """Run pipelines with conf/base: seconds by node and saved dataset."""
    watch = Watch()
    project, environment = Path.cwd(), "bestiary"
    with KedroSession.create(project, env=environment, runtime_params=parameters) as session:
        session._hook_manager.register(watch)
        session.run(pipeline_names=pipelines)
    return watch.seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    bootstrap_project(Path.cwd())
    with tempfile.TemporaryDirectory() as folder:
        parameters = {
            "method": "grpo",
            "train": {"epochs": 1, "progress": False, "runs_folder": f"{folder}/runs"},
            "generate": {"folder": f"{folder}/images"},
            "measure": {"features": f"{folder}/features", "reports": f"{folder}/reports/runs"},
        }
        run(["train"], parameters)
        seconds = run(["generate", "measure"], parameters)
    rows = [{"what": name, "seconds": took} for name, took in seconds.items() if took > 0.05]
    report(pd.DataFrame(rows), args.out)


if __name__ == "__main__":
    main()
