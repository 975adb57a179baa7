from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from torch.nn.functional import normalize
from torch.testing import assert_close

from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.drift.shaping import intra_group_diversity


def unit(*shape, seed=0):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


@pytest.mark.parametrize("shape", [(2, 1), (3, 5), (40, 64), (100, 7)])
def test_agrees_with_scipy(shape):
    embeddings = unit(*shape)
    expected = pdist(embeddings.double().numpy(), "sqeuclidean").mean()
    assert mean_pairwise_distance(embeddings).item() == pytest.approx(expected, rel=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.integers(-9, 9)] * 3), min_size=2, max_size=9),
)
def test_agrees_with_a_loop_over_pairs(rows):
    pairs = list(combinations(rows, 2))
    expected = sum(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) for a, b in pairs)
    out = mean_pairwise_distance(torch.tensor(rows, dtype=torch.float64))
    assert out.item() == pytest.approx(expected / len(pairs), abs=1e-9)


def test_prompts_are_measured_apart():
    embeddings = unit(2, 5, 40, 16)
    out = mean_pairwise_distance(embeddings)
    assert out.shape == (2, 5)
    for i, j in np.ndindex(2, 5):
        assert_close(out[i, j], mean_pairwise_distance(embeddings[i, j]))


def test_equation_31_over_prompts():
    embeddings = unit(4, 6, 8).double()
    total = sum(
        2 / (6 * 5) * sum((a - b).square().sum() for a, b in combinations(prompt, 2))
        for prompt in embeddings
    )
    assert_close(mean_pairwise_distance(embeddings).mean(), total / 4)


def test_is_the_mean_of_the_intra_group_diversity():
    embeddings = unit(3, 8, 12)
    assert_close(mean_pairwise_distance(embeddings), intra_group_diversity(embeddings).mean(-1))


def test_orthogonal_images_are_two_apart():
    assert mean_pairwise_distance(torch.eye(10)).item() == 2.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("n", [2, 40, 1600])
def test_identical_images_are_exactly_zero(n, dtype):
    thirds = (torch.arange(1, 34, dtype=torch.float64) / 3).to(dtype)
    assert mean_pairwise_distance(thirds.expand(n, -1)).item() == 0.0


def test_a_small_spread_far_from_the_origin_is_not_lost():
    spread = unit(40, 8, seed=1).double() * 1e-3
    far = (spread + 1000).float()
    expected = pdist(far.double().numpy(), "sqeuclidean").mean()
    assert mean_pairwise_distance(far).item() == pytest.approx(expected, rel=1e-6)


def test_half_precision_returns_float32():
    embeddings = unit(40, 16).bfloat16()
    out = mean_pairwise_distance(embeddings)
    assert out.dtype == torch.float32
    assert torch.equal(out, mean_pairwise_distance(embeddings.float()))


@pytest.mark.parametrize("shape", [(1, 8), (8,), (3, 0, 8)])
def test_refuses_fewer_than_two_images(shape):
    with pytest.raises(ValueError, match="n of 2 or more"):
        mean_pairwise_distance(torch.zeros(shape))


def test_refuses_nan():
    with pytest.raises(ValueError, match="embeddings: 2 of 4 values are NaN"):
        mean_pairwise_distance(torch.tensor([[0.0, torch.nan], [1.0, torch.inf]]))
