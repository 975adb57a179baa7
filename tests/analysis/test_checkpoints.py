import pandas as pd
import pytest
from analysis import synthetic
from pydantic import ValidationError

from drift_pipeline.analysis.checkpoints import (
    last_checkpoints,
    make_checkpoints,
    missing_runs,
    one_seed,
)
from drift_pipeline.common.errors import ConfigurationError


def test_a_row_a_checkpoint_with_the_numbers_measured(analyze):
    metrics = synthetic.world()
    table = make_checkpoints(metrics, analyze)
    keys = metrics.drop_duplicates(["run", "epoch"])
    # The base model stands under both rewards.
    assert len(table) == len(keys) + 1
    for _, row in table.iterrows():
        mine = metrics[(metrics["run"] == row["run"]) & (metrics["epoch"] == row["epoch"])]
        for metric in synthetic.DIVERSITY:
            (measured,) = mine[mine["metric"] == metric].to_dict("records")
            found = [row[metric], row[f"{metric}_low"], row[f"{metric}_high"]]
            assert found == [measured["value"], measured["low"], measured["high"]]
        for name, metric in (("reward_normalised", "reward_normalised"), ("reward_raw", "reward")):
            rows = mine[(mine["metric"] == metric) & (mine["encoder"] == row["reward"])]
            assert row[name] == rows["value"].item()


def test_order_of_rows_changes_nothing(analyze):
    metrics = synthetic.world()
    shuffled = metrics.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        make_checkpoints(metrics, analyze), make_checkpoints(shuffled, analyze)
    )


def test_the_last_checkpoint_is_that_of_the_highest_epoch(analyze):
    last = last_checkpoints(make_checkpoints(synthetic.world().iloc[::-1], analyze))
    assert {*last[last["method"] != "base"]["epoch"]} == {40}
    assert len(last) == last.drop_duplicates(["reward", "run"]).shape[0] == 13 + 2


def test_other_protocols_are_refused_with_the_runs_named(analyze):
    metrics = synthetic.world()
    metrics.loc[metrics["run"] == "grpo-pickscore-s42", "protocol"] = "other"
    with pytest.raises(ConfigurationError) as refusal:
        make_checkpoints(metrics, analyze)
    assert "cannot be compared" in str(refusal.value)
    assert "other: grpo-pickscore-s42" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_run_that_nothing_compares_may_have_any_protocol(analyze):
    extra = synthetic.path("mine", "pickscore", 7, synthetic.trade(0.4, 0.8), protocol="other")
    metrics = synthetic.world()
    both = pd.concat([metrics, pd.DataFrame(extra)])
    pd.testing.assert_frame_equal(
        make_checkpoints(both, analyze), make_checkpoints(metrics, analyze)
    )


def test_a_further_seed_of_another_protocol_is_left_out_and_named(analyze, caplog):
    extra = synthetic.path("grpo", "pickscore", 7, synthetic.trade(0.4, 0.8), protocol="other")
    metrics = synthetic.world()
    both = make_checkpoints(pd.concat([metrics, pd.DataFrame(extra)]), analyze)
    pd.testing.assert_frame_equal(both, make_checkpoints(metrics, analyze))
    assert "other prompts, seeds or sampling: grpo-pickscore-s7" in caplog.text


def test_figures_of_one_run_show_the_seed_that_all_methods_have(analyze):
    seeds = {"grpo": (41, 42, 43), "drift": (42, 43)}
    table = pd.DataFrame([{"method": m, "seed": s} for m, all_ in seeds.items() for s in all_])
    shown = [(run["method"].iloc[0], *run["seed"]) for run in one_seed(table, ["grpo", "drift"])]
    assert shown == [("grpo", 42), ("drift", 42)]
    apart = table[(table["seed"] == 41) | (table["method"] == "drift")]
    shown = [(run["method"].iloc[0], *run["seed"]) for run in one_seed(apart, ["drift", "grpo"])]
    assert shown == [("drift", 42), ("grpo", 41)]
    assert one_seed(table, ["ddpo"]) == []


def test_missing_runs_are_named_in_order(analyze):
    metrics = synthetic.world()
    absent = ["ddpo-pickscore-s42", "drift-hpsv2-s42"]
    table = make_checkpoints(metrics[~metrics["run"].isin(absent)], analyze)
    assert missing_runs(table, analyze) == absent
    assert missing_runs(make_checkpoints(metrics, analyze), analyze) == []
    without_base = make_checkpoints(metrics[metrics["run"] != "base"], analyze)
    assert missing_runs(without_base, analyze) == ["base"]


def test_several_encoders_need_a_choice(analyze, project_path):
    metrics = synthetic.world()
    again = metrics[metrics["metric"] == "recall"].assign(encoder="openclip", value=0.123)
    both = pd.concat([metrics, again])
    with pytest.raises(ConfigurationError, match=r"dreamsim, openclip.*measures\.recall\.encoder"):
        make_checkpoints(both, analyze)
    changed = analyze.model_dump()["measures"]
    changed["recall"]["encoder"] = "openclip"
    chosen = synthetic.parameters(project_path, measures=changed)
    assert {*make_checkpoints(both, chosen)["recall"]} == {0.123}


def test_a_value_given_twice_is_refused(analyze):
    metrics = synthetic.world()
    with pytest.raises(ConfigurationError, match=r"delete its metrics\.parquet"):
        make_checkpoints(pd.concat([metrics, metrics.tail(20)]), analyze)


def test_refusals_say_what_to_do(analyze):
    with pytest.raises(ConfigurationError, match="kedro run --pipelines=measure"):
        make_checkpoints(pd.DataFrame(), analyze)
    with pytest.raises(ConfigurationError, match="no column high, protocol"):
        make_checkpoints(synthetic.world().drop(columns=["protocol", "high"]), analyze)
    foreign = pd.DataFrame(synthetic.path("drift", "other", 1, synthetic.trade(0.5, 0.5)))
    with pytest.raises(ConfigurationError, match="none of the runs to compare"):
        make_checkpoints(foreign, analyze)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"anchor": "lpips"}, "anchor: unknown 'lpips'"),
        ({"main": "best"}, "main: unknown 'best'"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_parameters_are_checked(project_path, change, message):
    with pytest.raises(ValidationError, match=message):
        synthetic.parameters(project_path, **change)


def test_a_comparison_names_known_methods_once(project_path, analyze):
    comparisons = analyze.model_dump()["comparisons"]
    comparisons["main"]["baselines"] = ["ddpo", "drift"]
    with pytest.raises(ValidationError, match="'drift' is named twice"):
        synthetic.parameters(project_path, comparisons=comparisons)
    comparisons["main"]["baselines"] = ["ddpo", "gardo"]
    with pytest.raises(ValidationError, match=r"comparisons\.main: unknown 'gardo'"):
        synthetic.parameters(project_path, comparisons=comparisons)
