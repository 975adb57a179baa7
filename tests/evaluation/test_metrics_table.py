"""Each number is labelled with its run, its cost and what it depends on."""

import math

import pandas as pd
import pytest
import torch
from torch.nn.functional import normalize

from drift_pipeline.config.evaluation import Measure
from drift_pipeline.evaluation.judged_tables import sign
from drift_pipeline.evaluation.metrics_table import measure_base, measure_run

MEASURE = Measure(
    encoders=("dreamsim",), rewards=("mine",), recall_k=2, resamples=10, features="f", reports="r"
)
REWARDS = {"mine": {"scorer": "x.Y", "bounds": [0.0, 10.0]}}
CURVE = pd.DataFrame(
    {"epoch": [1, 2], "seconds_drawing": [10.0, 20.0], "seconds_updating": [1.0, 2.0], "kl": 99.0}
)


def keys(epoch: int) -> pd.DataFrame:
    prompts = ["a"] * 3 + ["b"] * 3
    return pd.DataFrame({"run": "r", "epoch": epoch, "prompt": prompts, "seed": [0, 1, 2] * 2})


def embeddings(epoch: int, images: str, judge: str = "d", encoder: str = "dreamsim"):
    drawn = torch.randn(6, 4, generator=torch.Generator().manual_seed(epoch))
    rows = keys(epoch).assign(encoder=encoder, vector=list(normalize(drawn, dim=1).numpy()))
    return sign(rows, images, "encoder", {encoder: judge})


def scores(epoch: int, judge: str = "m", reward: str = "mine"):
    rows = keys(epoch).assign(reward=reward, score=[0.0, 2.0, 4.0] * 2, truth=float("nan"))
    return sign(rows, "images", "reward", {reward: judge})


def measured(run, protocol, measure=MEASURE, rewards=REWARDS, **judges) -> pd.DataFrame:
    """Of one run's two checkpoints, by metric and epoch."""
    table = measure_run(
        run, protocol, measure, rewards, CURVE,
        embeddings(0, "base"), embeddings(9, "fresh"),
        [embeddings(epoch, f"epoch {epoch}", judges.get("encoder", "d")) for epoch in (1, 2)],
        [scores(epoch, judges.get("reward", "m")) for epoch in (1, 2)],
    )  # fmt: skip
    return table.set_index(["metric", "epoch"])


def test_a_row_says_which_run_it_is_of_and_what_it_cost(run, protocol):
    table = measured(run, protocol)
    assert {*table["run"]} == {"grpo-mine-s7"}
    assert {*table["method"], *table["reward"]} == {"grpo", "mine"}
    row = table.loc[("vendi", 2)]
    assert row["images"] == 2 * 2 * 4  # epochs, groups of an epoch, images of a group
    assert row["seconds"] == 33
    assert table.loc[("vendi", 1), "seconds"] == 11
    assert table.loc[("reward", 2), "value"] == pytest.approx(2)
    assert table.loc[("reward_normalised", 2), "value"] == pytest.approx(0.2)


def test_a_row_says_which_images_it_is_of(run, protocol):
    table = measured(run, protocol)
    assert table.loc[("recall", 1), "pictures"] == "epoch 1"
    assert table.loc[("recall", 2), "pictures"] == "epoch 2"
    assert {*table["base"]} == {"base"}
    assert {*table["protocol"]} == {protocol.hash}
    assert {*measured(run, protocol.fresh())["protocol"]} != {protocol.hash}


@pytest.mark.parametrize(
    ("changes", "of_rewards", "of_encoders"),
    [
        ({}, False, False),
        ({"reward": "another"}, True, False),
        ({"encoder": "another"}, False, True),
        ({"rewards": {"mine": {"scorer": "x.Y", "bounds": [0.0, 5.0]}}}, True, False),
        ({"measure": MEASURE.model_copy(update={"recall_k": 1})}, False, True),
    ],
)
def test_the_judge_changes_with_the_judge_and_its_settings(
    run, protocol, changes, of_rewards, of_encoders
):
    before, after = measured(run, protocol)["judge"], measured(run, protocol, **changes)["judge"]
    changed = before != after
    assert before.notna().all()
    assert changed["reward"].eq(of_rewards).all()
    assert changed["reward_normalised"].eq(of_rewards).all()
    assert changed["recall"].eq(of_encoders).all()
    assert changed["dreamsim"].eq(of_encoders).all()


def with_kinds(protocol, judges, names=("coat", "sky")) -> pd.DataFrame:
    """Of the base model, by metric and encoder; rewards named here say kinds."""
    says_kinds = {"scorer": "x.Y", "measured_only": True, "kinds": True}
    rewards = {**REWARDS, **dict.fromkeys(names, says_kinds)}
    scored = [scores(0), *(scores(0, judges.get(name, "k"), name) for name in names)]
    table = measure_base(
        protocol, MEASURE, rewards, embeddings(0, "base"),
        pd.concat(scored, ignore_index=True), embeddings(9, "fresh"),
    )  # fmt: skip
    return table.set_index(["metric", "encoder"])


def test_kinds_are_measured_in_bits(protocol):
    table = with_kinds(protocol, {})
    assert table.loc[("bits", "coat"), "value"] == pytest.approx(math.log2(3))
    assert table.loc[("bits", "all"), "value"] == pytest.approx(2 * math.log2(3))
    assert {*table.loc["reward"].index} == {*table.loc["reward_normalised"].index} == {"mine"}


def test_the_sum_of_bits_belongs_to_all_that_say_kinds(protocol):
    first = with_kinds(protocol, {})["judge"]
    edited = with_kinds(protocol, {"sky": "another"})["judge"]
    fewer = with_kinds(protocol, {}, names=("coat",))["judge"]
    assert first.notna().all()
    assert first["bits", "coat"] == edited["bits", "coat"] == fewer["bits", "coat"]
    assert first["bits", "sky"] != edited["bits", "sky"]
    assert len({first["bits", "all"], edited["bits", "all"], fewer["bits", "all"]}) == 3
    assert first["reward", "mine"] == edited["reward", "mine"]


def test_the_base_model_costs_nothing_and_covers_itself(protocol):
    own = embeddings(0, "base")
    table = measure_base(protocol, MEASURE, REWARDS, own, scores(0), embeddings(9, "fresh"))
    table = table.set_index("metric")
    assert {*table["method"]} == {"base"}
    assert (table[["images", "seconds", "epoch"]] == 0).all(axis=None)
    assert table.loc["recall", "value"] == 1


def test_judges_of_other_runs_do_not_count(protocol):
    own = embeddings(0, "base")
    others = pd.concat([own, embeddings(0, "base", encoder="other")], ignore_index=True)
    both = pd.concat([scores(0), scores(0, reward="theirs")], ignore_index=True)
    tables = [
        measure_base(protocol, MEASURE, REWARDS, vectors, scored, embeddings(9, "fresh"))
        for vectors, scored in ((own, scores(0)), (others, both))
    ]
    pd.testing.assert_frame_equal(*tables)
