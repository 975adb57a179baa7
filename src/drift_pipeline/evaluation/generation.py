"""Draws the evaluation's images: one depends on the model, its prompt and its seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.common.images import to_png
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.common.threads import side_by_side
from drift_pipeline.drift.prompting import perturb
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.policies.base import Policy, PolicyState, Schedule
from drift_pipeline.policies.blending import Blended
from drift_pipeline.policies.denoising import denoise, schedule_of


def draw_shards(
    policy: Policy,
    state: PolicyState,
    run: str,
    protocol: Protocol,
    shards: Sequence[int],
    batch_size: int = 40,
    workers: int = 1,
    progress: bool = False,
) -> Iterator[pd.DataFrame]:
    """Draw the images of some prompts.

    Args:
        policy: The policy.
        state: Its state, by which it draws.
        run: The run's name, kept in the table.
        protocol: Prompts, seeds and sampling.
        shards: Which of the prompts, from 0.
        batch_size: Images drawn at once; memory and speed alone.
        workers: Prompts drawn at the same time.
        progress: Show a progress bar.

    Yields:
        For each prompt a table with one row per image: run, epoch, prompt, seed, image (bytes of a
        PNG, and a path), as Hugging Face `datasets` reads images.

    Raises:
        FloatingPointError: Where the latents of an image are not finite.
    """
    bar = tqdm(shards, desc=f"{run} epoch {state.epoch} images", unit="prompt", leave=False,
               disable=None if progress else True)  # fmt: skip

    def draw(shard: int) -> pd.DataFrame:
        prompt = protocol.prompts[shard]
        parts = torch.tensor(protocol.seeds).split(batch_size)
        images = torch.cat(
            [draw_images(painter, schedule, prompt, part.tolist(), protocol) for part in parts]
        )
        names = [f"{shard:02d}-{seed}.png" for seed in protocol.seeds]
        files = [
            {"bytes": png, "path": name} for png, name in zip(to_png(images), names, strict=True)
        ]
        return pd.DataFrame(
            {
                "run": run,
                "epoch": state.epoch,
                "prompt": prompt,
                "seed": list(protocol.seeds),
                "image": files,
            }
        )

    if protocol.blend is not None:
        workers = 1  # a blend switches the adapter off and on, for all threads
    with policy.using(state), bar, side_by_side(workers) as mapped:
        policy.embed(["", *protocol.prompts])  # before the workers ask for them
        schedule = schedule_of(policy, protocol.sampling)
        painter = policy
        if protocol.blend is not None:
            painter = cast(Policy, Blended(policy, protocol.blend, schedule))
        for table in mapped(draw, shards):
            yield table
            bar.update(1)


@torch.no_grad()
def draw_images(
    policy: Policy, schedule: Schedule, prompt: str, seeds: Sequence[int], protocol: Protocol
) -> Tensor:
    """Draw images of one prompt.

    Args:
        policy: The policy, with the adapter that draws in it.
        schedule: Its steps, as it has just given them.
        prompt: The text.
        seeds: n seeds.
        protocol: The sampling; its prompts and seeds are not read.

    Returns:
        `(n, 3, h, w)`, uint8.
    """

    def normals(shape: Sequence[int], *purpose: str | int) -> Tensor:
        # The prompt is part of the key, or all prompts would share their noise.
        drawn = [keyed_normal(shape, seed, "evaluation", prompt, *purpose) for seed in seeds]
        return torch.stack(drawn)

    clean = policy.embed([prompt] * len(seeds))

    def embed(step: int) -> Tensor:
        noise = protocol.prompt_noise
        if noise is None:
            return clean
        times = schedule.fractions[step].repeat(len(seeds))
        drawn = normals(tuple(clean.shape[1:]), "prompt", step).to(policy.device)
        return perturb(clean, drawn, times.to(policy.device), **noise.model_dump())

    def noise(step: int) -> Tensor:
        return normals(policy.latent_shape, "step", step)

    latents = normals(policy.latent_shape, "latents")
    for step in denoise(policy, schedule, latents, protocol.sampling, embed, noise):
        latents = step.latents
    finite = latents.isfinite().flatten(1).all(dim=1).tolist()
    if not all(finite):
        bad = seeds[finite.index(False)]
        raise FloatingPointError(f"{prompt!r}, seed {bad}: the latents are not finite")
    return policy.decode(latents, protocol.sampling.decode_batch_size)
