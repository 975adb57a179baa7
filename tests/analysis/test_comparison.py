import math

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import (
    average_gains,
    compute_all_gains,
    compute_gains,
    gain_values,
)
from drift_pipeline.config.analysis import Comparison


def gains_of(rows, analyze, **changes):
    """Gains of the main comparison under PickScore."""
    comparison = analyze.comparisons["main"].model_copy(update=changes)
    analyze = analyze.model_copy(update={"comparisons": {"main": comparison}})
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    return compute_gains(table, "main", comparison, analyze, "pickscore")


def brute_force(metrics, measure, baseline, seed):
    """DG or RG from the measured rows, with plain loops."""

    def points(method):
        found = {}
        for row in metrics.to_dict("records"):
            if (row["method"], row["reward"], row["seed"]) == (method, "pickscore", seed):
                point = found.setdefault(row["epoch"], {})
                if row["metric"] != "reward_normalised":
                    point[row["metric"]] = row["value"]
                elif row["encoder"] == "pickscore":
                    point["normalised"] = row["value"]
        return found

    ours, theirs = points("drift"), points(baseline)
    on, gained = ("dreamsim", "normalised") if measure is None else ("normalised", measure)
    reach = [point[on] for point in ours.values()]
    epochs = [
        epoch
        for epoch, point in theirs.items()
        if (point[on] <= max(reach) if measure else point[on] >= min(reach))
    ]
    final = theirs[max(epochs or theirs)]
    enough = [point for point in ours.values() if point[on] >= final[on]]
    if not enough:
        return None
    just = min(enough, key=lambda point: point[on])
    return just[gained] / final[gained] - 1


@pytest.mark.parametrize("seed", [42, 43])
def test_gains_agree_with_plain_loops(analyze, seed):
    metrics = synthetic.world(seeds=(42, 43))
    gains = gains_of(metrics, analyze, seeds=[42, 43])
    assert len(gains) == 3 * 2 * 6
    seen = set()
    for row in gains[gains["seed"] == seed].to_dict("records"):
        measure = row["measure"] if row["kind"] == "DG" else None
        expected = brute_force(metrics, measure, row["baseline"], seed)
        assert row["gain"] == pytest.approx(expected, abs=1e-12)
        seen.add((row["kind"], row["baseline"], row["measure"]))
    assert len(seen) == 18


def test_the_checkpoint_that_just_reaches_is_taken(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path("grpo", "pickscore", 42, {40: (0.4, 0.1, 0.2, 40.0, 0.60)}),
        *synthetic.path(
            "drift", "pickscore", 42,
            {
                10: (0.7, 0.25, 0.9, 70.0, 0.40),
                20: (0.5, 0.20, 0.5, 60.0, 0.61),
                30: (0.42, 0.15, 0.4, 39.0, 0.80),
                40: (0.3, 0.05, 0.1, 30.0, 0.95),
            },
        ),
    ]  # fmt: skip
    gains = gains_of(rows, analyze, baselines=["grpo"]).set_index("measure")
    assert {*gains.loc[[*synthetic.DIVERSITY], "matched_epoch"]} == {20}
    assert gains.loc["reward_normalised", "matched_epoch"] == 30
    assert gains.loc["dreamsim", "gain"] == pytest.approx(0.5 / 0.4 - 1)
    assert gains.loc["reward_normalised", "gain"] == pytest.approx(0.8 / 0.6 - 1)
    assert gains.loc["dreamsim", ["required", "reached"]].tolist() == [0.6, 0.61]


def test_a_baseline_that_went_farther_is_met_where_both_have_been(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path(
            "grpo", "pickscore", 42,
            {
                10: (0.60, 0.2, 0.5, 60.0, 0.50),
                20: (0.50, 0.2, 0.5, 60.0, 0.70),
                30: (0.30, 0.2, 0.5, 60.0, 0.90),
            },
        ),
        *synthetic.path(
            "drift", "pickscore", 42,
            {20: (0.58, 0.3, 0.8, 70.0, 0.65), 40: (0.55, 0.2, 0.5, 60.0, 0.75)},
        ),
    ]  # fmt: skip
    gains = gains_of(rows, analyze, baselines=["grpo"]).set_index("measure")
    assert {*gains.loc[[*synthetic.DIVERSITY], "baseline_epoch"]} == {20}
    assert gains.loc["dreamsim", "gain"] == pytest.approx(0.55 / 0.50 - 1)
    # Ours were never as monotonous as the baseline's epochs 20 and 30.
    assert gains.loc["reward_normalised", "baseline_epoch"] == 10
    assert math.isnan(gains.loc["reward_normalised", "gain"])
    assert gains.loc["reward_normalised", "why"] == "no checkpoint qualifies"


def test_a_gain_is_absent_where_nothing_qualifies(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path("grpo", "pickscore", 42, {40: (0.4, 0.1, 0.2, 40.0, 0.90)}),
        *synthetic.path("drift", "pickscore", 42, {40: (0.6, 0.2, 0.5, 60.0, 0.89)}),
    ]
    gains = gains_of(rows, analyze, baselines=["grpo"])
    dg, rg = gains[gains["kind"] == "DG"], gains[gains["kind"] == "RG"]
    assert dg["gain"].isna().all()
    assert {*dg["why"]} == {"no checkpoint qualifies"}
    assert rg["gain"].item() == pytest.approx(0.89 / 0.90 - 1)
    averages = average_gains(gains).set_index("measure")
    assert math.isnan(averages.loc["dreamsim", "gain"])
    assert averages.loc["dreamsim", ["baselines", "of"]].tolist() == [0, 1]
    assert gain_values(gains)["main"]["dreamsim"]["gain"] is None


def test_seeds_are_averaged_before_baselines(analyze):
    rows = pd.DataFrame(
        {
            "kind": "DG",
            "measure": "dreamsim",
            "baseline": ["ddpo", "ddpo", "grpo"],
            "gain": [0.1, 0.3, 0.5],
        }
    )
    assert average_gains(rows)["gain"].tolist() == pytest.approx([0.35])


def test_runs_of_one_seed_are_compared(analyze):
    rows = synthetic.world(seeds=(42,))
    gains = gains_of(rows, analyze, baselines=["grpo"], seeds=[42, 43])
    assert {*gains[gains["seed"] == 43]["why"]} == {"the baseline's run is missing"}
    assert gains[gains["seed"] == 42]["gain"].notna().all()
    ours_missing = rows[rows["run"] != "drift-pickscore-s42"]
    assert {*gains_of(ours_missing, analyze)["why"]} == {"our run of this seed is missing"}


def test_seeds_count_once_both_are_measured(analyze):
    """Without being asked for; what only one of the two has is neither compared nor missed."""
    rows = synthetic.world(seeds=(42, 43, 44))
    only = rows["run"].isin(["ddpo-pickscore-s43", "ddpo-pickscore-s44", "drift-pickscore-s44"])
    gains = gains_of(rows[~only], analyze, baselines=["ddpo", "grpo"], seeds=[42])
    seeds = gains.groupby("baseline")["seed"].unique()
    assert [*seeds["ddpo"]] == [42]
    assert [*seeds["grpo"]] == [42, 43]
    assert gains["gain"].notna().all()


def test_a_baseline_at_zero_has_no_share(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path("grpo", "pickscore", 42, {40: (0.4, 0.1, 0.0, 40.0, 0.50)}),
        *synthetic.path("drift", "pickscore", 42, {40: (0.6, 0.2, 0.5, 60.0, 0.89)}),
    ]
    gains = gains_of(rows, analyze, baselines=["grpo"]).set_index("measure")
    assert math.isnan(gains.loc["recall", "gain"])
    assert gains.loc["recall", "why"] == "the baseline is not positive"
    assert gains.loc["clip", "gain"] == pytest.approx(1.0)


def test_all_comparisons_of_a_reward(analyze):
    table = make_checkpoints(synthetic.world(), analyze)
    assert {*compute_all_gains(table, analyze, "pickscore")["comparison"]} == {*analyze.comparisons}
    assert {*compute_all_gains(table, analyze, "hpsv2")["comparison"]} == {"main"}


def test_methods_come_baselines_first(analyze):
    selection: Comparison = analyze.comparisons["selection"]
    assert selection.methods == ["grpo", "contrasted", "concentrated"]
