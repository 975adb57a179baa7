import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_pipeline.analysis.gains import match_checkpoint, met_checkpoint, relative_gain

# Table 1 of the paper: DreamSim, CLIP, recall, Vendi, normalized reward; and its last row in %.
TABLE_1 = {
    "PickScore": (
        {
            "DDPO": (0.3974, 0.1058, 0.2233, 39.2261, 0.5851),
            "GRPO": (0.3804, 0.1105, 0.1989, 36.8989, 0.5927),
            "GRPO-KL": (0.4153, 0.1100, 0.2945, 43.7285, 0.5503),
        },
        (0.5698, 0.1426, 0.3271, 44.8873, 0.9187),
        (43.46, 31.16, 40.68, 12.91, 59.65),
    ),
    "HPSv2": (
        {
            "DDPO": (0.4267, 0.1076, 0.3303, 41.5299, 0.5400),
            "GRPO": (0.4245, 0.1102, 0.2883, 40.7874, 0.5409),
            "GRPO-KL": (0.4342, 0.1120, 0.3496, 44.1385, 0.5961),
        },
        (0.5737, 0.1439, 0.3734, 45.9274, 0.9252),
        (33.90, 30.93, 16.47, 9.08, 65.86),
    ),
}
# The table's numbers have four digits, and so had what its last row was computed from.
ROUNDING = 0.012


@pytest.mark.parametrize("column", range(5), ids=["dreamsim", "clip", "recall", "vendi", "reward"])
@pytest.mark.parametrize("reward", TABLE_1)
def test_table_1_gives_its_own_last_row(reward, column):
    baselines, drift, expected = TABLE_1[reward]
    gains = [relative_gain(drift[column], row[column]) for row in baselines.values()]
    assert 100 * sum(gains) / len(gains) == pytest.approx(expected[column], abs=ROUNDING)


@pytest.mark.parametrize("reward", TABLE_1)
def test_table_1_from_a_curve(reward):
    """Two checkpoints just beyond the baselines, as footnote 2 picks them."""
    baselines, drift, expected = TABLE_1[reward]
    curve = pd.DataFrame(
        {
            "epoch": [0, 10, 20, 30],
            "reward": [0.3, 0.6, drift[4], 0.95],
            "diversity": [0.7, drift[0], 0.45, 0.2],
        }
    )
    diversity_gains, reward_gains = [], []
    for dreamsim, *_, final in baselines.values():
        by_reward, by_diversity = (
            match_checkpoint(curve, reward=final),
            match_checkpoint(curve, diversity=dreamsim),
        )
        assert (by_reward["epoch"], by_diversity["epoch"]) == (10, 20)
        diversity_gains.append(relative_gain(by_reward["diversity"], dreamsim))
        reward_gains.append(relative_gain(by_diversity["reward"], final))
    assert 100 * sum(diversity_gains) / 3 == pytest.approx(expected[0], abs=ROUNDING)
    assert 100 * sum(reward_gains) / 3 == pytest.approx(expected[4], abs=ROUNDING)


def test_relative_gain():
    assert relative_gain(3.0, 2.0) == 0.5
    assert relative_gain(1.0, 2.0) == -0.5
    assert relative_gain(0.0, 2.0) == -1.0


@pytest.mark.parametrize("baseline", [0.0, -1.0, math.nan])
def test_relative_gain_over_nothing_is_absent(baseline):
    assert math.isnan(relative_gain(1.0, baseline))


numbers = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(numbers, numbers), max_size=8), bound=numbers)
@pytest.mark.parametrize("column", ["reward", "diversity"])
def test_match_is_the_first_smallest_row_not_below(column, rows, bound):
    curve = pd.DataFrame(rows, columns=["reward", "diversity"], dtype=float)
    expected = None
    for position, row in enumerate(rows):
        value = row[("reward", "diversity").index(column)]
        if value >= bound and (expected is None or value < expected[0]):
            expected = (value, position)
    match = match_checkpoint(curve, **{column: bound})
    assert (match is None) == (expected is None)
    if expected is not None:
        assert match.name == expected[1]


def test_match_takes_a_checkpoint_that_equals_the_baseline():
    curve = pd.DataFrame({"reward": [0.4, 0.5, 0.6], "diversity": [0.3, 0.2, 0.1]})
    assert match_checkpoint(curve, reward=0.5)["diversity"] == 0.2


def test_match_ignores_the_index_order_and_missing_values():
    curve = pd.DataFrame(
        {"reward": [0.9, math.nan, 0.5], "diversity": [0.1, 0.2, 0.3], "epoch": [30, 20, 10]},
        index=[7, 7, 7],
    )
    assert match_checkpoint(curve, reward=0.4)["epoch"] == 10
    assert match_checkpoint(curve, diversity=0.15)["epoch"] == 20


def test_no_checkpoint_is_invented():
    curve = pd.DataFrame({"reward": [0.1, 0.2], "diversity": [0.5, 0.4]})
    assert match_checkpoint(curve, reward=0.3) is None
    assert match_checkpoint(curve, diversity=0.6) is None
    assert match_checkpoint(curve.iloc[:0], reward=0.0) is None


@pytest.mark.parametrize(
    ("limit", "epoch"),
    [
        ({"reward_up_to": 0.9}, 4),
        ({"reward_up_to": 0.7}, 2),  # the third is later, has less reward and less diversity
        ({"reward_up_to": 0.65}, 3),
        ({"reward_up_to": 0.5}, 1),
        ({"reward_up_to": 0.1}, 4),  # none lies within: the last one, which is not reached then
        ({"diversity_down_to": 0.3}, 2),
        ({"diversity_down_to": 0.2}, 3),
        ({"diversity_down_to": 0.22}, 4),
        ({"reward_up_to": math.nan}, 4),
    ],
)
def test_a_baseline_is_met_where_it_came_farthest_within_reach(limit, epoch):
    baseline = pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4],
            "reward": [0.3, 0.7, 0.6, 0.9],
            "diversity": [0.5, 0.4, 0.2, 0.25],
        },
        index=[7, 7, 7, 7],
    )
    assert met_checkpoint(baseline, **limit)["epoch"] == epoch


def test_refusals():
    curve = pd.DataFrame({"reward": [0.1], "dreamsim": [0.5]})
    with pytest.raises(ValueError, match="either reward or diversity"):
        match_checkpoint(curve)
    with pytest.raises(ValueError, match="either reward or diversity"):
        match_checkpoint(curve, reward=0.0, diversity=0.0)
    with pytest.raises(ValueError, match="curve has no column 'diversity', only"):
        match_checkpoint(curve, diversity=0.0)
    with pytest.raises(ValueError, match="the baseline's reward is NaN"):
        match_checkpoint(curve, reward=math.nan)
    for limits in ({}, {"reward_up_to": 0.7, "diversity_down_to": 0.3}):
        with pytest.raises(ValueError, match="either reward_up_to or diversity_down_to"):
            met_checkpoint(curve, **limits)
