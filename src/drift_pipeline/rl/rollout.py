"""Rollout: draw an epoch's trajectories, with everything that the update needs of them.

Every random number has a key that says what it is for: (seed, purpose, epoch, group, candidate,
step). A candidate is therefore the same whichever batch, process or resumed run it is drawn in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.drift.prompting import perturb
from drift_pipeline.parallel import side_by_side
from drift_pipeline.parameters import PromptNoise, Sampling, Store
from drift_pipeline.rl import ddim
from drift_pipeline.rl.denoising import denoise
from drift_pipeline.rl.policy import PolicyState, StableDiffusion
from drift_pipeline.rl.randomness import keyed_integers, keyed_normal
from drift_pipeline.rl.store import allocate, take


@dataclass(frozen=True)
class Trajectories:
    """n denoising trajectories of one epoch; s is the number of steps.

    Attributes:
        seed: The run's seed.
        epoch: The epoch they belong to, from 1.
        prompts: n texts.
        groups: `(n,)`, the group of each, from 0.
        candidates: `(n,)`, the place of each in its group, from 0.
        timesteps: `(s,)`, from noise to picture.
        latents: `(n, s + 1, c, h, w)`, fp32; the last is the picture's.
        log_probs: `(n, s)`, fp32, of each step under the policy that drew it.
        store: Where the latents lie.
    """

    seed: int
    epoch: int
    prompts: list[str]
    groups: Tensor
    candidates: Tensor
    timesteps: Tensor
    latents: Tensor
    log_probs: Tensor
    store: Store = "host"

    def __len__(self) -> int:
        return len(self.prompts)

    def where(self, row: int) -> str:
        """Say which trajectory a row is, for messages."""
        return (
            f"epoch {self.epoch}, group {int(self.groups[row])} ({self.prompts[row]!r}), "
            f"candidate {int(self.candidates[row])}"
        )

    def select(self, indices: Tensor) -> Trajectories:
        """Keep some of them, and the memory of no others.

        Args:
            indices: `(k,)`, in the order wanted.
        """
        return replace(
            self,
            prompts=[self.prompts[index] for index in indices.tolist()],
            groups=self.groups[indices],
            candidates=self.candidates[indices],
            latents=take(self.latents, indices, self.store),
            log_probs=self.log_probs[indices],
        )


def draw_prompts(prompts: Sequence[str], groups: int, seed: int, epoch: int) -> list[str]:
    """Draw a prompt for each group of an epoch, with replacement.

    Args:
        prompts: The training prompts.
        groups: Groups an epoch.
        seed: The run's seed.
        epoch: The epoch, from 1.
    """
    drawn = keyed_integers(len(prompts), groups, seed, "prompts", epoch)
    return [prompts[index] for index in drawn.tolist()]


def perturbed_embeddings(
    model: StableDiffusion,
    trajectories: Trajectories,
    rows: Tensor,
    steps: Tensor,
    noise: PromptNoise | None,
) -> Tensor:
    """Embeddings of the prompts as the policy sees them at some steps of some trajectories.

    The noise comes from its key, so the update makes again what the rollout has made, without
    storing it.

    Args:
        model: The model whose text encoder is used.
        trajectories: n trajectories.
        rows: `(b,)`, indices of trajectories.
        steps: `(b,)`, the step of each, from 0.
        noise: The perturbation, or `None` for the bare prompts.

    Returns:
        `(b, tokens, d)`, on the model's device.
    """
    clean = model.embed([trajectories.prompts[row] for row in rows.tolist()])
    if noise is None:
        return clean
    seed, epoch = trajectories.seed, trajectories.epoch
    keys = zip(
        trajectories.groups[rows].tolist(),
        trajectories.candidates[rows].tolist(),
        steps.tolist(),
        strict=True,
    )
    drawn = [keyed_normal(tuple(clean.shape[1:]), seed, "prompt", epoch, *key) for key in keys]
    times = trajectories.timesteps[steps] / model.scheduler.config.num_train_timesteps
    return perturb(
        clean,
        torch.stack(drawn).to(model.device),
        times.to(model.device),
        scale=noise.scale,
        tau1=noise.tau1,
        tau2=noise.tau2,
        psi=noise.psi,
    )


def rollout(
    model: StableDiffusion,
    state: PolicyState,
    prompts: Sequence[str],
    candidates: int,
    seed: int,
    epoch: int,
    sampling: Sampling,
    prompt_noise: PromptNoise | None = None,
    progress: bool = False,
    workers: int = 1,
) -> tuple[Trajectories, Tensor]:
    """Draw the candidates of every group of an epoch.

    Args:
        model: The frozen model.
        state: The policy that draws.
        prompts: One a group.
        candidates: Candidates a group.
        seed: The run's seed.
        epoch: The epoch, from 1; part of every key.
        sampling: Steps, guidance, η and batch size.
        prompt_noise: Perturbation of the prompts, or `None`.
        progress: Show a progress bar.
        workers: Batches drawn at the same time.

    Returns:
        The trajectories, group after group, and their pictures `(n, 3, h, w)`, uint8.

    Raises:
        FloatingPointError: Where the latents of a picture are not finite.
    """
    model.load_adapter(state)
    model.embed(["", *prompts])  # before the workers ask for them
    model.scheduler.set_timesteps(sampling.steps)
    ddim.check_schedule(model.scheduler, sampling.eta)
    n = len(prompts) * candidates
    groups = torch.arange(n) // candidates
    places = torch.arange(n) % candidates
    keys = list(zip(groups.tolist(), places.tolist(), strict=True))
    shape = (n, sampling.steps + 1, *model.latent_shape)
    latents = allocate(shape, sampling.store, model.device)
    for row, key in enumerate(keys):
        latents[row, 0] = keyed_normal(model.latent_shape, seed, "latents", epoch, *key)
    drawn = Trajectories(
        seed=seed,
        epoch=epoch,
        prompts=[prompts[group] for group in groups.tolist()],
        groups=groups,
        candidates=places,
        timesteps=model.scheduler.timesteps.cpu().clone(),
        latents=latents,
        log_probs=torch.empty(n, sampling.steps),
        store=sampling.store,
    )
    bar = tqdm(total=n * sampling.steps, desc=f"epoch {epoch} rollout", unit="step", leave=False,
               disable=None if progress else True)  # fmt: skip

    @torch.no_grad()
    def draw(rows: Tensor) -> Tensor:
        def embed(step: int) -> Tensor:
            return perturbed_embeddings(
                model, drawn, rows, torch.full_like(rows, step), prompt_noise
            )

        def noise(step: int) -> Tensor:
            normals = [
                keyed_normal(model.latent_shape, seed, "step", epoch, *keys[row], step)
                for row in rows.tolist()
            ]
            return torch.stack(normals)

        for index, step in enumerate(denoise(model, latents[rows, 0], sampling, embed, noise)):
            latents[rows, index + 1] = step.latents.to(latents.device)
            drawn.log_probs[rows, index] = step.log_prob.cpu()
            bar.update(len(rows))
        finite = step.latents.isfinite().flatten(1).all(dim=1).cpu()
        if not finite.all():
            raise FloatingPointError(
                f"{drawn.where(int(rows[~finite][0]))}: the latents are not finite; the policy of "
                f"epoch {epoch - 1} is kept"
            )
        return model.decode(step.latents, sampling.decode_batch_size)

    with bar, side_by_side(workers) as mapped:
        pictures = list(mapped(draw, torch.arange(n).split(sampling.batch_size)))
    return drawn, torch.cat(pictures)
