"""What the study of each idea runs and compares, and the tables that it keeps."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def benchmarks(project_path):
    sys.path.insert(0, str(project_path / "benchmarks"))
    yield
    sys.path.pop(0)


@pytest.fixture(scope="module")
def why(benchmarks):
    import why

    return why


def run(*points):
    """Make a table of (reward, diversity)."""
    table = pd.DataFrame(points, columns=["reward", "dreamsim"])
    return table.assign(openclip=table["dreamsim"], shown=1.0, epoch=range(len(points)))


def test_runs_are_compared_where_they_first_reach_a_share_of_the_gain(why):
    theirs = run((0, 1.0), (1, 0.5))
    ours = run((0, 1.0), (0.75, 0.8))
    found = why.compare(ours, theirs)
    assert found["reach"] == 0.75
    at = {mark: (1 - mark * 0.2 / 0.75) / (1 - mark / 2) - 1 for mark in (0.5, 0.7)}
    assert found["dreamsim at 50%"] == pytest.approx(at[0.5])
    assert found["dreamsim at 70%"] == pytest.approx(at[0.7])
    assert np.isnan(found["dreamsim at 80%"])
    # Mean heights over rewards of 0 to 0.75.
    assert found["openclip, area"] == pytest.approx(0.9 / (1 - 0.375 / 2) - 1, rel=1e-3)


def test_a_row_says_how_many_seeds_get_there(why):
    theirs = {seed: run((0, 1.0), (1, 0.5)) for seed in why.SEEDS}
    ours = {11: run((0, 1.0), (1, 0.8)), 12: run((0, 1.0), (1, 0.8)), 13: run((0, 1.0), (0.6, 0.8))}
    row = why.describe("DRIFT", {"GRPO": theirs, "DRIFT": ours})
    assert row["reach"] == "87 %" and row["seeds"] == 3
    assert "2 of 3" in row["dreamsim at 70%"] and "of" not in row["dreamsim at 50%"]
    assert why.describe("GRPO", {"GRPO": theirs}).keys() == {
        "variant", "seeds", "last reward", "last shown",
    }  # fmt: skip


def test_every_variant_is_a_run_of_its_own(why):
    """No two are made with the same settings, but for those that restate a preset."""
    from kept import settings_of
    from trial import with_params

    settings = {}
    for name, variant in why.VARIANTS.items():
        changes = {"method": variant.method, "reward": variant.reward, "seed": 11}
        if variant.reward == why.NOISY:
            changes["rewards"] = {why.NOISY: why.noisy()}
        params = [f"{key}={value}" for key, value in variant.params.items()]
        settings[name] = settings_of(with_params(changes, params), variant.budget)
        assert variant.budget.epochs == 6 * variant.budget.every
        assert variant.against in why.VARIANTS
    same = {name: [n for n in settings if settings[n] == settings[name]] for name in settings}
    allowed = {"DRIFT", "shaping alone"}  # whose λ the sweep restates
    assert all(len(names) == 1 or {*names} & allowed for names in same.values())


def test_a_table_of_other_settings_is_refused(why, tmp_path, monkeypatch):
    import kept

    rows = [{"reward": 1.0, "KL by step": None}, {"reward": 2.0, "KL by step": [1]}]
    monkeypatch.setattr(kept, "train", lambda *_: (rows, []))
    changes = {"method": "grpo", "reward": "pickscore", "seed": 1}
    file = tmp_path / "grpo.csv"
    assert kept.kept_run(file, changes, {}, why.BUDGET, None) is None
    first = kept.kept_run(file, changes, {}, why.BUDGET, object())
    assert list(first["reward"]) == [1.0, 2.0]
    monkeypatch.setattr(kept, "train", lambda *_: pytest.fail("trained again"))
    assert kept.kept_run(file, changes, {}, why.BUDGET, object()).equals(first)
    monkeypatch.setattr(kept, "settings_of", lambda *_: "0123456789")
    digits = tmp_path / "digits.csv"
    first.assign(settings="0123456789").to_csv(digits, index=False)
    assert kept.kept_run(digits, changes, {}, why.BUDGET, None).equals(first)
    with pytest.raises(SystemExit, match="of a run with other settings"):
        kept.kept_run(file, changes, {"train.group_size": 4}, why.BUDGET, object())


def test_outliers_belong_to_the_image_and_have_heavy_tails(monkeypatch):
    from outliers import Outliers

    plain = SimpleNamespace(Zero=lambda: lambda images, prompts: [0.0] * len(images))
    monkeypatch.setitem(sys.modules, "plain_reward", plain)
    reward = Outliers("plain_reward.Zero", {}, scale=2.0)
    images = torch.arange(3 * 400, dtype=torch.uint8).view(400, 3, 1, 1).clone()
    images[:, 0, 0, 0] = torch.arange(400) // 256  # no two alike
    errors = reward(images, [""] * 400)
    assert torch.equal(reward(images.flip(0), [""] * 400), errors.flip(0))
    assert (errors.abs() > 2 * 4.3).float().mean() == pytest.approx(0.05, abs=0.03)
    assert errors.abs().median() == pytest.approx(2 * 0.816, rel=0.2)


def test_the_pull_of_all_candidates_is_the_expected_deviation_of_a_group():
    """A group's advantage times its rewards is its deviation, whose mean is known for normals."""
    from math import gamma, sqrt

    from pull import pull

    expected = sqrt(2 / 8) * gamma(8 / 2) / gamma(7 / 2)
    assert pull("all", 1, 0.0, 4000, 8) == pytest.approx(expected, rel=0.02)
    concentrated, contrasted = (pull(s, 2, 0.0, 1000, 8) for s in ("concentrated", "contrasted"))
    assert concentrated < expected / 2 and contrasted > expected
    assert pull("all", 1, 2.0, 1000, 8) < expected / 2
