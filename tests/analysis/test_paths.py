"""Runs read all along their way, by closed forms and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_pipeline.analysis.paths import area_gain, hypervolume, on_the_way, reward_kept_at

REWARD = [0.2, 0.4, 0.3, 0.8]
KEPT = [1.0, 0.8, 0.7, 0.2]


@pytest.mark.parametrize(
    ("target", "expected"),
    [(0.1, 1.0), (0.2, 1.0), (0.3, 0.9), (0.4, 0.8), (0.55, 0.45), (0.8, 0.2), (0.81, math.nan)],
)
def test_a_reward_counts_where_it_is_first_reached(target, expected):
    assert on_the_way(REWARD, KEPT, target) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (1.1, math.nan), (1.0, 0.2), (0.9, 0.3), (0.8, 0.4),
        (0.75, 0.4), (0.7, 0.4), (0.45, 0.55), (0.1, 0.8),
    ],
)  # fmt: skip
def test_a_diversity_counts_wherever_it_was_kept(least, expected):
    """At 0.75 and 0.7 the reward has fallen again: the 0.4 before was had with more."""
    assert reward_kept_at(REWARD, KEPT, least) == pytest.approx(expected, nan_ok=True)


points = st.lists(
    st.tuples(st.floats(0, 1, width=16), st.floats(0, 1, width=16)), min_size=2, max_size=7
)


@settings(max_examples=60, deadline=None)
@given(points, st.floats(0.01, 0.99))
def test_on_the_way_is_the_first_crossing_of_a_fine_walk(path, target):
    reward, value = np.array(path).T
    steps = np.concatenate([np.linspace(i, i + 1, 4001)[:-1] for i in range(len(path) - 1)])
    steps = np.append(steps, len(path) - 1)
    walk = np.interp(steps, np.arange(len(path)), reward)
    reached = np.flatnonzero(walk >= target)
    found = on_the_way(reward, value, target)
    if not len(reached):
        assert math.isnan(found)
        return
    near = np.interp(steps[max(reached[0] - 1, 0) : reached[0] + 1], np.arange(len(path)), value)
    assert near.min() - 1e-3 <= found <= near.max() + 1e-3


@settings(max_examples=60, deadline=None)
@given(points)
def test_the_hypervolume_is_the_share_of_a_grid_that_is_dominated(path):
    reward, diversity = np.array(path).T
    grid = (np.arange(200) + 0.5) / 200
    dominated = np.zeros((200, 200), dtype=bool)
    for r, d in path:
        dominated |= (grid[:, None] <= r) & (grid[None] <= d)
    assert hypervolume(reward, diversity, (0.0, 0.0)) == pytest.approx(dominated.mean(), abs=0.03)


def test_what_does_not_exceed_the_reference_counts_nothing():
    assert hypervolume([0.1, 0.9], [0.9, 0.1], (0.5, 0.5)) == 0
    assert hypervolume([0.6, 0.9], [0.9, 0.1], (0.5, 0.5)) == pytest.approx(0.04)


def test_the_area_is_that_between_straight_lines():
    """Ours falls from 1 to 0.5, theirs from 1 to 0, over rewards from 0 to 1."""
    ours, theirs = ([0.0, 1.0], [1.0, 0.5]), ([0.0, 1.0], [1.0, 0.0])
    assert area_gain(ours, theirs, 0.0) == pytest.approx(0.75 / 0.5 - 1, rel=1e-4)
    half = ([0.0, 0.5], [1.0, 0.75])  # only as far as both go
    assert area_gain(half, theirs, 0.0) == pytest.approx(0.4375 / 0.375 - 1, rel=1e-4)
    assert area_gain(theirs, theirs, 0.0) == 0
    assert math.isnan(area_gain(([0.0, -0.1], [1.0, 1.0]), theirs, 0.0))
