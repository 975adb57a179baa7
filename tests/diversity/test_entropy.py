import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from drift_pipeline.diversity.entropy import kind_bits


@settings(max_examples=80, deadline=None)
@given(rows=st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.integers(-3, 9), min_size=n, max_size=n), min_size=1, max_size=5)
))  # fmt: skip
def test_agrees_with_scipy(rows):
    expected = [entropy(np.unique(row, return_counts=True)[1], base=2) for row in rows]
    out = kind_bits(torch.tensor(rows))
    assert out.shape == (len(rows),) and out.dtype == torch.float64
    assert out.tolist() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(row=st.lists(st.integers(0, 5), min_size=1, max_size=20), random=st.randoms())
def test_neither_order_nor_names_of_kinds_matter(row, random):
    shuffled, names = row.copy(), [*range(50, 56)]
    random.shuffle(shuffled)
    random.shuffle(names)
    both = kind_bits(torch.tensor([row, [names[kind] for kind in shuffled]]))
    assert both[0].item() == pytest.approx(both[1].item(), abs=1e-12)


def test_one_kind_has_none():
    assert kind_bits(torch.full((3, 40), 7)).tolist() == [0, 0, 0]
    assert kind_bits(torch.tensor([[5]])).tolist() == [0]


@pytest.mark.parametrize("k", [2, 3, 8, 12])
def test_kinds_equally_often_have_log_k(k):
    kinds = torch.arange(k).repeat(5).expand(2, -1)
    assert kind_bits(kinds).tolist() == pytest.approx([math.log2(k)] * 2)


def test_independent_attributes_add_up():
    one, other = (torch.arange(24) // 12)[None], (torch.arange(24) % 12 // 4)[None]
    together = kind_bits(10 * one + other)
    assert together.item() == pytest.approx((kind_bits(one) + kind_bits(other)).item())


def test_the_bias_is_what_the_docstring_says():
    n, k = 40, 4
    drawn = torch.randint(k, (20_000, n), generator=torch.Generator().manual_seed(0))
    bias = math.log2(k) - kind_bits(drawn).mean().item()
    assert bias == pytest.approx((k - 1) / (2 * n * math.log(2)), rel=0.05)
    assert round(bias, 2) == 0.05


@pytest.mark.parametrize(
    "kinds", [torch.zeros(3), torch.zeros(2, 0), torch.zeros(2, 3, 1), torch.tensor([[0.5, 1.0]]),
              torch.tensor([[math.nan, 1.0]]), torch.tensor([[math.inf, 1.0]])],
)  # fmt: skip
def test_what_are_no_kinds_is_refused(kinds):
    with pytest.raises(ValueError, match="kinds must"):
        kind_bits(kinds)
