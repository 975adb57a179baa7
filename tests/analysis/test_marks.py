"""Gains all along a baseline's way, where runs are straight lines whose gains are known."""

import math

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import REWARD
from drift_pipeline.analysis.marks import AREA, MARKS, compute_all_marks, compute_marks, sum_up

START, OURS, THEIRS = 0.25, 0.9, 0.88
"""Reward of the base model, and the highest of DRIFT and of GRPO."""


def marks_of(metrics, analyze, name="main"):
    checkpoints = make_checkpoints(metrics, analyze)
    return compute_marks(checkpoints, name, analyze.comparisons[name], analyze, "pickscore")


@pytest.fixture
def marks(analyze):
    return marks_of(synthetic.world(seeds=(42, 43, 44)), analyze)


def kept(share, end, at):
    """DreamSim diversity of a straight run that keeps a share at its end."""
    return 0.75 * (1 - (at - START) / (end - START) * (1 - share))


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("seed", [42, 44])
def test_a_diversity_gain_is_read_where_both_first_have_the_reward(marks, mark, seed):
    row = of(marks, "grpo", seed, "DG", "dreamsim", mark)
    at = START + mark * (THEIRS - START)
    shift = 0.01 * (seed - 42)
    ours, theirs = kept(0.62 - shift, OURS, at), kept(0.38 - shift, THEIRS, at)
    assert row["at"] == pytest.approx(at)
    assert (row["ours_value"], row["baseline_value"]) == pytest.approx((ours, theirs))
    assert row["gain"] == pytest.approx(ours / theirs - 1)


def of(marks, baseline, seed, kind, measure, mark):
    keys = {"baseline": baseline, "seed": seed, "kind": kind, "measure": measure, "mark": mark}
    rows = marks
    for column, value in keys.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_reward_gain_is_read_at_the_diversity_that_the_baseline_has_there(marks):
    row = of(marks, "grpo", 42, "RG", REWARD, 0.5)
    theirs = kept(0.38, THEIRS, row["at"])
    ours = START + (1 - theirs / 0.75) / (1 - 0.62) * (OURS - START)
    assert (row["ours_value"], row["baseline_value"]) == pytest.approx((ours, row["at"]))
    assert row["gain"] == pytest.approx(ours / row["at"] - 1)
    # At the end GRPO keeps 38 %, and DRIFT has never had so little.
    end = of(marks, "grpo", 42, "RG", REWARD, 1.0)
    assert math.isnan(end["gain"]) and end["why"] == "ours does not get there"


def test_a_run_gains_nothing_over_itself_whatever_its_way(analyze):
    """Rewards and diversities that go up and down."""
    way = {10: (0.4, 0.4), 20: (0.6, 0.35), 30: (0.5, 0.6)}
    points = {epoch: (d, d / 3, d, 79 * d, reward) for epoch, (d, reward) in way.items()}
    rows = synthetic.base()
    for method in ("drift", "grpo"):
        rows += synthetic.path(method, "pickscore", 42, points)
    marks = marks_of(pd.DataFrame(rows), analyze)
    both = marks[marks["baseline"] == "grpo"]
    assert both["gain"].tolist() == pytest.approx([0] * len(both))


def test_the_area_is_that_of_all_rewards_that_both_reach(marks):
    row = of(marks, "grpo", 42, "area", "dreamsim", AREA)
    middle = (START + THEIRS) / 2  # straight lines: the mean is that of the middle
    expected = kept(0.62, OURS, middle) / kept(0.38, THEIRS, middle) - 1
    assert row["gain"] == pytest.approx(expected, rel=1e-3)


def test_where_ours_does_not_get_there_is_no_gain(analyze):
    metrics = synthetic.world()
    drift = (metrics["run"] == "drift-pickscore-s42") & (metrics["epoch"] > 20)
    marks = marks_of(metrics[~drift], analyze)
    reach = START + 0.5 * (OURS - START)
    for row in marks[(marks["kind"] == "DG") & (marks["measure"] == "clip")].to_dict("records"):
        assert math.isnan(row["gain"]) == (row["at"] > reach + 1e-9)
    assert of(marks, "grpo", 42, "area", "dreamsim", AREA)["gain"] > 0


def test_a_checkpoint_that_shows_something_else_is_said_to(analyze):
    metrics = synthetic.world()
    off = (metrics["run"] == "drift-pickscore-s42") & (metrics["epoch"] == 40)
    metrics.loc[off & (metrics["encoder"] == "shows_prompt"), "value"] = 0.5
    marks = marks_of(metrics, analyze)
    diversity = marks[(marks["baseline"] == "grpo") & (marks["kind"] == "DG")]
    by_mark = diversity.groupby("mark")["ours_off"].first()
    assert by_mark.to_dict() == {0.5: False, 0.7: False, 0.8: True, 0.9: True, 1.0: True}
    assert not diversity["baseline_off"].any()
    summed = sum_up(marks).query("baseline == 'grpo' and kind == 'DG' and measure == 'clip'")
    assert summed["off"].tolist() == [0, 0, 1, 1, 1]


def test_seeds_are_summed_up_and_those_without_a_partner_left_out(marks, analyze):
    summed = sum_up(marks)
    row = summed.query(
        "baseline == 'ddpo' and kind == 'DG' and measure == 'dreamsim' and mark == 0.7"
    ).iloc[0]
    gains = [of(marks, "ddpo", seed, "DG", "dreamsim", 0.7)["gain"] for seed in (42, 43, 44)]
    product = (1 + gains[0]) * (1 + gains[1]) * (1 + gains[2])
    assert row["gain"] == pytest.approx(product ** (1 / 3) - 1)
    assert row["low"] < min(gains) < max(gains) < row["high"]
    assert (row["p"], row["seeds"], row["of"]) == (0.25, 3, 3)
    metrics = pd.concat([synthetic.world(), synthetic.world(seeds=(7,), methods=["grpo"])])
    assert {*marks_of(metrics.drop_duplicates(), analyze)["seed"]} == {42}


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (["drift"], "the baseline's run is missing"),
        (["grpo", "ddpo", "grpo_kl"], "our run of this seed is missing"),
    ],
)
def test_a_missing_run_is_counted_and_said(analyze, left, why):
    metrics = synthetic.world(methods=left)
    marks = compute_all_marks(make_checkpoints(metrics, analyze), analyze, "hpsv2")
    assert {*marks["why"]} == {why} and marks["gain"].isna().all()
    summed = sum_up(marks)
    assert {*summed["seeds"]} == {0} and {*summed["of"]} == {1} and {*summed["why"]} == {why}


def test_a_baseline_that_does_not_rise_is_said_not_to(analyze):
    metrics = synthetic.world()
    grpo = (metrics["run"] == "grpo-pickscore-s42") & (metrics["metric"] == "reward_normalised")
    metrics.loc[grpo, "value"] = 0.2
    marks = marks_of(metrics, analyze)
    mine = marks[marks["baseline"] == "grpo"]
    assert {*mine["why"]} == {"the baseline does not rise above the base model"}
    assert len(mine) == len(marks[marks["baseline"] == "ddpo"])


def test_a_baselines_highest_reward_is_not_missed_by_rounding(analyze):
    metrics = synthetic.world()
    metrics.loc[
        (metrics["metric"] == "reward_normalised") & (metrics["run"] == "base"), "value"
    ] = 0.3
    grpo = (metrics["run"] == "grpo-pickscore-s42") & (metrics["metric"] == "reward_normalised")
    metrics.loc[grpo & (metrics["epoch"] == 40), "value"] = 0.85
    row = of(marks_of(metrics, analyze), "grpo", 42, "DG", "dreamsim", 1.0)
    assert row["at"] == 0.85 and not math.isnan(row["gain"])
