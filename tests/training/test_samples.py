"""The chosen candidates keep what belongs to them."""

from dataclasses import replace

import torch
from tiny_policy import make_method

from drift_pipeline.config.method import MethodPreset
from drift_pipeline.methods.base import Credit
from drift_pipeline.methods.standard import Standard
from drift_pipeline.training.samples import credit_samples, select_samples


def test_rows_are_of_their_own_group(trajectories):
    rewards = torch.tensor([0.0, 5.0, 5.1, 9.0, 1.0, 1.1, 4.0, 8.0])
    method = Standard(MethodPreset(selection="concentrated", candidates=2), group_size=2)
    rows, batch = select_samples(method, rewards, trajectories, candidates=4)
    assert [set(row) for row in rows.tolist()] == [{1, 2}, {4, 5}]
    assert torch.equal(batch.latents, trajectories.latents[rows.flatten()])
    assert batch.groups.tolist() == [0, 0, 1, 1]


class Chance(Standard):
    """Selects and credits by torch's own random numbers."""

    def select(self, rewards):
        return torch.stack([torch.randperm(rewards.shape[1])[:2] for _ in rewards])

    def credit(self, rewards, embeddings):
        return Credit(torch.randn_like(rewards))


def test_a_methods_own_chance_belongs_to_the_run_and_the_epoch(trajectories, drawn):
    """Otherwise a resumed run would not end where an uninterrupted one ends."""
    method, rewards = Chance(MethodPreset()), torch.arange(8.0)

    def chosen(epoch):
        before = torch.get_rng_state()
        of_epoch = replace(trajectories, epoch=epoch)
        rows, batch = select_samples(method, rewards, of_epoch, candidates=4)
        arguments = ("eyes", lambda images: torch.eye(4), drawn[1], rewards, rows, batch)
        _, credit = credit_samples(method, *arguments)
        assert torch.equal(torch.get_rng_state(), before)
        return rows, credit.total

    first = chosen(1)
    torch.randn(7)
    assert all(torch.equal(*pair) for pair in zip(first, chosen(1), strict=True))
    assert not torch.equal(first[1], chosen(2)[1])


def test_what_is_embedded_and_credited_is_what_was_chosen(trajectories, drawn):
    rewards, rows = torch.arange(8.0), torch.tensor([[3, 1], [6, 4]])
    seen = []

    def encoder(images):
        seen.append(images)
        return torch.eye(len(images))

    embeddings, credit = credit_samples(
        make_method(), "eyes", encoder, drawn[1], rewards, rows, trajectories.select(rows.flatten())
    )
    assert torch.equal(seen[0], drawn[1][[3, 1, 6, 4]])
    assert embeddings.shape == (2, 2, 4)
    assert torch.equal(credit.total, torch.tensor([[1.0, -1.0], [1.0, -1.0]]))
