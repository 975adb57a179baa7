"""Seconds are measured around the nodes, and belong to the epoch whose nodes they are."""

import logging
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from pluggy import PluginManager

from drift_pipeline.hooks import timing

SUMMARY = {
    "epoch": 1, "reward_mean": 0.5, "reward_std": 0.25, "diversity": 0.1, "kl": 1e-4,
    "clip_fraction": 0.125, "ratio_max_dev_first": 2e-7, "zero_variance_groups": 1, "groups": 4,
}  # fmt: skip


@pytest.fixture
def wait(monkeypatch):
    """Let seconds pass."""
    now = [0.0]
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])

    def wait(seconds: float, result):
        now[0] += seconds
        return result

    return wait


def test_a_summary_gets_the_seconds_of_its_epochs_nodes(wait, caplog):
    from kedro.framework.hooks.manager import _create_hook_manager

    caplog.set_level(logging.INFO, "drift_pipeline")
    space = "training.epoch_0001"

    def node(name, inputs, output, seconds, result):
        def function(*_):
            return wait(seconds, result)

        return Node(function, inputs, f"{space}.{output}", name=name, namespace=space)

    pipeline = Pipeline(
        [
            node("rollout", ["run"], "images", 2.0, 1),
            node("sheet", [f"{space}.images"], "sheet", 5.0, 1),
            node("update", ["run", f"{space}.sheet"], "summary", 1.0, dict(SUMMARY)),
        ]
    )
    catalog = DataCatalog({"run": MemoryDataset(SimpleNamespace(epochs=7), copy_mode="assign")})
    manager: PluginManager = _create_hook_manager()
    manager.register(timing.TimingHooks())
    summary = SequentialRunner().run(pipeline, catalog, hook_manager=manager)
    saved = summary[f"{space}.summary"].load()
    assert {key: saved[key] for key in saved if key.startswith("seconds_")} == {
        "seconds_rollout": 2.0,
        "seconds_update": 1.0,
    }
    assert "epoch 1/7" in caplog.text
    assert "rollout 2.0 s, update 1.0 s" in caplog.text
