"""The best front of a base model whose images are known."""

import pandas as pd
import pytest
import torch
from torch.nn.functional import normalize

from drift_pipeline.config.evaluation import Measure
from drift_pipeline.evaluation.best_front import FEWEST, best_front
from drift_pipeline.evaluation.judged_tables import sign
from drift_pipeline.evaluation.measuring import measure as measure_checkpoint
from drift_pipeline.evaluation.metrics_table import asked_for

MEASURE = Measure(
    encoders=("dreamsim",), rewards=("mine",), recall_k=2, resamples=20, features="f", reports="r"
)
REWARDS = {
    "mine": {"scorer": "x.Y", "bounds": [0.0, 10.0]},
    "shown": {"scorer": "x.Y", "bounds": [0.0, 1.0], "measured_only": True},
    "flat": {"scorer": "x.Y", "bounds": [0.0, 1.0]},
    "coat": {"scorer": "x.Y", "kinds": True, "measured_only": True},
}
N = 60


@pytest.fixture
def judged():
    """Images of two prompts: the better an image, the nearer to one place and one coat."""
    random = torch.Generator().manual_seed(5)
    score = torch.randn(2, N, generator=random)
    points = torch.randn(2, N, 6, generator=random)
    points[..., 0] += 2 * score.clamp(min=0)
    keys = pd.DataFrame(
        {"run": "base", "epoch": 0, "prompt": ["a"] * N + ["b"] * N, "seed": [*range(N)] * 2}
    )
    vectors = keys.assign(
        encoder="dreamsim", vector=list(normalize(points, dim=-1).view(-1, 6).numpy())
    )
    coats = torch.where(score > 0.5, 1, torch.randint(5, score.shape, generator=random))
    said = {
        "mine": score.flatten(),
        "shown": (score > -1).flatten().float(),
        "flat": torch.full((2 * N,), 0.4),
        "coat": coats.flatten().double(),
    }
    scores = pd.concat(
        keys.assign(
            reward=name,
            score=value.numpy(),
            truth=2 * value.numpy() if name == "mine" else float("nan"),
        )
        for name, value in said.items()
    )
    return (
        sign(vectors, "images", "encoder", {"dreamsim": "d"}),
        sign(scores, "images", "reward", dict.fromkeys(said, "m")),
    )


@pytest.fixture
def front(judged, protocol):
    return best_front(protocol, MEASURE, REWARDS, judged[0], *judged)


def of(front, metric, encoder):
    rows = front[(front["metric"] == metric) & (front["encoder"] == encoder)]
    return rows.set_index("beta")["value"]


def test_it_goes_from_the_base_model_up_as_the_reward_asks(front, judged, protocol):
    # Nobody trains on what is only measured, and nothing is best where all are alike.
    assert {*front["best_for"]} == {"mine"}
    assert of(front, "reward", "shown").iloc[-1] > of(front, "reward", "shown").iloc[0]
    reward, distance = of(front, "reward", "mine"), of(front, "dreamsim", "dreamsim")
    assert reward.is_monotonic_increasing and reward.iloc[-1] > reward.iloc[0] + 1
    assert of(front, "reward_normalised", "mine").tolist() == pytest.approx((reward / 10).tolist())
    assert of(front, "true_reward", "mine").tolist() == pytest.approx((2 * reward).tolist())
    assert distance.iloc[-1] < 0.8 * distance.iloc[0]
    assert of(front, "bits", "coat").iloc[-1] < 0.7 * of(front, "bits", "coat").iloc[0]
    assert of(front, "bits", "all").tolist() == of(front, "bits", "coat").tolist()
    features, *_ = asked_for(*judged, MEASURE, REWARDS)
    own = features.embeddings["dreamsim"]
    bounds = {"mine": (0.0, 10.0), "shown": (0.0, 1.0), "flat": (0.0, 1.0)}
    base = measure_checkpoint(features, own, own, bounds, "dreamsim", 2, 20).set_index("metric")
    assert distance.iloc[0] == pytest.approx(base.loc["dreamsim", "value"], rel=0.02)


def test_it_ends_where_too_few_images_carry_it(front):
    effective = front.drop_duplicates("beta")["effective"]
    assert effective.is_monotonic_decreasing
    assert effective.iloc[0] == pytest.approx(N, rel=0.02) and effective.iloc[-1] >= FEWEST
    assert effective.iloc[-1] < 2 * FEWEST


def test_a_row_says_how_sure_it_is_and_of_what(front, protocol):
    assert {*front["n"]} == {2 * N} and {*front["base"]} == {"images"}
    assert {*front["protocol"]} == {protocol.hash} and front["judge"].notna().all()
    assert (front["low"] <= front["value"]).all() and (front["value"] <= front["high"]).all()
    assert not {*front["metric"]} & {"recall", "vendi"}


def test_nothing_to_maximise_gives_an_empty_table(judged, protocol):
    vectors, scores = judged
    found = best_front(
        protocol, MEASURE, REWARDS, vectors, vectors, scores[scores["reward"] == "flat"]
    )
    assert found.empty and {"best_for", "beta", "effective", "metric", "value"} <= {*found.columns}
