"""What the pipelines are built for, and that one's own are found beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from drift_pipeline import pipeline_registry
from drift_pipeline.pipeline_registry import Plan, build_for

OWN = """
from kedro.pipeline import Node, Pipeline

def create_pipeline():
    return Pipeline([Node(len, "params:train", "length", name="length")])
"""
LISTED = """
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "registry", "list"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
from kedro.framework.project import pipelines
print(sorted({node.namespace for node in pipelines["__default__"].nodes if node.namespace}))
"""


@pytest.fixture
def registry(project_path):
    """Kedro's pipelines, and the plan as it was."""
    bootstrap_project(project_path)
    before = pipeline_registry._plan
    yield pipelines
    build_for(before)


def spaces(name: str) -> set[str]:
    return {node.namespace for node in pipelines[name].nodes if node.namespace}


def test_the_pipelines_are_built_again_for_another_plan(registry):
    build_for(Plan(3, (2, 3), ("mine",)))
    assert max(spaces("train")) == "training.epoch_0003"
    judged = {"evaluation.epoch_0002", "evaluation.epoch_0003"}
    for name in ("generate", "measure"):
        assert {space for space in spaces(name) if ".epoch_" in space} == judged
    outputs = pipelines["analyze"].all_outputs()
    assert "analyze.mine.gains" in outputs and "analyze.pickscore.gains" not in outputs
    assert "run_metrics" in pipelines["__default__"].all_outputs()
    assert "best_front" in pipelines["measure"].all_outputs()
    build_for(Plan(3, (2, 3), ("mine",), best_front=False))
    assert "best_front" not in pipelines["__default__"].all_outputs()
    build_for(Plan(3, (2, 3), ("mine",)))
    same = pipelines["train"]
    build_for(Plan(3, (2, 3), ("mine",)))
    assert pipelines["train"] is same
    build_for(Plan())
    assert max(spaces("train")) == "training.epoch_0002"


def test_a_fresh_process_starts_from_the_defaults_and_finds_ones_own(project_path, tmp_path):
    """As `kedro pipeline create` leaves it: a package beside the project's own."""
    root = tmp_path / "project"
    shutil.copytree(project_path / "src", root / "src", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(project_path / "conf", root / "conf")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copyfile(project_path / name, root / name)
    own = root / "src/drift_pipeline/pipelines/mine"
    own.mkdir()
    (own / "__init__.py").write_text(OWN)
    printed = python(LISTED, root)
    for name in ("__default__", "analyze", "bestiary", "generate", "measure", "mine", "train"):
        assert f"- {name}\n" in printed
    assert "- shared" not in printed
    *_, default = printed.splitlines()
    epochs = [f"training.epoch_{epoch:04d}" for epoch in range(3)]
    places = ("base", "base_fresh", "base_many", "epoch_0001", "epoch_0002")
    judged = [f"evaluation.{place}" for place in places]
    assert default == str(sorted(["analyze", "evaluation", "training", *judged, *epochs]))


def python(script: str, folder: Path) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
