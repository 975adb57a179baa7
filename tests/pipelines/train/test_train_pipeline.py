"""The graph: what it is made of, and how the number of epochs gets into it."""

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.framework.project import pipelines

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.hooks.resolvers import DEFAULT_RUN
from drift_pipeline.pipelines.train import create_pipeline
from drift_pipeline.runs.run import Run


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
    loop = create_pipeline(3).only_nodes_with_namespaces(["training"])
    assert loop.outputs() == {
        "training_curve", "training_curve_points", "training_curve_figure", "training_pictures",
        "trained_lora",
    }  # fmt: skip


def test_a_long_run_is_one_chain():
    """Each update waits for the one before it, so the nodes' order is the epochs' order."""
    pipeline = create_pipeline(200)
    assert len({node.name for node in pipeline.nodes}) == 200 * 6 + 11
    updates = [node.namespace for node in pipeline.nodes if node.short_name == "update"]
    assert updates == [f"training.epoch_{epoch:04d}" for epoch in range(1, 201)]
    first = pipeline.only_nodes_with_namespaces(["training.epoch_0001"])
    assert "training.epoch_0000.policy" in first.inputs()


def test_the_parameters_decide_how_long_the_loop_is(train, tmp_path, project_path):
    """From the environment and from --params alike, and again in the same process."""
    for epochs in (3, 1):
        train(tmp_path / str(epochs), {"train.epochs": epochs}, to_nodes=["make_run"])
        assert f"training.epoch_{epochs:04d}.update" in {
            node.name for node in pipelines["train"].nodes
        }
        assert len(pipelines["train"].nodes) == epochs * 6 + 11


@pytest.mark.parametrize(
    ("given", "method", "expected"),
    [(None, 2, {2, 4, 5}), (3, 2, {3, 5}), (None, None, {5})],
)
def test_which_checkpoints_are_judged(train, tmp_path, given, method, expected):
    """`generate` says how often; where it does not, the method; where neither does, the last."""
    changes = {
        "train.epochs": 5,
        "generate.checkpoint_every": given,
        "methods.drift.checkpoint_every": method,
    }
    train(tmp_path, changes, to_nodes=["make_run"])
    for name in ("generate", "measure"):
        spaces = {node.namespace for node in pipelines[name].nodes if node.namespace}
        judged = {space for space in spaces if space.startswith("evaluation.epoch_")}
        assert judged == {f"evaluation.epoch_{epoch:04d}" for epoch in expected}


HEAVY = """
import sys
heavy = {"torch", "diffusers", "transformers", "open_clip", "dreamsim"} & sys.modules.keys()
assert not heavy, heavy
"""


def run_python(script: str, project_path: Path) -> str:
    """What a fresh process prints that runs the script and must import nothing heavy."""
    ended = subprocess.run(
        [sys.executable, "-c", script + HEAVY], cwd=project_path, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("command", ["--help", "run --help", "registry list"])
def test_looking_around_imports_nothing_heavy(project_path, command):
    script = f"""
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", *{command.split()!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
    printed = run_python(script, project_path)
    assert ("train" if command == "registry list" else "Usage: kedro") in printed


def test_kedro_viz_reads_the_project(project_path):
    """It loads the catalog without the hooks, which otherwise say what the run's folder is."""
    pytest.importorskip("kedro_viz")
    script = f"""
from pathlib import Path
from kedro_viz.integrations.kedro.data_loader import load_data
catalog, pipelines, _ = load_data(Path({str(project_path)!r}))
print(sorted(pipelines), catalog["training_curve"]._filepath)
"""
    printed = run_python(script, project_path)
    assert "'train'" in printed
    assert printed.endswith(DEFAULT_RUN["folder"] + "/training_curve.parquet\n")


def test_kedro_viz_can_sort_the_layers(project_path):
    """It shows none where they go in a circle, boxes that stand for a namespace included."""
    pytest.importorskip("kedro_viz")
    script = f"""
from pathlib import Path
from kedro_viz.api.rest.responses.pipelines import get_pipeline_response
from kedro_viz.server import load_and_populate_data
load_and_populate_data(Path({str(project_path)!r}))
response = get_pipeline_response()
print([pipeline.id for pipeline in response.pipelines], response.layers)
"""
    printed = run_python(script, project_path)
    for name in ("__default__", "train", "generate", "measure", "analyze", "bestiary"):
        assert repr(name) in printed
    assert printed.endswith("['raw', 'models', 'model_output', 'feature', 'reporting']\n")


def test_the_default_run_is_the_parameters(project_path):
    checked = read_parameters(project_path, "base")
    run = Run.from_parameters(checked.model_dump(), project_path)
    assert {
        "name": run.name,
        "folder": f"{run.train.runs_folder}/{run.name}",
        "prompts": run.train.prompts,
        "evaluation_prompts": checked.generate.prompts,
        "pictures": checked.generate.folder,
        "features": checked.measure.features,
        "reports": checked.measure.reports,
        "reporting": checked.measure.reports.removesuffix("/runs"),
        "bestiary_draft": str(checked.bestiary.draft),
    } == DEFAULT_RUN
