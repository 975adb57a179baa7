"""Measures of a checkpoint whose values are known beforehand."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.recall import generalized_recall
from drift_pipeline.diversity.vendi import vendi_score
from drift_pipeline.evaluation.checkpoint_features import CheckpointFeatures
from drift_pipeline.evaluation.intervals import bootstrap_mean
from drift_pipeline.evaluation.measuring import measure, measure_fresh

BOUNDS = {"pickscore": (10.0, 20.0)}


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def measured(embeddings, own=None, fresh=None, scores=None, truths=None, kinds=None):
    scores = torch.full(embeddings.shape[:2], 14.0) if scores is None else scores
    embedded = {"dreamsim": embeddings, "openclip": embeddings}
    features = CheckpointFeatures(embedded, {"pickscore": scores}, truths or {}, kinds or {})
    own = embeddings if own is None else own
    table = measure(features, own, own if fresh is None else fresh, BOUNDS, "dreamsim", 2, 200)
    return table.set_index("metric")


def test_identical_pictures_have_no_diversity():
    table = measured(unit(1, 1, 8).expand(3, 4, 8))
    assert table["value"]["dreamsim"] == table["value"]["clip"] == 0
    assert table["value"]["vendi"] == pytest.approx(1)
    assert table["value"]["vendi_prompt"] == pytest.approx(1)


def test_orthogonal_pictures_are_all_different():
    table = measured(torch.eye(12).view(3, 4, 12))
    assert table["value"]["vendi"] == pytest.approx(12)
    assert table["value"]["vendi_prompt"] == pytest.approx(4)
    assert table["value"]["dreamsim"] == pytest.approx(2)


def test_a_model_against_itself_has_recall_one():
    own = normalize(0.1 * unit(3, 5, 8) + torch.eye(8)[0], dim=-1)
    table = measured(own, fresh=unit(3, 5, 8, seed=1))
    assert table["value"]["recall"] == table["low"]["recall"] == table["high"]["recall"] == 1
    assert table["value"]["recall_fresh"] < 1


def test_a_fresh_draw_is_measured_like_any_other():
    fresh = unit(6, 5, 8)
    table = measure_fresh({"dreamsim": fresh, "mine": fresh}, "dreamsim", 200)
    table = table.set_index("metric")
    alike = measured(fresh)
    for metric in ("dreamsim", "vendi", "vendi_prompt"):
        numbers = ["value", "low", "high", "n"]
        assert table.loc[f"{metric}_fresh", numbers].equals(alike.loc[metric, numbers])
    assert {*table.index} == {
        *("dreamsim_fresh", "distance_mine_fresh", "vendi_fresh", "vendi_prompt_fresh"),
    }


def test_values_are_the_functions_of_the_pooled_pictures():
    own, other = unit(6, 5, 8), unit(6, 5, 8, seed=1) + 0.2
    table = measured(other, own=own, fresh=unit(6, 5, 8, seed=2))
    pooled = other.flatten(0, 1)
    assert table["value"]["vendi"] == pytest.approx(float(vendi_score(pooled)))
    assert table["value"]["recall"] == pytest.approx(
        float(generalized_recall(own.flatten(0, 1), pooled, k=2))
    )
    assert table["value"]["dreamsim"] == pytest.approx(float(mean_pairwise_distance(other).mean()))
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert table["low"]["vendi"] < table["high"]["vendi"]
    assert (table["n"] == 30).all()


def test_rewards_are_reported_raw_normalised_and_true():
    scores = torch.tensor([[12.0, 14.0], [16.0, 18.0]])
    table = measured(unit(2, 2, 8), scores=scores, truths={"pickscore": scores / 100})
    assert table["value"]["reward"] == pytest.approx(15)
    assert table["value"]["reward_normalised"] == pytest.approx(0.5)
    assert table["value"]["true_reward"] == pytest.approx(0.15)
    assert table["encoder"]["reward"] == "pickscore"


def test_kinds_give_bits_and_their_sum_and_no_reward():
    coats = torch.tensor([[0.0, 0, 1, 1], [2, 2, 2, 2], [0, 1, 2, 3]])
    skies = torch.tensor([[0.0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 0, 1]])
    table = measured(unit(3, 4, 8), kinds={"coat": coats, "sky": skies}).reset_index()
    by = table.set_index(["metric", "encoder"])
    assert [*table.loc[table["metric"] == "bits", "encoder"]] == ["coat", "sky", "all"]
    assert by["value"]["bits", "coat"] == pytest.approx((1 + 0 + 2) / 3)
    assert by["value"]["bits", "sky"] == pytest.approx((0 + 1 + 1) / 3)
    assert by["value"]["bits", "all"] == pytest.approx((1 + 1 + 3) / 3)
    # Of the sum of each prompt, which varies otherwise than its parts.
    ends = bootstrap_mean(torch.tensor([1.0, 1.0, 3.0]), 200)
    assert (by["low"]["bits", "all"], by["high"]["bits", "all"]) == pytest.approx(ends)
    assert (by.loc["bits", "n"] == 12).all()
    rewards = table["metric"].str.contains("reward")
    assert {*table.loc[rewards, "encoder"]} == {"pickscore"}


def test_without_kinds_there_are_no_bits():
    assert "bits" not in measured(unit(2, 3, 8)).index


def test_kinds_that_are_no_whole_numbers_are_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"^rewards\.coat: .*answered 0\.5") as error:
        measured(unit(2, 2, 8), kinds={"coat": torch.tensor([[0.0, 1.0], [0.5, 1.0]])})
    assert "\n" not in str(error.value)


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="a score of pickscore is not finite"):
        measured(unit(2, 3, 8), scores=torch.full((2, 3), math.nan))
