"""Measures of a checkpoint whose values are known beforehand."""

import math

import pandas as pd
import pytest
import torch
from torch.nn.functional import normalize

from drift_pipeline.common.judging import JudgeError
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.recall import generalized_recall
from drift_pipeline.diversity.vendi import vendi_score
from drift_pipeline.evaluation.measuring import Seen, measure
from drift_pipeline.evaluation.tables import look, read_seen, vectors_of
from drift_pipeline.images import to_png

BOUNDS = {"pickscore": (10.0, 20.0)}


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def measured(embeddings, own=None, fresh=None, scores=None, truths=None) -> pd.DataFrame:
    scores = torch.full(embeddings.shape[:2], 14.0) if scores is None else scores
    seen = Seen(
        {"dreamsim": embeddings, "openclip": embeddings}, {"pickscore": scores}, truths or {}
    )
    own = embeddings if own is None else own
    table = measure(seen, own, own if fresh is None else fresh, BOUNDS, "dreamsim", 2, 200)
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


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="a score of pickscore is not finite"):
        measured(unit(2, 3, 8), scores=torch.full((2, 3), math.nan))


def test_tables_keep_what_the_judges_saw():
    pictures = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    files = [{"bytes": png, "path": "x"} for png in to_png(pictures)]
    shard = pd.DataFrame(
        {"run": "r", "epoch": 1, "prompt": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1]}
    ).assign(image=files)

    def brightness(images: torch.Tensor, prompts: list[str]) -> torch.Tensor:
        assert prompts == ["a", "a"] or prompts == ["b", "b"]
        return images.float().mean(dim=(1, 2, 3))

    def corner(images: torch.Tensor) -> torch.Tensor:
        return normalize(images[:, :, 0, 0].float() + 1, dim=1)

    vectors, scores = look(
        [shard[:2], shard[2:]],
        {"dreamsim": corner},
        {"bright": brightness, "dark": lambda i, p: -brightness(i, p)},
        {"dark": lambda images: images.float().amax(dim=(1, 2, 3))},
    )
    seen = read_seen(vectors, scores)
    grouped = pictures.view(2, 2, 3, 8, 8).float()
    assert torch.equal(seen.embeddings["dreamsim"], normalize(grouped[..., 0, 0] + 1, dim=-1))
    assert torch.allclose(seen.scores["bright"], grouped.mean(dim=(2, 3, 4)).double())
    assert torch.equal(seen.scores["dark"], -seen.scores["bright"])
    assert set(seen.truths) == {"dark"}
    assert torch.equal(seen.truths["dark"], grouped.amax(dim=(2, 3, 4)).double())

    with pytest.raises(JudgeError, match="r, epoch 1, 'b', seed 0: the score of the reward 'x' is"):
        look([shard[2:]], {}, {"x": lambda images, prompts: [math.nan, 1.0]}, {})
    with pytest.raises(JudgeError, match="the reward 'x' gave None for 2 images"):
        look([shard[2:]], {}, {"x": lambda images, prompts: None}, {})

    vectors.at[1, "vector"] = vectors.at[1, "vector"] * float("nan")
    with pytest.raises(ValueError, match="dreamsim embedding of r, epoch 1, 'a', seed 1"):
        vectors_of(vectors, "dreamsim")
    with pytest.raises(ValueError, match="no embeddings of 'clip', only of: dreamsim"):
        vectors_of(vectors, "clip")
    with pytest.raises(ValueError, match="different numbers of pictures"):
        vectors_of(vectors.drop(index=[1]), "dreamsim")
