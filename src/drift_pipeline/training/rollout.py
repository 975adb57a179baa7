"""Rollout: draw an epoch's trajectories, with everything that the update needs of them.

Every random number has a key that says what it is for: (seed, purpose, epoch, group, candidate,
step). A candidate is therefore the same whichever batch, process or resumed run it is drawn in.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.common.randomness import keyed_integers, keyed_normal
from drift_pipeline.common.threads import shares, side_by_side
from drift_pipeline.config.train import Sampling
from drift_pipeline.methods.base import Method
from drift_pipeline.policies.base import Policy, PolicyState
from drift_pipeline.policies.denoising import denoise, schedule_of
from drift_pipeline.training.trajectories import Trajectories, conditions
from drift_pipeline.training.trajectory_store import allocate


def draw_prompts(prompts: Sequence[str], groups: int, seed: int, epoch: int) -> list[str]:
    """Draw a prompt for each group of an epoch, with replacement.

    Args:
        prompts: The training prompts.
        groups: Groups per epoch.
        seed: The run's seed.
        epoch: The epoch, from 1.
    """
    drawn = keyed_integers(len(prompts), groups, seed, "prompts", epoch)
    return [prompts[index] for index in drawn.tolist()]


def rollout(
    policy: Policy,
    state: PolicyState,
    method: Method,
    prompts: Sequence[str],
    candidates: int,
    seed: int,
    epoch: int,
    sampling: Sampling,
    progress: bool = False,
    workers: int = 1,
) -> tuple[Trajectories, Tensor]:
    """Draw the candidates of every group of an epoch.

    Args:
        policy: The policy.
        state: Its state, by which it draws.
        method: May perturb the prompts.
        prompts: One per group.
        candidates: Candidates per group.
        seed: The run's seed.
        epoch: The epoch, from 1; part of every key.
        sampling: Steps, guidance, η and batch size.
        progress: Show a progress bar.
        workers: Batches drawn at the same time.

    Returns:
        The trajectories, group after group, and their images `(n, 3, h, w)`, uint8.

    Raises:
        FloatingPointError: Where the latents of an image are not finite.
    """
    policy.load_adapter(state)
    policy.embed(["", *prompts])  # before the workers ask for them
    schedule = schedule_of(policy, sampling)
    n = len(prompts) * candidates
    groups = torch.arange(n) // candidates
    places = torch.arange(n) % candidates
    keys = list(zip(groups.tolist(), places.tolist(), strict=True))
    shape = (n, len(schedule) + 1, *policy.latent_shape)
    latents = allocate(shape, sampling.store, policy.device)
    for row, key in enumerate(keys):
        latents[row, 0] = keyed_normal(policy.latent_shape, seed, "latents", epoch, *key)
    drawn = Trajectories(
        seed=seed,
        epoch=epoch,
        prompts=[prompts[group] for group in groups.tolist()],
        groups=groups,
        candidates=places,
        schedule=schedule,
        latents=latents,
        log_probs=torch.empty(n, len(schedule)),
        store=sampling.store,
    )
    bar = tqdm(total=n * len(schedule), desc=f"epoch {epoch} rollout", unit="step", leave=False,
               disable=None if progress else True)  # fmt: skip

    @torch.no_grad()
    def draw(rows: Tensor) -> Tensor:
        def embed(step: int) -> Tensor:
            return conditions(policy, method, drawn, rows, torch.full_like(rows, step))

        def noise(step: int) -> Tensor:
            normals = [
                keyed_normal(policy.latent_shape, seed, "step", epoch, *keys[row], step)
                for row in rows.tolist()
            ]
            return torch.stack(normals)

        path = []
        for step in denoise(policy, schedule, latents[rows, 0], sampling, embed, noise):
            path.append(step)
            bar.update(len(rows))
        # Read back once for all steps: in between, a GPU would wait for the CPU.
        latents[rows, 1:] = torch.stack([step.latents for step in path], dim=1).to(latents.device)
        log_probs = [step.log_prob.to(policy.device) for step in path]
        drawn.log_probs[rows] = torch.stack(log_probs, dim=1).cpu()
        finite = step.latents.isfinite().flatten(1).all(dim=1).cpu()
        if not finite.all():
            raise FloatingPointError(
                f"{drawn.where(int(rows[~finite][0]))}: the latents are not finite; the policy of "
                f"epoch {epoch - 1} is kept"
            )
        return policy.decode(step.latents, sampling.decode_batch_size)

    with bar, side_by_side(workers) as mapped:
        images = list(mapped(draw, shares(torch.arange(n), sampling.batch_size, workers)))
    return drawn, torch.cat(images)
