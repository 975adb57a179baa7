"""Our rollout against `diffusers.StableDiffusionPipeline`, on the same batch.

    python benchmarks/against_diffusers.py --repeat 3 --out diffusers.parquet

Both draw the images of an epoch of GRPO with the bestiary: the same prompts, steps, guidance and η.
Ours also keeps every latent and its log-probability, and draws each image's noise from a key of its
own. The adapter that training needs costs time even where it does nothing, so the pipeline is
measured without it and with the same one.

The programs take turns, each run a process of its own, which warms up with a quarter of the images.
The table has medians: seconds, images per second, and the peak of resident memory. Nothing else may
run beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

from alternating import Row, alternate, finish, medians, report
from own_worker import a_quarter_of, read_run

from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.runs.run import Run

# The process that starts the others imports nothing heavy, so torch is imported where it is used.


def with_ours(run: Run) -> Callable[[Run], Any]:
    """Load what draws as training does."""
    from drift_pipeline.pipelines.train import nodes
    from drift_pipeline.runs import loading

    policy, method = loading.load_policy(run), loading.load_method(run)
    prompts, state = read_prompts(Path(run.train.prompts)), policy.initial_state(run.seed)
    return lambda run: nodes.rollout(policy, state, method, run, prompts)


def with_diffusers(run: Run, adapter: bool) -> Callable[[Run], Any]:
    """Load what draws as a user of diffusers does."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from peft import LoraConfig

    from drift_pipeline.policies.stable_diffusion import ATTENTION_LAYERS
    from drift_pipeline.training.rollout import draw_prompts

    train, sampling = run.train, run.train.sampling
    pipe = StableDiffusionPipeline.from_pretrained(
        train.base_model, dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    if adapter:
        layers, lora = list(ATTENTION_LAYERS), train.lora
        pipe.unet.add_adapter(LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=layers))
    pipe.set_progress_bar_config(disable=True)
    prompts = read_prompts(Path(train.prompts))

    def draw(run: Run) -> None:
        groups = draw_prompts(prompts, run.train.groups_per_epoch, run.seed, epoch=1)
        texts = [text for text in groups for _ in range(run.candidates)]
        for first in range(0, len(texts), sampling.batch_size):
            pipe(
                texts[first : first + sampling.batch_size],
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                eta=sampling.eta,
                output_type="pt",
            )

    return draw


PROGRAMS: dict[str, Callable[[Run], Callable[[Run], Any]]] = {
    "our rollout": with_ours,
    "diffusers": partial(with_diffusers, adapter=False),
    "diffusers with the adapter": partial(with_diffusers, adapter=True),
}


def measure(task: dict[str, Any]) -> float:
    """Seconds that one of the programs takes, in this process."""
    run = read_run(task["parameters"])
    draw = PROGRAMS[task["program"]](run)
    draw(a_quarter_of(run))
    start = perf_counter()
    draw(run)
    return perf_counter() - start


def in_a_process(task: dict[str, Any]) -> list[Row]:
    """Measure one of the programs in a process of its own."""
    done = finish([sys.executable, Path(__file__), "--task", json.dumps(task)])
    return [{"seconds": done.said, "MiB": done.mib}]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument(
        "--groups", type=int, default=16, help="of 8 images; fewer for a quick look"
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    parser.add_argument("--task", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps(measure(args.task)))
        return

    programs = {}
    for size, program in product(args.batch_sizes, PROGRAMS):
        train = {"groups_per_epoch": args.groups, "sampling": {"batch_size": size}}
        parameters = {"method": "grpo", "train": train}
        task = {"program": program, "parameters": parameters}
        programs[f"{program}, batches of {size}"] = partial(in_a_process, task)
    run = read_run(parameters)
    table = medians(alternate(programs, args.repeat), "seconds")
    table.insert(1, "images", args.groups * run.candidates)
    table.insert(list(table).index("MiB"), "images/s", table["images"] / table["seconds"])
    report(table, args.out)


if __name__ == "__main__":
    main()
