import pytest
import torch

from drift_pipeline.config.method import MethodPreset, Shaping
from drift_pipeline.drift.shaping import intra_group_diversity
from drift_pipeline.methods.standard import Standard

REWARDS = torch.tensor([[20.0, 21.0, 24.0], [10.0, 10.0, 10.0]])
DIVERSITY = torch.tensor([[0.2, 0.5, 1.4], [0.1, 0.2, 0.3]])


def standardised(values: torch.Tensor, dim) -> torch.Tensor:
    mean, std = values.mean(dim, keepdim=True), values.std(dim, correction=0, keepdim=True)
    return (values - mean) / (std + 1e-8)


def assign(rewards=REWARDS, diversity=DIVERSITY, bounds=(0.0, 1.0), **switches):
    return Standard(MethodPreset(**switches), bounds=bounds).assign(rewards, diversity)


def test_selection_is_made_group_by_group():
    rewards = torch.tensor([[0.0, 5.0, 5.1, 9.0], [1.0, 1.1, 4.0, 8.0]])

    def select(selection, group_size):
        candidates = 1 if selection == "all" else 2
        preset = MethodPreset(selection=selection, candidates=candidates)
        return Standard(preset, group_size).select(rewards).tolist()

    assert [set(row) for row in select("concentrated", 2)] == [{1, 2}, {0, 1}]
    assert [set(row) for row in select("contrasted", 2)] == [{0, 3}, {0, 3}]
    assert select("all", 4) == [[0, 1, 2, 3]] * 2


def test_without_shaping_the_reward_alone_counts():
    credit = assign()
    assert torch.equal(credit.total, credit.parts["advantage"])
    torch.testing.assert_close(credit.parts["advantage"][0], standardised(REWARDS[0], 0))
    assert credit.total[1].tolist() == [0, 0, 0]
    assert credit.parts["intrinsic"].max() == 1.0  # Eq. 13: cut at σ


def test_advantages_are_merged_after_normalising():
    credit = assign(shaping=Shaping(ratio=0.5))
    expected = standardised(REWARDS, 1) + 0.5 * standardised(DIVERSITY.clamp(max=1), 1)
    torch.testing.assert_close(credit.total[0], expected[0])
    torch.testing.assert_close(credit.total[1], 0.5 * standardised(DIVERSITY, 1)[1])


def test_rewards_are_merged_on_one_scale_before_normalising():
    shaping = Shaping(ratio=0.5, merge="reward")
    credit = assign(bounds=(18.0, 26.0), shaping=shaping)
    expected = standardised((REWARDS - 18) / 8 + 0.5 * DIVERSITY.clamp(max=1), 1)
    torch.testing.assert_close(credit.total, expected)


@pytest.mark.parametrize("merge", ["advantage", "reward"])
def test_ddpo_normalises_over_the_whole_batch(merge):
    credit = assign(advantage="batch", shaping=Shaping(ratio=0.5, merge=merge))
    torch.testing.assert_close(credit.parts["advantage"], standardised(REWARDS, (0, 1)))
    intrinsic = DIVERSITY.clamp(max=1)
    expected = (
        standardised(REWARDS, (0, 1)) + 0.5 * standardised(intrinsic, (0, 1))
        if merge == "advantage"
        else standardised(REWARDS + 0.5 * intrinsic, (0, 1))
    )
    torch.testing.assert_close(credit.total, expected)


def test_diversity_is_measured_on_the_embeddings_of_a_group():
    embeddings = torch.nn.functional.normalize(torch.randn(2, 3, 5), dim=-1)
    method = Standard(MethodPreset(shaping=Shaping(ratio=0.5)))
    credit = method.credit(REWARDS, embeddings)
    expected = method.assign(REWARDS, intra_group_diversity(embeddings))
    assert torch.equal(credit.total, expected.total)


def test_two_images_have_one_distance():
    """With two of a group the diversity changes no advantage, whichever way it is merged."""
    rewards, diversity = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.7, 0.7]])
    plain = assign(rewards, diversity).total
    for merge in ("advantage", "reward"):
        shaped = assign(rewards, diversity, shaping=Shaping(ratio=0.5, merge=merge)).total
        assert torch.equal(shaped, plain)


def test_an_epoch_in_which_nothing_differs_is_said():
    rewards, diversity = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0.7, 0.5, 0.6]])
    (line,) = assign(rewards, diversity, shaping=Shaping(ratio=0.5, sigma=0.1)).remarks
    assert "shaping.sigma (0.1)" in line
    assert assign(rewards, diversity, shaping=Shaping(ratio=0.5)).remarks == ()
    (line,) = assign(rewards * 0, diversity, shaping=Shaping(ratio=0.5)).remarks
    assert "all rewards of each group are equal" in line


def test_every_step_and_every_divergence_counts_alike():
    times, advantages = torch.tensor([0.9, 0.5, 0.1]), torch.tensor([1.0, -1.0])
    method = Standard(MethodPreset(kl_beta=0.25))
    assert method.step_weights(times).tolist() == [1, 1, 1]
    assert method.kl_weights(advantages, times).tolist() == [[0.25] * 3] * 2
    assert not method.renews_reference(7)
