import pytest
import torch

from drift_pipeline.parameters import Method, Shaping
from drift_pipeline.rl.credit import assign, select

REWARDS = torch.tensor([[20.0, 21.0, 24.0], [10.0, 10.0, 10.0]])
DIVERSITY = torch.tensor([[0.2, 0.5, 1.4], [0.1, 0.2, 0.3]])


def standardised(values: torch.Tensor, dim) -> torch.Tensor:
    mean, std = values.mean(dim, keepdim=True), values.std(dim, correction=0, keepdim=True)
    return (values - mean) / (std + 1e-8)


def test_selection_is_made_group_by_group():
    rewards = torch.tensor([[0.0, 5.0, 5.1, 9.0], [1.0, 1.1, 4.0, 8.0]])
    assert [set(row) for row in select(rewards, "concentrated", 2).tolist()] == [{1, 2}, {0, 1}]
    assert [set(row) for row in select(rewards, "contrasted", 2).tolist()] == [{0, 3}, {0, 3}]
    assert select(rewards, "all", 4).tolist() == [[0, 1, 2, 3]] * 2


def test_without_shaping_the_reward_alone_counts():
    credit = assign(REWARDS, DIVERSITY, Method())
    assert torch.equal(credit.total, credit.advantage)
    torch.testing.assert_close(credit.advantage[0], standardised(REWARDS[0], 0))
    assert credit.total[1].tolist() == [0, 0, 0]
    assert credit.intrinsic.max() == 1.0  # Eq. 13: cut at σ


def test_advantages_are_merged_after_normalising():
    credit = assign(REWARDS, DIVERSITY, Method(shaping=Shaping(ratio=0.5)))
    expected = standardised(REWARDS, 1) + 0.5 * standardised(DIVERSITY.clamp(max=1), 1)
    torch.testing.assert_close(credit.total[0], expected[0])
    torch.testing.assert_close(credit.total[1], 0.5 * standardised(DIVERSITY, 1)[1])


def test_rewards_are_merged_on_one_scale_before_normalising():
    method = Method(shaping=Shaping(ratio=0.5, merge="reward"))
    credit = assign(REWARDS, DIVERSITY, method, bounds=(18.0, 26.0))
    expected = standardised((REWARDS - 18) / 8 + 0.5 * DIVERSITY.clamp(max=1), 1)
    torch.testing.assert_close(credit.total, expected)


@pytest.mark.parametrize("merge", ["advantage", "reward"])
def test_ddpo_normalises_over_the_whole_batch(merge):
    method = Method(advantage="batch", shaping=Shaping(ratio=0.5, merge=merge))
    credit = assign(REWARDS, DIVERSITY, method)
    torch.testing.assert_close(credit.advantage, standardised(REWARDS, (0, 1)))
    intrinsic = DIVERSITY.clamp(max=1)
    expected = (
        standardised(REWARDS, (0, 1)) + 0.5 * standardised(intrinsic, (0, 1))
        if merge == "advantage"
        else standardised(REWARDS + 0.5 * intrinsic, (0, 1))
    )
    torch.testing.assert_close(credit.total, expected)
