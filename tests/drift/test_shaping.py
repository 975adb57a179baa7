import math

import pytest
import torch
from torch.nn.functional import normalize
from torch.testing import assert_close

from drift_pipeline.drift.shaping import intra_group_diversity, intrinsic_reward


def unit(*shape, seed=0):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def by_hand(group):
    """Equation 11 with Python numbers."""
    rows = group.tolist()
    return [
        sum(math.dist(a, b) ** 2 for j, b in enumerate(rows) if j != i) / (len(rows) - 1)
        for i, a in enumerate(rows)
    ]


@pytest.mark.parametrize("size", [2, 3, 8, 40])
def test_agrees_with_a_loop_over_pairs(size):
    embeddings = unit(size, 24)
    assert_close(intra_group_diversity(embeddings), torch.tensor(by_hand(embeddings)))


def test_groups_do_not_mix():
    embeddings = unit(2, 3, 8, 16)
    together = intra_group_diversity(embeddings)
    assert together.shape == (2, 3, 8)
    for i in range(2):
        for j in range(3):
            assert torch.equal(together[i, j], intra_group_diversity(embeddings[i, j]))


def test_opposite_pair_reaches_the_bound():
    assert intra_group_diversity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])).tolist() == [4.0, 4.0]


def test_equals_twice_one_minus_cosine():
    embeddings = unit(6, 12).double()
    cosine = embeddings @ embeddings.T
    expected = (2 * (1 - cosine)).fill_diagonal_(0).sum(1) / 5
    assert_close(intra_group_diversity(embeddings), expected)


def test_collapsed_group_is_exactly_zero():
    assert intra_group_diversity(unit(1, 512).expand(8, -1)).tolist() == [0.0] * 8


def test_odd_one_out_is_most_diverse():
    embeddings = unit(2, 32)[[0, 0, 1, 0]]
    assert intra_group_diversity(embeddings).argmax() == 2


def test_half_precision_returns_float32():
    embeddings = unit(4, 8).half()
    out = intra_group_diversity(embeddings)
    assert out.dtype == torch.float32
    assert torch.equal(out, intra_group_diversity(embeddings.float()))


@pytest.mark.parametrize("shape", [(1, 8), (8,)])
def test_refuses_a_group_of_one(shape):
    with pytest.raises(ValueError, match="g of 2 or more"):
        intra_group_diversity(torch.zeros(shape))


def test_refuses_nan():
    with pytest.raises(ValueError, match="embeddings: 1 of 6 values are NaN"):
        intra_group_diversity(torch.tensor([[0.0, 1.0, torch.nan], [0.0, 0.0, 1.0]]))


def test_intrinsic_reward_is_clipped_to_the_upper_bound():
    diversity = torch.tensor([0.0, 0.4, 1.0, 3.9])
    assert_close(intrinsic_reward(diversity, 1.0), torch.tensor([0.0, 0.4, 1.0, 1.0]))
    assert_close(intrinsic_reward(diversity, 0.25), torch.tensor([0.0, 0.25, 0.25, 0.25]))
    assert_close(intrinsic_reward(-diversity, 1.0), torch.zeros(4))


def test_discount_comes_before_the_clip():
    diversity = torch.tensor([0.5, 3.0])
    assert_close(intrinsic_reward(diversity, 1.0, discount=0.5), torch.tensor([0.25, 1.0]))


def test_telescoping_sum_leaves_the_final_diversity():
    """Equation 9: the shaped rewards of a trajectory add up to the potential of its last state."""
    gamma, potentials = 0.97, [0.0, 0.1, 0.35, 0.2, 0.6]  # noise first, the clean image last
    total = sum(
        gamma**t * (gamma * potentials[t + 1] - potentials[t]) for t in range(len(potentials) - 1)
    )
    discount = gamma ** (len(potentials) - 1)
    assert intrinsic_reward(torch.tensor(0.6), 1.0, discount).item() == pytest.approx(total)


def test_intrinsic_reward_refuses_a_negative_bound():
    with pytest.raises(ValueError, match="sigma must not be negative"):
        intrinsic_reward(torch.zeros(2), -1.0)
