"""The report's first sentences say what the numbers say, and no more."""

import math

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.marks import compute_all_marks, sum_up
from drift_pipeline.analysis.report.text_tables import ABSENT, interval_text, marks_as_text
from drift_pipeline.analysis.report.verdict import chance, verdicts


def summary_of(metrics, analyze):
    checkpoints = make_checkpoints(metrics, analyze)
    return sum_up(compute_all_marks(checkpoints, analyze, "pickscore"))


def test_a_sentence_per_baseline_says_both_marks_and_how_sure_they_are(analyze):
    summary = summary_of(synthetic.world(seeds=(42, 43, 44)), analyze)
    said = verdicts(summary, analyze, "main")
    assert [sentence.partition(":")[0] for sentence in said] == [
        f"DRIFT against {name}, at equal reward" for name in ("DDPO", "GRPO", "GRPO-KL")
    ]
    row = summary.query(
        "comparison == 'main' and baseline == 'grpo' and kind == 'DG' and measure == 'dreamsim'"
        " and mark == 0.8"
    ).iloc[0]
    expected = (
        f"at 80 % of its gain {100 * row['gain']:+.0f} % DreamSim diversity (3 of 3 seeds; 95 % "
        f"interval {100 * row['low']:+.0f} to {100 * row['high']:+.0f} %; sign-flip p = 0.25; it "
        "may be chance)"
    )
    assert expected in said[1]
    assert "70 %" in said[1] and "90 %" not in said[1]


@pytest.mark.parametrize(
    ("seeds", "gains", "expected"),
    [
        ((42,), None, "(1 of 1 seeds; it may be chance)"),
        ((42, 43), {42: 1.1, 43: 0.9}, "sign-flip p = 1.00; it may be chance)"),
        (range(1, 7), None, "p = 0.03)"),
    ],
)
def test_what_may_be_chance_is_said_to(analyze, seeds, gains, expected):
    metrics = synthetic.world(seeds=seeds)
    if gains:
        # GRPO keeps by turns less and more than DRIFT does.
        for seed, factor in gains.items():
            rows = (metrics["run"] == f"grpo-pickscore-s{seed}") & (metrics["metric"] == "dreamsim")
            drift = metrics["run"] == f"drift-pickscore-s{seed}"
            like = metrics.loc[drift & (metrics["metric"] == "dreamsim"), "value"].to_numpy()
            metrics.loc[rows, "value"] = factor * like
    said = verdicts(summary_of(metrics, analyze), analyze, "main")
    assert expected in said[1]


def test_a_method_that_does_not_arrive_is_said_not_to(analyze):
    metrics = synthetic.world()
    drift = metrics["run"] == "drift-pickscore-s42"
    metrics.loc[drift & (metrics["metric"] == "reward_normalised"), "value"] = 0.3
    said = verdicts(summary_of(metrics, analyze), analyze, "main")
    assert "at 70 % of its gain DRIFT does not get there (0 of 1 seeds)" in said[1]


def test_a_method_that_was_not_run_is_said_not_to_have_been(analyze):
    said = verdicts(
        summary_of(synthetic.world(methods=["drift", "ddpo"]), analyze), analyze, "main"
    )
    assert "at 70 % of its gain the baseline's run is missing (0 of 1 seeds)" in said[1]


def test_a_gain_in_images_of_something_else_is_said_to_be(analyze):
    metrics = synthetic.world()
    off = (metrics["run"] == "drift-pickscore-s42") & (metrics["encoder"] == "shows_prompt")
    metrics.loc[off, "value"] = 0.5
    said = verdicts(summary_of(metrics, analyze), analyze, "main")
    assert "in 1 of them the images no longer show what was asked" in said[1]


def test_the_table_has_a_row_per_baseline_and_measure_and_a_cell_per_mark(analyze):
    summary = summary_of(synthetic.world(seeds=(42, 43)), analyze)
    table = marks_as_text(summary[summary["comparison"] == "main"], analyze)
    assert table.header[2:] == [
        "at 50 %",
        "at 70 %",
        "at 80 %",
        "at 90 %",
        "at 100 %",
        "all the way",
    ]
    assert len(table.rows) == 3 * (len(analyze.measures) + 1)
    assert [row[:2] for row in table.rows[:2]] == [
        ["DDPO", "DG DreamSim diversity"], ["DDPO", "DG CLIP diversity"],
    ]  # fmt: skip
    assert all(
        cell.startswith(("+", "-")) for row in table.rows if row[1] != "RG" for cell in row[2:]
    )
    reward_gains = [row for row in table.rows if row[1] == "RG"]
    assert all(row[-1] == "" for row in reward_gains)
    assert any(ABSENT in row for row in reward_gains)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "+30 % (+10 to +50)"),
        ({"seeds": 5, "off": 1}, "+30 % (+10 to +50; 5 of 6 seeds; 1 off the prompt)"),
        ({"low": math.nan, "high": math.nan, "seeds": 1, "of": 1}, "+30 %"),
        ({"gain": math.nan, "seeds": 0}, "–"),
    ],
)
def test_a_cell_says_who_did_not_arrive(changes, expected):
    row = {"gain": 0.3, "low": 0.1, "high": 0.5, "p": 0.03, "seeds": 6, "of": 6, "off": 0}
    assert interval_text(row | changes) == expected


def test_chance_is_what_two_draws_of_the_base_model_differ_by(analyze):
    metrics = synthetic.world()
    assert chance(make_checkpoints(metrics, analyze), analyze) == ""
    base = metrics[metrics["run"] == "base"]
    again = base[base["metric"].isin(["dreamsim", "vendi"])]
    again = again.assign(metric=again["metric"] + "_fresh", value=again["value"] * 1.02)
    said = chance(make_checkpoints(pd.concat([metrics, again]), analyze), analyze)
    assert said == (
        "A fresh draw of the base model differs by chance: DreamSim diversity +2.0 %, Vendi score "
        "+2.0 %."
    )
