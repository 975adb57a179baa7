"""Draws the evaluation's pictures: one depends on the model, its prompt and its seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.drift.prompting import perturb
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.images import to_png
from drift_pipeline.parallel import side_by_side
from drift_pipeline.rl import ddim
from drift_pipeline.rl.denoising import denoise
from drift_pipeline.rl.policy import PolicyState, StableDiffusion
from drift_pipeline.rl.randomness import keyed_normal


def draw_shards(
    model: StableDiffusion,
    state: PolicyState,
    run: str,
    protocol: Protocol,
    shards: Sequence[int],
    batch_size: int = 40,
    workers: int = 1,
    progress: bool = False,
) -> Iterator[pd.DataFrame]:
    """Draw the pictures of some prompts.

    Args:
        model: The frozen model.
        state: The policy that draws.
        run: The run's name, kept in the table.
        protocol: Prompts, seeds and sampling.
        shards: Which of the prompts, from 0.
        batch_size: Pictures drawn at once; memory and speed alone.
        workers: Prompts drawn at the same time.
        progress: Show a progress bar.

    Yields:
        For each prompt a table with a row a picture: run, epoch, prompt, seed, image (bytes of a
        PNG, and a path), as Hugging Face `datasets` reads pictures.

    Raises:
        FloatingPointError: Where the latents of a picture are not finite.
    """
    bar = tqdm(shards, desc=f"{run} epoch {state.epoch} pictures", unit="prompt", leave=False,
               disable=None if progress else True)  # fmt: skip

    def draw(shard: int) -> pd.DataFrame:
        prompt = protocol.prompts[shard]
        parts = torch.tensor(protocol.seeds).split(batch_size)
        images = torch.cat([draw_images(model, prompt, part.tolist(), protocol) for part in parts])
        names = [f"{shard:02d}-{seed}.png" for seed in protocol.seeds]
        pictures = [
            {"bytes": png, "path": name} for png, name in zip(to_png(images), names, strict=True)
        ]
        return pd.DataFrame(
            {
                "run": run,
                "epoch": state.epoch,
                "prompt": prompt,
                "seed": list(protocol.seeds),
                "image": pictures,
            }
        )

    with model.policy(state), bar, side_by_side(workers) as mapped:
        model.embed(["", *protocol.prompts])  # before the workers ask for them
        model.scheduler.set_timesteps(protocol.sampling.steps)
        ddim.check_schedule(model.scheduler, protocol.sampling.eta)
        for table in mapped(draw, shards):
            yield table
            bar.update(1)


@torch.no_grad()
def draw_images(
    model: StableDiffusion, prompt: str, seeds: Sequence[int], protocol: Protocol
) -> Tensor:
    """Draw pictures of one prompt.

    Args:
        model: The model, with the adapter of the policy that draws.
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

    clean = model.embed([prompt] * len(seeds))
    total = model.scheduler.config.num_train_timesteps

    def embed(step: int) -> Tensor:
        noise = protocol.prompt_noise
        if noise is None:
            return clean
        times = model.scheduler.timesteps[step].repeat(len(seeds)) / total
        drawn = normals(tuple(clean.shape[1:]), "prompt", step).to(model.device)
        return perturb(clean, drawn, times.to(model.device), scale=noise.scale, tau1=noise.tau1,
                       tau2=noise.tau2, psi=noise.psi)  # fmt: skip

    def noise(step: int) -> Tensor:
        return normals(model.latent_shape, "step", step)

    latents = normals(model.latent_shape, "latents")
    for step in denoise(model, latents, protocol.sampling, embed, noise):
        latents = step.latents
    finite = latents.isfinite().flatten(1).all(dim=1).tolist()
    if not all(finite):
        bad = seeds[finite.index(False)]
        raise FloatingPointError(f"{prompt!r}, seed {bad}: the latents are not finite")
    return model.decode(latents, protocol.sampling.decode_batch_size)
