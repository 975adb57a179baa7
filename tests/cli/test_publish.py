"""Results are copied to the folder that git keeps, all of them or none."""

import json
import shutil

import pytest
import yaml

from drift_pipeline.cli.publish import publish
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import sha256
from drift_pipeline.hooks.analysis_inputs import METRICS

PAPER = {
    "methods": ["drift"], "rewards": ["pickscore"], "seeds": [42],
    "ablations": [], "ablation_rewards": [], "ablation_seeds": [],
    "repeats": ["drift"], "repeat_rewards": ["pickscore"], "repeat_seeds": [43],
    "demanding": [], "demanding_rewards": [], "demanding_seeds": [],
}  # fmt: skip
RUNS = ("base", "drift-pickscore-s42", "drift-pickscore-s43")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PAPER))
    reporting = tmp_path / "data/08_reporting/smoke"
    files = [
        "analysis/report.html", "analysis/checkpoints.parquet", "analysis/pickscore/table_1.md",
        "analysis/pickscore/fronts/captions.json", "analysis/pickscore/fronts/png/main.png",
        *(f"runs/{run}/metrics.parquet" for run in RUNS),
        "runs/base/best_front.parquet", "runs/drift-pickscore-s42/free_metrics.parquet",
    ]  # fmt: skip
    for name in files:
        (reporting / name).parent.mkdir(parents=True, exist_ok=True)
        (reporting / name).write_text(name)
    sums = {run: sha256(reporting / "runs" / run / "metrics.parquet") for run in RUNS}
    (reporting / "analysis/made_of.json").write_text(json.dumps({METRICS: sums}))
    curve = tmp_path / "data/06_models/runs/smoke/drift-pickscore-s42/training_curve.parquet"
    curve.parent.mkdir(parents=True)
    curve.write_text("curve")
    return tmp_path


def test_tables_report_and_measures_are_copied(project):
    target = publish(project, "smoke")
    copied = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert copied == {
        "README.md", "analysis/made_of.json", "analysis/report.html",
        "analysis/checkpoints.parquet", "analysis/pickscore/table_1.md",
        "runs/drift-pickscore-s42/training_curve.parquet",
        *(f"runs/{run}/metrics.parquet" for run in RUNS),
        "runs/base/best_front.parquet", "runs/drift-pickscore-s42/free_metrics.parquet",
    }  # fmt: skip
    assert "drift-pickscore-s43" in (target / "README.md").read_text()


def test_a_missing_run_leaves_what_was_published(project):
    target = publish(project, "smoke")
    (target / "note").write_text("kept")
    shutil.rmtree(project / "data/08_reporting/smoke/runs/drift-pickscore-s43")
    with pytest.raises(ConfigurationError, match=r"1 of 5 files .*drift-pickscore-s43.*dvc repro"):
        publish(project, "smoke")
    assert (target / "note").read_text() == "kept"


def test_a_report_of_other_measures_is_not_published(project):
    metrics = project / "data/08_reporting/smoke/runs/drift-pickscore-s42/metrics.parquet"
    metrics.write_text("measured again")
    with pytest.raises(ConfigurationError, match="older than the measures of 1 runs, such as"):
        publish(project, "smoke")
    assert not (project / "docs/results").exists()


def test_no_pipeline_writes_where_results_are_published(project_path):
    files = [*(project_path / "conf").rglob("*.yml"), project_path / "dvc.yaml"]
    assert not [file for file in files if "docs/results" in file.read_text(encoding="utf-8")]
