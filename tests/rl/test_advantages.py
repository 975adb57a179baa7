import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import zscore
from torch.testing import assert_close

from drift_pipeline.rl.advantages import batch_advantages, group_advantages, merge


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_group_advantages_are_population_z_scores():
    rewards = 20 + 3 * normal(16, 8)
    expected = torch.from_numpy(zscore(rewards.double().numpy(), axis=1, ddof=0)).float()
    assert_close(group_advantages(rewards), expected)


def test_batch_advantages_are_population_z_scores_of_everything():
    rewards = 20 + normal(16, 8) + torch.arange(16.0)[:, None]
    expected = torch.from_numpy(zscore(rewards.double().numpy(), axis=None, ddof=0)).float()
    assert_close(batch_advantages(rewards), expected)
    assert_close(batch_advantages(rewards.flatten()), expected.flatten())


def test_batch_advantages_keep_what_groups_remove():
    rewards = torch.tensor([[1.0, 2.0], [11.0, 12.0]])
    assert_close(group_advantages(rewards), torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]))
    assert (batch_advantages(rewards)[1] > 0).all()
    assert (batch_advantages(rewards)[0] < 0).all()


@settings(max_examples=150, deadline=None)
@given(
    value=st.floats(-1e6, 1e6),
    size=st.integers(1, 16),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
)
def test_equal_rewards_give_exactly_zero(value, size, dtype):
    rewards = torch.full((3, size), value).clamp(-6e4, 6e4).to(dtype)
    assert (group_advantages(rewards) == 0).all()
    assert (batch_advantages(rewards) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tenth_eight_times_is_exactly_zero_beside_another_group(dtype):
    rewards = torch.tensor([[0.1] * 8, [0.1] * 7 + [0.3]], dtype=dtype)
    advantages = group_advantages(rewards)
    assert advantages[0].tolist() == [0.0] * 8
    assert advantages[1, -1].item() == pytest.approx(7**0.5)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(st.integers(-50, 50), min_size=4, max_size=4), min_size=1))
def test_groups_are_centred_scaled_and_keep_their_order(rows):
    rewards = torch.tensor(rows, dtype=torch.float32)
    advantages = group_advantages(rewards)
    assert_close(advantages.sum(1), torch.zeros(len(rows)), atol=1e-5, rtol=0)
    spread = (rewards != rewards[:, :1]).any(1)
    assert_close(advantages.std(1, correction=0), spread.float(), atol=1e-5, rtol=0)
    assert torch.equal(advantages.argsort(dim=1, stable=True), rewards.argsort(dim=1, stable=True))


def test_advantages_do_not_see_scale_and_offset():
    rewards = normal(4, 8, seed=1)
    assert_close(
        group_advantages(0.01 * rewards + 0.25), group_advantages(rewards), rtol=1e-4, atol=1e-5
    )


def test_eps_damps_a_tiny_spread():
    rewards = torch.tensor([[0.0, 2e-3]], dtype=torch.float64)
    assert_close(
        group_advantages(rewards, eps=1e-3), torch.tensor([[-0.5, 0.5]], dtype=torch.float64)
    )


@pytest.mark.parametrize("advantages", [group_advantages, batch_advantages])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_refuses_a_broken_reward(advantages, bad):
    with pytest.raises(ValueError, match="rewards: 1 of 4 values are NaN or infinite"):
        advantages(torch.tensor([[0.0, 1.0], [2.0, bad]]))


def test_refuses_no_groups_and_no_rewards():
    with pytest.raises(ValueError, match=r"shape \(groups, g\)"):
        group_advantages(torch.zeros(8))
    with pytest.raises(ValueError, match="rewards are empty"):
        group_advantages(torch.zeros(2, 0))
    with pytest.raises(ValueError, match="rewards are empty"):
        batch_advantages(torch.zeros(0))


def test_merge_weighs_the_intrinsic_advantage():
    a, b = normal(3, 4), normal(3, 4, seed=1)
    assert_close(merge(a, b, 0.5), torch.tensor((a.numpy() + 0.5 * b.numpy()).tolist()))
    assert torch.equal(merge(a, b, 0.0), a)


def test_merge_refuses_to_broadcast():
    with pytest.raises(ValueError, match="shapes differ"):
        merge(torch.zeros(4, 8), torch.zeros(4, 1), 0.5)
