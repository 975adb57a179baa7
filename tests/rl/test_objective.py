import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence
from torch.testing import assert_close

from drift_pipeline.rl.objective import clipped_surrogate, gaussian_kl


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_hand(log_prob, old_log_prob, advantages, clip_range):
    """The clipped objective, one sample at a time, as a loss."""
    total = 0.0
    for new, old, advantage in zip(log_prob, old_log_prob, advantages, strict=True):
        ratio = math.exp(new - old)
        clipped = min(max(ratio, 1 - clip_range), 1 + clip_range)
        total += min(ratio * advantage, clipped * advantage)
    return -total / len(log_prob)


small = st.floats(-2, 2)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(small, small, small), min_size=1, max_size=12),
    clip_range=st.floats(1e-4, 0.9),
)
def test_agrees_with_a_loop(rows, clip_range):
    columns = torch.tensor(rows, dtype=torch.float64).unbind(1)
    loss, _ = clipped_surrogate(*columns, clip_range)
    expected = by_hand(*(column.tolist() for column in columns), clip_range)
    assert loss.item() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(small, small, small), min_size=1, max_size=12))
def test_never_promises_more_than_the_unclipped_objective(rows):
    log_prob, old, advantages = torch.tensor(rows, dtype=torch.float64).unbind(1)
    loss, _ = clipped_surrogate(log_prob, old, advantages, 0.2)
    assert loss >= -((log_prob - old).exp() * advantages).mean() - 1e-12


def test_on_policy_gradient_is_reinforce():
    log_prob, advantages = normal(6).requires_grad_(), normal(6, seed=1)
    loss, _ = clipped_surrogate(log_prob, log_prob.detach(), advantages, 1e-4)
    (gradient,) = torch.autograd.grad(loss, log_prob)
    assert_close(loss, -advantages.mean())
    assert_close(gradient, -advantages / 6)


def test_gradient_stops_only_where_the_ratio_has_gone_far_enough():
    # Up and good, up and bad, down and good, down and bad: the first and the last are done.
    log_prob = torch.tensor([0.1, 0.1, -0.1, -0.1], requires_grad=True)
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss, _ = clipped_surrogate(log_prob, torch.zeros(4), advantages, 1e-4)
    (gradient,) = torch.autograd.grad(loss, log_prob)
    assert (gradient != 0).tolist() == [False, True, True, False]
    expected = [0, math.exp(0.1) / 4, -math.exp(-0.1) / 4, 0]
    assert_close(gradient, torch.tensor(expected))


def test_diagnostics_on_policy():
    log_prob = normal(8).requires_grad_()
    _, diagnostics = clipped_surrogate(log_prob, log_prob.detach(), normal(8, seed=1), 1e-4)
    assert {name: value.item() for name, value in diagnostics.items()} == {
        "ratio_mean": 1.0,
        "ratio_max_dev": 0.0,
        "clip_fraction": 0.0,
        "approx_kl": 0.0,
    }


def test_diagnostics_off_policy():
    ratios = torch.tensor([1.0, 1.00005, 0.9998, 1.0003], dtype=torch.float64)
    log_prob = ratios.log().requires_grad_()
    _, diagnostics = clipped_surrogate(log_prob, torch.zeros_like(ratios), ratios, 1e-4)
    assert diagnostics["ratio_mean"].item() == pytest.approx(ratios.mean().item())
    assert diagnostics["ratio_max_dev"].item() == pytest.approx(3e-4)
    assert diagnostics["clip_fraction"].item() == 0.5
    expected = (ratios - 1 - ratios.log()).mean().item()
    assert diagnostics["approx_kl"].item() == pytest.approx(expected, rel=1e-6)
    assert not any(value.requires_grad or value.ndim for value in diagnostics.values())


def test_diagnostics_see_a_deviation_far_below_the_clip_range_in_float32():
    log_prob = torch.tensor([1e-7])
    _, diagnostics = clipped_surrogate(log_prob, torch.zeros(1), torch.ones(1), 1e-4)
    assert diagnostics["ratio_max_dev"].item() == pytest.approx(1e-7)


def test_approx_kl_estimates_the_divergence():
    old, new = Normal(0.0, 1.0), Normal(0.3, 1.0)
    torch.manual_seed(0)
    x = old.sample((200_000,))
    _, diagnostics = clipped_surrogate(
        new.log_prob(x), old.log_prob(x), torch.ones_like(x), clip_range=0.2
    )
    assert diagnostics["approx_kl"].item() == pytest.approx(0.045, rel=0.03)


def test_half_precision_advantages_are_raised():
    log_prob, advantages = normal(4), normal(4, seed=1).bfloat16()
    loss, _ = clipped_surrogate(log_prob, log_prob, advantages, 1e-4)
    assert loss.dtype == torch.float32
    assert_close(loss, -advantages.float().mean())


@pytest.mark.parametrize("which", range(3))
def test_refuses_to_broadcast(which):
    tensors = [torch.zeros(4), torch.zeros(4), torch.zeros(4)]
    tensors[which] = torch.zeros(4, 1)
    with pytest.raises(ValueError, match="shapes differ: log_prob"):
        clipped_surrogate(*tensors, 1e-4)


def test_refuses_a_clip_range_of_zero():
    with pytest.raises(ValueError, match="clip_range must be positive"):
        clipped_surrogate(torch.zeros(2), torch.zeros(2), torch.zeros(2), 0.0)


@pytest.mark.parametrize("shape", [(3, 1, 1, 1), (3,)])
def test_gaussian_kl_is_torch_s_divided_by_the_dimensions(shape):
    mean, reference, std = normal(3, 4, 8, 8), normal(3, 4, 8, 8, seed=1), torch.rand(3) + 0.02
    wide = std.view(3, 1, 1, 1).expand_as(mean)
    policies = [Independent(Normal(centre, wide), 3) for centre in (mean, reference)]
    expected = kl_divergence(*policies) / (4 * 8 * 8)
    assert_close(gaussian_kl(mean, reference, std.view(shape)), expected)


def test_gaussian_kl_is_zero_at_the_reference_and_pulls_towards_it():
    reference = normal(2, 4, 2, 2)
    assert gaussian_kl(reference, reference, torch.ones(2)).tolist() == [0.0, 0.0]
    mean = (reference + 0.5).requires_grad_()
    std = torch.tensor([1.0, 0.5])
    (gradient,) = torch.autograd.grad(gaussian_kl(mean, reference, std).sum(), mean)
    expected = (0.5 / std.square() / 16).view(2, 1, 1, 1).expand_as(mean)
    assert_close(gradient, expected)


def test_gaussian_kl_refuses_to_broadcast():
    with pytest.raises(ValueError, match="shapes differ"):
        gaussian_kl(torch.zeros(2, 4), torch.zeros(1, 4), torch.ones(2))
