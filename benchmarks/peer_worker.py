"""Epochs of TRL's `DDPOTrainer`, timed; runs under the python that has TRL, without this project.

Not for a person: `peer.py` runs it with its task as JSON, and reads the seconds of each epoch.
"""

from __future__ import annotations

import json
import random
import sys
from time import perf_counter
from typing import Any

from accelerate import PartialState
from peft import LoraConfig
from trl import DDPOConfig, DDPOTrainer, DefaultDDPOStableDiffusionPipeline


class Pipeline(DefaultDDPOStableDiffusionPipeline):
    """TRL's pipeline, whose adapter has r = 4 and α = 4 whatever one asks for, with another."""

    def __init__(self, model: str, rank: int, alpha: int) -> None:
        super().__init__(model)
        self.lora = LoraConfig(
            r=rank,
            lora_alpha=alpha,
            init_lora_weights="gaussian",
            target_modules=["to_k", "to_q", "to_v", "to_out.0"],
        )

    def get_trainable_layers(self) -> Any:
        """Add the adapter, which alone is trained: all weights are fp32 already."""
        self.sd_pipeline.unet.add_adapter(self.lora)
        return self.sd_pipeline.unet


class Trainer(DDPOTrainer):
    """TRL's trainer, with a watch in its hand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seconds = {"rollout": 0.0, "update": 0.0}

    def _generate_samples(self, *args: Any, **kwargs: Any) -> Any:
        start = perf_counter()
        drawn = super()._generate_samples(*args, **kwargs)
        self.seconds["rollout"] = perf_counter() - start
        return drawn

    def _train_batched_samples(self, *args: Any, **kwargs: Any) -> Any:
        start = perf_counter()
        step = super()._train_batched_samples(*args, **kwargs)
        self.seconds["update"] = perf_counter() - start
        return step

    def epoch(self, number: int) -> dict[str, float]:
        """Train for an epoch: the seconds of its parts."""
        start = perf_counter()
        self.step(number, 0)
        return {**self.seconds, "epoch": perf_counter() - start}


def warmth(images: Any, prompts: Any, metadata: Any) -> tuple[Any, dict[str, Any]]:
    """Reward images, in [0, 1], as `examples/warmth_reward.py` does: their mean red minus blue."""
    red, _, blue = images.float().mean(dim=(2, 3)).unbind(1)
    return red - blue, {}


def trainer(task: dict[str, Any], draw: int, train: int, reward: Any = warmth) -> Trainer:
    """Make a trainer that draws so many images at once, and trains on so many at once."""
    config = DDPOConfig(
        num_epochs=1,
        save_freq=10**9,
        mixed_precision="no",
        sample_batch_size=draw,
        sample_num_batches_per_epoch=task["samples"] // draw,
        train_batch_size=train,
        train_gradient_accumulation_steps=task["samples"] // task["updates"] // train,
        **task["config"],
    )
    chance = random.Random(config.seed)
    pipeline = Pipeline(task["model"], **task["lora"])
    made = Trainer(config, reward, lambda: (chance.choice(task["prompts"]), {}), pipeline)
    pipeline.set_progress_bar_config(disable=True)
    return made


def main() -> None:
    """Print, for each pair of batch sizes, the seconds of each epoch, as JSON."""
    task = json.loads(sys.argv[1])
    PartialState()  # the pipeline logs something, for which accelerate wants this
    found = []
    for draw, train in task["batches"]:
        made = trainer(task, draw, train)
        batches, made.config.sample_num_batches_per_epoch = task["samples"] // draw, 1
        made.epoch(0)  # of a single batch, to warm up
        made.config.sample_num_batches_per_epoch = batches
        found.append([made.epoch(number) for number in range(task["epochs"])])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
