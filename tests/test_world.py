"""What the benchmarks of the world and of methods in it count and show."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
import tiny

from drift_pipeline.common.images import to_png
from drift_pipeline.common.values import flat


@pytest.fixture(scope="module")
def scripts(project_path):
    """The modules of these scripts, and of what they share."""
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        import judged
        import trial
        import world

        yield {module.__name__: module for module in (judged, trial, world)}
    finally:
        sys.path.pop(0)


def test_the_share_that_components_explain_is_that_of_a_regression_on_them(scripts):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 12)) * np.linspace(4, 0.2, 12)
    within, noise = points @ np.r_[np.ones(3), np.zeros(9)], rng.normal(size=200)
    explained = scripts["world"].explained
    assert explained(within, points) == pytest.approx(1.0, abs=0.02)
    assert explained(noise, points) == pytest.approx(0.0, abs=0.05)
    components = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[0][:, :5]
    mixed = within + 6 * noise
    design = np.c_[np.ones(200), components]
    errors = mixed - design @ np.linalg.lstsq(design, mixed)[0]
    plain = 1 - errors.var() / mixed.var()
    assert explained(mixed, points) == pytest.approx(1 - (1 - plain) * 199 / 194)


def test_two_peaks_are_told_from_one(scripts):
    rng = np.random.default_rng(0)
    one, sign = rng.normal(size=4000), rng.choice([-1, 1], size=4000)
    assert scripts["world"].peaks(one) == pytest.approx(1 / 3, abs=0.03)
    assert scripts["world"].peaks(rng.uniform(size=4000)) == pytest.approx(5 / 9, abs=0.02)
    assert scripts["world"].peaks(0.3 * one + sign) > 0.7


def test_what_judges_say_is_summed_up_by_prompt(scripts):
    keys = [(prompt, seed) for prompt in ("a cat", "a dog") for seed in range(4)]
    table = pd.DataFrame(keys, columns=["prompt", "seed"])
    vectors = table.assign(encoder="dreamsim", vector=[np.eye(4)[seed] for _, seed in keys])

    def said(reward, scores, truth=math.nan):
        return table.assign(reward=reward, score=scores, truth=truth)

    scores = pd.concat(
        [
            said("pickscore", [1.0] * 4 + [3.0] * 4, 0.5),
            said("shows_prompt", [1.0, 1.0, 0.0, 0.0] * 2),
            said("coat", [0.0, 1.0, 2.0, 3.0] + [5.0] * 4),
            said("facing", [0.0, 1.0] * 4),
        ]
    )
    found = scripts["judged"].numbers(scripts["judged"].features_of(vectors, scores), "pickscore")
    assert found["reward"] == 2.0
    assert found["true"] == 0.5
    assert found["dreamsim"] == pytest.approx(2.0)  # squared distance of orthogonal rows
    assert found["shown"] == 0.5
    assert (found["coat"], found["facing"], found["bits"]) == pytest.approx((1.0, 1.0, 2.0))


def test_a_world_elsewhere_takes_every_model_but_the_reader_from_there(scripts):
    named = flat(scripts["trial"].models_of("elsewhere"))
    assert len(named) == 8
    assert all(str(value).startswith("elsewhere/") for value in named.values())


def test_methods_are_shown_at_the_highest_reward_that_all_come_to(scripts):
    def a_trial(method, rewards):
        files = [{"bytes": png} for png in to_png(tiny.make_images(2, 64, 64))]
        shards = [pd.DataFrame({"prompt": "a cat", "image": files})]
        rows = [{"method": method, "epoch": i, "reward": r} for i, r in enumerate(rewards)]
        return rows, [shards] * len(rows)

    shown = scripts["trial"].nearest_to_equal
    trials = [a_trial("grpo", [1.0, 2.0, 3.1, 4.0]), a_trial("drift", [1.0, 1.5, 3.0])]
    assert [(row["method"], row["epoch"]) for row, _ in shown(trials)] == [
        ("grpo", 2), ("drift", 2)
    ]  # fmt: skip
    sheet = scripts["trial"].at_equal_reward(trials, prompts=1, each=2)
    assert sheet.width > 2 * 96
    assert sheet.height > 3 * 96
