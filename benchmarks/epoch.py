"""What makes an epoch on the bestiary fast: each choice against the default, in one run.

    python benchmarks/epoch.py

Prints seconds of rollout (256 candidates), score and update (128 trained) for the default and, for
each variant, the ratio of its time to the default's, measured in turn in the same run (the median
of `--repeat` rounds). A ratio over 1 means that the variant is slower.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from own_worker import read_run

from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.config.train import Optimization, Sampling
from drift_pipeline.encoders.dreamsim import DreamSim
from drift_pipeline.methods.standard import Standard
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.scorers.pickscore import PickScore
from drift_pipeline.training.rollout import draw_prompts, rollout
from drift_pipeline.training.update import update


def with_unet(folder: str, target: Path, **changes: Any) -> str:
    """Make a copy of the pipeline whose UNet has another size and random weights."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    pipe.unet = UNet2DConditionModel.from_config({**pipe.unet.config, **changes})
    pipe.save_pretrained(target)
    return str(target)


def epoch(
    model: StableDiffusion,
    sampling: Sampling,
    optimization: Optimization,
    groups: int,
    candidates: int,
    prompts: list[str],
    method: Standard,
    workers: int,
) -> tuple[float, float]:
    """Seconds of a rollout and of an update, the first half of each group trained."""
    state = model.initial_state(seed=0)
    start = perf_counter()
    drawn, _ = rollout(model, state, method, draw_prompts(prompts, groups, 0, 1), candidates, 0, 1,
                       sampling, workers=workers)  # fmt: skip
    middle = perf_counter()
    chosen = torch.arange(len(drawn)).view(groups, -1)[:, : candidates // 2].flatten()
    advantages = torch.randn(len(chosen), generator=torch.Generator().manual_seed(0))
    update(model, state, method, drawn.select(chosen), advantages, sampling, optimization,
           workers=workers)  # fmt: skip
    return middle - start, perf_counter() - middle


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--groups", type=int, default=16, help="fewer for a quick look")
    args = parser.parse_args()
    run = read_run({})
    train, sampling, optimization = run.train, run.train.sampling, run.train.optimization
    prompts = read_prompts(Path(train.prompts))
    method = Standard(MethodPreset(prompt_noise=True), prompt_noise=train.prompt_noise)
    base, threads = train.base_model, torch.get_num_threads()

    def batches(size: int) -> dict[str, Any]:
        return {
            "sampling": sampling.model_copy(update={"batch_size": size}),
            "optimization": optimization.model_copy(update={"micro_batch_size": size}),
        }

    with tempfile.TemporaryDirectory() as folder:
        wide = with_unet(base, Path(folder) / "wide", block_out_channels=(64, 128))
        both = with_unet(
            base,
            Path(folder) / "both",
            down_block_types=("CrossAttnDownBlock2D",) * 2,
            up_block_types=("CrossAttnUpBlock2D",) * 2,
        )
        variants: dict[str, dict[str, Any]] = {
            "default": {},
            "channels-last": {"model": {"channels_last": True}},
            "bf16 weights and autocast": {"model": {"precision": "bf16"}},
            "batches of 32": batches(32),
            "batches of 64": batches(64),
            "batches of 256": batches(256),
            "one worker": {"workers": 1},
            "one worker, one thread": {"workers": 1, "threads": 1},
            "UNet of 64 and 128 channels": {"source": wide},
            "attention at 8 × 8 too": {"source": both},
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
        for _ in range(args.repeat + 1):  # the first round warms up
            for name, variant in variants.items():
                torch.set_num_threads(variant.get("threads", threads))
                source = variant.get("source", base)
                settings = {"channels_last": train.channels_last, **variant.get("model", {})}
                model = StableDiffusion(source, device="cpu", **settings)
                times[name].append(
                    epoch(
                        model,
                        variant.get("sampling", sampling),
                        variant.get("optimization", optimization),
                        args.groups,
                        2 * train.group_size,
                        prompts,
                        method,
                        variant.get("workers", train.workers),
                    )
                )
        torch.set_num_threads(threads)

    medians = {
        name: [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
        for name, rounds in times.items()
    }
    reference = medians["default"]
    images = torch.randint(0, 256, (16 * args.groups, 3, 64, 64), dtype=torch.uint8)
    scorer = PickScore(**run.reward.options)
    encoder = DreamSim(**run.encoder.options)
    start = perf_counter()
    scorer(images, ["a photo of a cat"] * len(images))
    encoder(images[: len(images) // 2])
    score = perf_counter() - start
    print(f"threads {threads}, {args.groups} groups of {2 * train.group_size} candidates")
    print(f"default: rollout {reference[0]:.2f} s, score and shape {score:.2f} s, "
          f"update {reference[1]:.2f} s, together {sum(reference) + score:.2f} s")  # fmt: skip
    print("| variant | rollout | update | both |\n|---|---|---|---|")
    for name, (drawing, training) in medians.items():
        ratios = (
            drawing / reference[0],
            training / reference[1],
            (drawing + training) / sum(reference),
        )
        print(f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
