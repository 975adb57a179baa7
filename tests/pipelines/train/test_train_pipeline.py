"""The graph: what it is made of, and how the number of epochs gets into it."""

import subprocess
import sys
import time

import pytest
from kedro.framework.project import pipelines

from drift_pipeline import project
from drift_pipeline.pipelines.train import create_pipeline


def test_an_epoch_is_a_namespace():
    pipeline = create_pipeline(2)
    epochs = {node.namespace for node in pipeline.nodes if node.namespace}
    assert epochs == {"training", *(f"training.epoch_{number:04d}" for number in (0, 1, 2))}
    names = [node.short_name for node in pipeline.nodes if node.namespace == "training.epoch_0002"]
    assert sorted(names) == ["contact_sheet", "rollout", "score", "select", "shape", "update"]
    assert names.index("rollout") < names.index("score") < names.index("select")
    assert names.index("shape") < names.index("contact_sheet") < names.index("update")


def test_only_the_results_leave_the_loop():
    """Otherwise every epoch's tables stand side by side in Kedro-Viz."""
    assert create_pipeline(3).outputs() == {
        "training_curve", "training_curve_points", "training_curve_figure", "training_pictures",
        "trained_lora",
    }  # fmt: skip


def test_a_long_run_is_built_quickly():
    start = time.process_time()
    pipeline = create_pipeline(200)
    assert len(pipeline.nodes) == 200 * 6 + 8
    assert time.process_time() - start < 5


def test_the_parameters_decide_how_long_the_loop_is(train, tmp_path, project_path):
    """From the environment and from --params alike, and again in the same process."""
    for epochs in (3, 1):
        train(tmp_path / str(epochs), {"train.epochs": epochs}, to_nodes=["make_run"])
        assert project.current.epochs == epochs
        assert f"training.epoch_{epochs:04d}.update" in {
            node.name for node in pipelines["train"].nodes
        }
        assert len(pipelines["train"].nodes) == epochs * 6 + 8


@pytest.mark.parametrize("command", ["registry list"])
def test_listing_pipelines_imports_nothing_heavy(project_path, command):
    script = f"""
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", *{command.split()!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"torch", "diffusers", "transformers", "open_clip", "dreamsim"}} & sys.modules.keys()
assert not heavy, heavy
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=project_path, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert "train" in ended.stdout
