import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_pipeline.analysis.pareto import pareto_front


def by_sweep(rewards, diversities):
    """From the highest reward down: a point stays if it beats every diversity met so far."""
    order = sorted(range(len(rewards)), key=lambda i: (-rewards[i], -diversities[i]))
    mask, best, owner = [False] * len(rewards), float("-inf"), None
    for i in order:
        if diversities[i] > best or (rewards[i], diversities[i]) == owner:
            mask[i], best, owner = True, diversities[i], (rewards[i], diversities[i])
    return mask


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20)


@settings(max_examples=100, deadline=None)
@given(points=points)
def test_agrees_with_a_sweep(points):
    rewards, diversities = ([float(point[i]) for point in points] for i in (0, 1))
    assert pareto_front(rewards, diversities).tolist() == by_sweep(rewards, diversities)


def test_a_trade_off_is_all_front():
    reward = torch.linspace(0, 1, 9)
    assert pareto_front(reward, 1 - reward).all()


def test_one_point_can_dominate_all():
    mask = pareto_front(torch.tensor([0.1, 0.9, 0.9, 0.5]), torch.tensor([0.5, 0.9, 0.8, 0.9]))
    assert mask.tolist() == [False, True, False, False]


def test_equal_points_are_both_kept():
    assert pareto_front([0.5, 0.5, 0.4], [0.5, 0.5, 0.5]).tolist() == [True, True, False]


@pytest.mark.parametrize("wrap", [torch.tensor, np.array, pd.Series, list])
def test_tensors_arrays_and_columns_are_taken(wrap):
    mask = pareto_front(wrap([0.2, 0.5, 0.4]), wrap([0.7, 0.6, 0.5]))
    assert mask.dtype == torch.bool
    assert mask.tolist() == [True, True, False]


def test_refusals():
    with pytest.raises(ValueError, match="shapes differ"):
        pareto_front([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match=r"reward must have shape \(n,\)"):
        pareto_front([[0.1]], [[0.1]])
    with pytest.raises(ValueError, match="diversity: 1 of 2 values are NaN"):
        pareto_front([0.1, 0.2], [0.1, float("nan")])
