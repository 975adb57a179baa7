"""A training of TRL's `DDPOTrainer` towards a goal; runs under the python that has TRL.

Not for a person: `to_goal.py` runs it with its task as JSON, and reads one row per epoch.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import goal
import torch
from accelerate import PartialState
from peer_pickscore import PickScore
from peer_worker import Trainer, trainer

EVALUATION_SEED = 0


class Training:
    """TRL's trainer, rewarded and judged by PickScore."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.score = PickScore(task["pickscore"])
        self.prompts = [prompt for prompt in task["evaluated"] for _ in range(task["images"])]
        self.drawn, trained = task["batches"]
        self.trainer: Trainer = trainer(task, self.drawn, trained, self.reward)

    def reward(self, images: Any, prompts: Any, metadata: Any) -> tuple[Any, dict[str, Any]]:
        """Reward a batch of images, in [0, 1], as TRL asks for it."""
        return self.score(images, prompts), {}

    def epoch(self, number: int) -> None:
        """Train for an epoch."""
        self.trainer.step(number, 0)

    @torch.no_grad()
    def judge(self) -> float:
        """Draw images of the evaluation prompts, by noise that is the same each time, and score."""
        pipeline, config = self.trainer.sd_pipeline, self.trainer.config
        pipeline.unet.eval()
        scores = []
        with torch.random.fork_rng():  # training goes on with its own random numbers
            torch.manual_seed(EVALUATION_SEED)
            for start in range(0, len(self.prompts), self.drawn):
                prompts = self.prompts[start : start + self.drawn]
                images = pipeline(
                    prompts,
                    num_inference_steps=config.sample_num_steps,
                    guidance_scale=config.sample_guidance_scale,
                    eta=config.sample_eta,
                    output_type="pt",
                ).images
                scores.append(self.score(images, prompts))
        return torch.cat(scores).mean().item()


def main() -> None:
    """Print one row per epoch, as JSON."""
    task = json.loads(sys.argv[1])
    PartialState()  # the pipeline logs something, for which accelerate wants this
    training = Training(task)
    print(json.dumps(goal.train(training.epoch, training.judge, task)))


if __name__ == "__main__":
    main()
