"""The main comparison as judges see it that nobody trained on."""

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.marks import compute_marks, sum_up
from drift_pipeline.analysis.other_judges import AT, judged_by_others, judges_of
from drift_pipeline.analysis.report.text_tables import judged_as_text


def as_seen(metrics, judge, metric):
    """Have a judge score every checkpoint as its own reward does."""
    own = metrics[(metrics["metric"] == "reward_normalised") & (metrics["encoder"] == "pickscore")]
    values = own.set_index(["run", "epoch"])["value"]
    rows = (metrics["metric"] == metric) & (metrics["encoder"] == judge)
    keys = metrics.loc[rows, ["run", "epoch"]].itertuples(index=False, name=None)
    metrics.loc[rows, "value"] = [values.get(key, 0.0) for key in keys]
    return metrics


@pytest.fixture
def metrics():
    return synthetic.world(seeds=(42, 43))


def test_a_judge_that_agrees_sees_the_same_gains(metrics, analyze):
    seen = as_seen(as_seen(metrics, "hpsv2", "reward"), "pickscore", "true_reward")
    checkpoints = make_checkpoints(seen, analyze)
    judged = judged_by_others(checkpoints, analyze, "pickscore")
    main = analyze.comparisons["main"]
    own = sum_up(compute_marks(checkpoints, "main", main, analyze, "pickscore"))
    own = own[(own["kind"] == "DG") & (own["mark"] == AT)].set_index(["baseline", "measure"])
    assert {*judged["judge"]} == {"the true reward", "HPSv2"}
    for _, table in judged.groupby("judge"):
        gains = table.set_index(["baseline", "measure"])["gain"]
        assert gains.to_dict() == pytest.approx(own["gain"].to_dict(), nan_ok=True)
    assert own["gain"].notna().any()


def test_a_judge_that_sees_no_gain_says_so_and_one_that_is_not_there_is_left_out(metrics, analyze):
    """HPSv2 gives every run of PickScore the same reward, and nobody knows the truth."""
    unknown = metrics[metrics["metric"] != "true_reward"].copy()
    unknown.loc[(unknown["metric"] == "reward") & (unknown["encoder"] == "hpsv2"), "value"] = 3.0
    judged = judged_by_others(make_checkpoints(unknown, analyze), analyze, "pickscore")
    assert {*judged["judge"]} == {"HPSv2"} and judged["gain"].notna().sum() == 0
    alone = unknown[~((unknown["metric"] == "reward") & (unknown["encoder"] == "hpsv2"))]
    alone = alone[alone["reward"] != "hpsv2"]
    assert judged_by_others(make_checkpoints(alone, analyze), analyze, "pickscore").empty
    assert judged_as_text(pd.DataFrame(columns=["judge", "baseline"]), analyze).rows == []


def test_the_table_has_a_row_for_each_judge_and_baseline(metrics, analyze):
    checkpoints = make_checkpoints(as_seen(metrics, "hpsv2", "reward"), analyze)
    text = judged_as_text(judged_by_others(checkpoints, analyze, "pickscore"), analyze)
    judges = [*judges_of(analyze, "pickscore").values()]
    baselines = ["DDPO", "GRPO", "GRPO-KL"]
    assert [row[:2] for row in text.rows] == [[j, b] for j in judges for b in baselines]
    assert len(text.header) == 2 + len(analyze.measures) == len(text.rows[0])
