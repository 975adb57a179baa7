"""Nodes that several pipelines share: the run, its base model, and what its checkpoints draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.pipeline import Node

from drift_pipeline.config.evaluation import Generate
from drift_pipeline.config.train import Train
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs.loading import load_policy
from drift_pipeline.runs.run import Run

PARAMETERS = ("method", "reward", "seed", "methods", "rewards", "encoders", "train")
"""What a run is made of."""
PROJECT_FOLDER = "project_folder"
"""The dataset that the hooks add to the catalog: the folder of the project, a `Path`."""


def make_run(
    method: str,
    reward: str,
    seed: int,
    methods: dict[str, Any],
    rewards: dict[str, Any],
    encoders: dict[str, Any],
    train: Train,
    root: Path,
) -> Run:
    """Look the names up: what this run is."""
    values = (method, reward, seed, methods, rewards, encoders, train)
    return Run.from_parameters(dict(zip(PARAMETERS, values, strict=True)), root)


def make_protocol(generate: Generate, run: Run, prompts: list[str]) -> Protocol:
    """Put together what every judged checkpoint has to draw."""
    return Protocol.of(generate, run.train, prompts)


MAKE_RUN = Node(
    make_run,
    [*(f"params:{name}" for name in PARAMETERS), PROJECT_FOLDER],
    "run",
    name="make_run",
)
LOAD_BASE_MODEL = Node(load_policy, "run", "base_model", name="load_base_model")
MAKE_PROTOCOL = Node(
    make_protocol,
    ["params:generate", "run", "evaluation_prompts"],
    "protocol",
    name="make_protocol",
)
