"""The criterion that methods are tuned by, and what is run for it."""

import sys

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def tune(project_path):
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        import tune

        yield tune
    finally:
        sys.path.pop(0)


def table(**columns):
    return pd.DataFrame({"reward": [4.0, 6.0, 8.0], "dreamsim": [0.5, 0.4, 0.1], **columns})


def test_the_criterion_is_the_share_of_the_box_that_is_dominated(tune):
    """Rewards 0, 0.5 and 1 of the way to the upper bound; 1, 0.8 and 0.2 of the diversity."""
    found = tune.area(table(shown=[0.98] * 3), (2.0, 8.0))
    assert found == pytest.approx(0.5 * 0.8 + 0.5 * 0.2)


def test_checkpoints_that_show_something_else_count_nothing(tune):
    assert tune.area(table(shown=[0.98, 0.95, 0.5]), (2.0, 8.0)) == pytest.approx(0.5 * 0.8)
    assert tune.area(table(shown=[0.98, 0.5, 0.5]), (2.0, 8.0)) == 0


def test_every_method_has_the_same_rates_and_those_that_shape_more_ratios(tune):
    assert [point[tune.RATE] for point in tune.by_rate()] == ["2.5e-4", "5e-4", "1e-3"]
    best = {tune.RATE: "1e-3"}
    ratios = [point["methods.drift.shaping.ratio"] for point in tune.by_ratio("drift", best)]
    assert ratios == ["0.25", "1.0"]
    assert tune.by_ratio("grpo", best) == []
    files = {tune.file_of("drift", point, 1).name for point in tune.by_ratio("drift", best)}
    assert files == {f"drift-learning_rate=1e-3-ratio={ratio}-s1.csv" for ratio in ratios}


def test_runs_that_are_there_are_not_run_again(tune, tmp_path, monkeypatch):
    import kept

    monkeypatch.setattr(tune, "FOLDER", tmp_path)
    rows = [{"reward": 4.0, "KL by step": None}]
    monkeypatch.setattr(kept, "train", lambda *_: (rows, []))
    settings = {tune.RATE: "1e-3"}
    assert tune.tried("grpo", settings, judges=None) == []
    assert len(tune.tried("grpo", settings, judges=object())) == 2
    monkeypatch.setattr(kept, "train", lambda *_: pytest.fail("trained again"))
    assert len(tune.tried("grpo", settings, judges=object())) == 2
    assert tune.tried("grpo", {tune.RATE: "5e-4"}, judges=None) == []
