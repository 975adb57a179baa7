"""Epochs of this project in one process, timed: what the nodes of `train` do, without the files.

Not for a person: `peer.py` runs it with its task as JSON, and reads the seconds of each epoch.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from kedro.config import OmegaConfigLoader

from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.pipelines.train import nodes
from drift_pipeline.runs import loading
from drift_pipeline.runs.run import Run
from drift_pipeline.settings import CONFIG_LOADER_ARGS

if TYPE_CHECKING:  # heavy; the scripts that start this one read its parameters alone
    from drift_pipeline.policies.base import PolicyState

ENVIRONMENT = "bestiary"
"""It adds nothing to conf/base; conf/local, which is the reader's own, is not read."""


def read_run(changes: Mapping[str, Any]) -> Run:
    """Read the run that conf/base describes, but for some parameters."""
    arguments: dict[str, Any] = CONFIG_LOADER_ARGS
    loader = OmegaConfigLoader("conf", ENVIRONMENT, runtime_params=dict(changes), **arguments)
    return Run.from_parameters(loader["parameters"], Path.cwd())


def changed_copy(pipeline: str | Path, target: Path, file: str, **changes: Any) -> str:
    """Copy a pipeline, and change values of one of its JSON files."""
    config = shutil.copytree(pipeline, target) / file
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    return str(target)


def a_quarter_of(run: Run) -> Run:
    """Make a run with epochs of a quarter of the work, to warm up with."""
    train = run.train
    optimization = train.optimization.model_copy(update={"updates_per_epoch": 1})
    groups = max(1, train.groups_per_epoch // 4)
    changes = {"groups_per_epoch": groups, "optimization": optimization}
    return run.model_copy(update={"train": train.model_copy(update=changes)})


class Trainer:
    """What is loaded once for all epochs of a run."""

    def __init__(self, run: Run) -> None:
        self.policy, self.method = loading.load_policy(run), loading.load_method(run)
        self.scorer, self.encoder = loading.load_reward(run), loading.load_encoder(run)
        self.prompts = read_prompts(Path(run.train.prompts))

    def epoch(
        self, run: Run, state: PolicyState
    ) -> tuple[PolicyState, dict[str, float], dict[str, Any]]:
        """Train for an epoch: the new state, the seconds of its parts, and its summary."""
        start = perf_counter()
        drawn, images = nodes.rollout(self.policy, state, self.method, run, self.prompts)
        rolled_out = perf_counter()
        rewards = nodes.score(run, self.scorer, images, drawn)
        selected, batch = nodes.select(run, self.method, rewards, drawn)
        candidates, advantages = nodes.shape(
            run, self.method, self.encoder, images, rewards, selected, batch
        )
        judged = perf_counter()
        _, summary, state = nodes.update(
            self.policy, state, self.method, run, {}, batch, advantages, candidates
        )
        end = perf_counter()
        seconds = {"rollout": rolled_out - start, "update": end - judged, "epoch": end - start}
        return state, seconds, summary


def main() -> None:
    """Print the seconds of each epoch, as JSON."""
    task = json.loads(sys.argv[1])
    run = read_run(task["parameters"])
    trainer = Trainer(run)
    state, *_ = trainer.epoch(a_quarter_of(run), trainer.policy.initial_state(run.seed))
    measured = []
    for _ in range(task["epochs"]):
        state, seconds, _ = trainer.epoch(run, state)
        measured.append(seconds)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
