"""Bare `kedro run`: the chosen run from training to the report."""

import pandas as pd
from kedro.framework.project import pipelines


def test_the_default_pipeline_goes_from_training_to_the_report(kedro_run, tmp_path):
    kedro_run("__default__", tmp_path, {"method": "grpo", "train.epochs": 1})
    # `reporting` is the folder that holds `reports`.
    page = (tmp_path / "analysis/report.html").read_text(encoding="utf-8")
    assert "grpo-pickscore-s42" in page
    checkpoints = pd.read_parquet(tmp_path / "analysis/checkpoints.parquet")
    assert {*checkpoints["run"]} == {"base", "grpo-pickscore-s42"}
    assert checkpoints["epoch"].max() == 1

    kedro_run("__default__", tmp_path, {"method": "grpo", "train.epochs": 2})
    again = pd.read_parquet(tmp_path / "analysis/checkpoints.parquet")
    assert again["epoch"].max() == 2


def test_the_analysis_waits_for_what_it_finds_on_the_disk(kedro_run):
    default, alone = pipelines["__default__"], pipelines["analyze"]
    written = {"base_metrics", "run_metrics", "training_curve"}
    assert {*default.nodes} > {*pipelines["train"].nodes, *pipelines["measure"].nodes}
    (waiting,) = (node for node in default.nodes if node.short_name == "checkpoints")
    assert written < {*waiting.inputs}
    assert not written & alone.inputs()
