"""A training of this project towards a goal, in one process and without files.

Not for a person: `to_goal.py` runs it with its task as JSON, and reads one row per epoch.
"""

from __future__ import annotations

import json
import sys

import goal
from own_worker import Trainer, read_run

from drift_pipeline.runs.run import Run
from drift_pipeline.training.rollout import rollout


class Training:
    """A run's policy, as far as it is trained."""

    def __init__(self, run: Run, prompts: list[str], images: int) -> None:
        self.run, self.prompts, self.images = run, prompts, images
        self.trainer = Trainer(run)
        self.state = self.trainer.policy.initial_state(run.seed)

    def epoch(self, _: int) -> None:
        """Train for the next epoch: the state counts them itself."""
        self.state = self.trainer.epoch(self.run, self.state)[0]

    def judge(self) -> float:
        """Draw images of the evaluation prompts, by noise that is the same each time, and score."""
        trainer, train = self.trainer, self.run.train
        with trainer.policy.using(self.state):
            drawn, images = rollout(
                trainer.policy,
                self.state,
                trainer.method,
                self.prompts,
                self.images,
                seed=0,
                epoch=0,  # training begins with 1, so this noise is not trained on
                sampling=train.sampling,
                workers=train.workers,
            )
        return float(trainer.scorer(images, drawn.prompts).mean())


def main() -> None:
    """Print one row per epoch, as JSON."""
    task = json.loads(sys.argv[1])
    training = Training(read_run(task["parameters"]), task["evaluated"], task["images"])
    print(json.dumps(goal.train(training.epoch, training.judge, task)))


if __name__ == "__main__":
    main()
