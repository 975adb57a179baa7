"""The samples of an epoch: which candidates are trained on, and what each is worth."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from drift_pipeline.common.asking import ask_encoder
from drift_pipeline.common.randomness import seeded
from drift_pipeline.methods.base import Credit, Method
from drift_pipeline.training.trajectories import Trajectories


def select_samples(
    method: Method, rewards: Tensor, trajectories: Trajectories, candidates: int
) -> tuple[Tensor, Trajectories]:
    """Choose the samples to train on.

    Args:
        method: Chooses.
        rewards: `(groups · c,)`, group after group.
        trajectories: As many.
        candidates: c.

    Returns:
        Their rows, `(groups, g)`, and their trajectories; the others may be let go.
    """
    grouped = rewards.view(-1, candidates)
    with seeded(trajectories.seed, "select", trajectories.epoch):
        chosen = method.select(grouped)
    rows = chosen + candidates * chosen.new_tensor(range(len(grouped))).view(-1, 1)
    return rows, trajectories.select(rows.flatten())


def credit_samples(
    method: Method,
    name: str,
    encoder: Callable[[Tensor], Tensor],
    images: Tensor,
    rewards: Tensor,
    selected: Tensor,
    batch: Trajectories,
) -> tuple[Tensor, Credit]:
    """Embed the chosen images, and have the method say what each is worth.

    Args:
        method: Says it.
        name: The encoder's, for messages.
        encoder: Maps images to rows of length one.
        images: `(groups · c, 3, h, w)`, uint8.
        rewards: `(groups · c,)`.
        selected: `(groups, g)`, rows of both.
        batch: The chosen trajectories.

    Returns:
        Embeddings `(groups, g, d)`, and the credit.

    Raises:
        JudgeError: Where the encoder fails or an embedding cannot be used.
    """
    embeddings = ask_encoder(name, encoder, images[selected.flatten()], batch.where)
    embeddings = embeddings.view(*selected.shape, -1)
    with seeded(batch.seed, "credit", batch.epoch):
        return embeddings, method.credit(rewards[selected], embeddings)
