from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_pipeline.drift.selection import (
    SELECTIONS,
    select_all,
    select_concentrated,
    select_contrasted,
)


def by_hand(rewards, group_size, farthest):
    """Equations 32 and 33 with exact fractions, sorting pairs of (distance, index)."""
    exact = [Fraction(reward) for reward in rewards]
    sign = -1 if farthest else 1
    groups = []
    for i, reward in enumerate(exact):
        others = sorted((sign * abs(reward - exact[j]), j) for j in range(len(exact)) if j != i)
        kept = others[: group_size - 1]
        groups.append((sum((distance for distance, _ in kept), Fraction(0)), i, kept))
    _, reference, kept = min(groups, key=lambda group: group[:2])
    return [reference, *(j for _, j in kept)]


# Whole numbers tie all the time, float32 numbers hardly ever.
values = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(1, 30, width=32),
)


@settings(max_examples=80, deadline=None)
@given(rewards=st.lists(values, min_size=1, max_size=18), data=st.data())
@pytest.mark.parametrize(
    ("select", "farthest"), [(select_concentrated, False), (select_contrasted, True)]
)
def test_agrees_with_exact_sorting(select, farthest, rewards, data):
    rewards = torch.tensor(rewards)
    group_size = data.draw(st.integers(1, len(rewards)))
    expected = by_hand(rewards.tolist(), group_size, farthest)
    assert select(rewards, group_size).tolist() == expected


def test_float32_rounding_does_not_decide_near_ties():
    rewards = torch.tensor([0.4, 30.0, 10.3, 10.1])
    assert select_concentrated(rewards, 4).tolist() == by_hand(rewards.tolist(), 4, False)
    rewards = torch.tensor([0.3, 0.5, 0.4, 0.2])
    assert select_contrasted(rewards, 4).tolist() == by_hand(rewards.tolist(), 4, True)


@pytest.mark.parametrize("select", [select_concentrated, select_contrasted])
def test_equal_rewards_give_the_lowest_indices(select):
    assert select(torch.full((16,), 0.1), 8).tolist() == list(range(8))


def test_concentrated_leaves_outliers_out():
    rewards = torch.tensor([20.0, 20.1, 35.0, 20.2, 3.0, 20.3])
    assert sorted(select_concentrated(rewards, 4).tolist()) == [0, 1, 3, 5]


def test_contrasted_spreads_more_than_concentrated():
    rewards = torch.randn(16, generator=torch.Generator().manual_seed(0))
    concentrated, contrasted = (
        rewards[select(rewards, 8)].std() for select in (select_concentrated, select_contrasted)
    )
    assert contrasted > 2 * concentrated


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_takes_every_dtype(dtype):
    rewards = torch.tensor([9, 1, 2, 0, 5], dtype=dtype)
    indices = select_concentrated(rewards, 3)
    assert indices.dtype == torch.int64
    assert indices.tolist() == [1, 2, 3]


def test_all_keeps_the_order_and_refuses_a_larger_pool():
    assert select_all(torch.tensor([3.0, 1.0, 2.0]), 3).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="4 candidates do not make a group of 3"):
        select_all(torch.zeros(4), 3)


@pytest.mark.parametrize("select", SELECTIONS.values(), ids=SELECTIONS.keys())
@pytest.mark.parametrize(
    ("rewards", "group_size", "message"),
    [
        (torch.zeros(4), 0, "outside 1 to 4"),
        (torch.zeros(4), 5, "outside 1 to 4"),
        (torch.zeros(0), 0, "outside 1 to 0"),
        (torch.zeros(2, 4), 2, r"shape \(n,\)"),
        (torch.tensor([0.0, torch.nan]), 2, "1 of 2 values are NaN"),
        (torch.tensor([0.0, torch.inf]), 2, "1 of 2 values are NaN or infinite"),
    ],
)
def test_refusals(select, rewards, group_size, message):
    with pytest.raises(ValueError, match=message):
        select(rewards, group_size)


def test_table_names_the_three_selections():
    expected = {
        "all": select_all,
        "concentrated": select_concentrated,
        "contrasted": select_contrasted,
    }
    assert expected == SELECTIONS
