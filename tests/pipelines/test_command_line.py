"""What `kedro run` prints where something is wrong: one line, and an exit code that is not 0."""

import errno
import logging

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from drift_pipeline.cli.kedro_run import run
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.training import rollout


@pytest.fixture
def command(kedro_run, project_path, tiny_parameters, tmp_path, monkeypatch):
    """Types `kedro run --env=smoke` with further arguments; results go to a folder of their own."""
    monkeypatch.chdir(project_path)
    metadata = bootstrap_project(project_path)

    def typed(*arguments: str, **changes: object):
        folders = {
            "train.runs_folder": tmp_path / "runs",
            "generate.folder": tmp_path / "pictures",
            "measure.features": tmp_path / "features",
            "measure.reports": tmp_path / "reports",
        }
        values = {**tiny_parameters, **folders, "train.epochs": 1, **changes}
        params = ",".join(f"{name}={value}" for name, value in values.items())
        environment = [] if any(a.startswith("--env") for a in arguments) else ["--env=smoke"]
        if not any(a.startswith("--params") for a in arguments):
            environment.append(f"--params={params}")
        return CliRunner().invoke(run, [*environment, *arguments], obj=metadata)

    return typed


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        (
            "--pipelines=trian",
            "unknown pipeline 'trian'; known are: __default__, analyze",
        ),
        (
            "--pipelines=shared",
            "'shared'; known are: __default__, analyze, bestiary, generate, measure, train",
        ),
        (
            "--env=nonsense",
            "Given configuration path either does not exist",
        ),
        ("--conf-source=docs", "Given configuration path either does not exist"),
        ("--conf-source=nowhere", "Path 'nowhere' does not exist."),
        (
            "--runner=Runner",
            "'Runner' is not one of SequentialRunner, ThreadRunner",
        ),
        ("--params=train.epochs", "Item `train.epochs` must contain a key and a value separated"),
        ("--params==3", "Parameter key cannot be an empty string."),
        ("--params=analyze.collapse=3", "analyze.collapse: is a group of parameters"),
        ("--params=bestiary.seed=x", "bestiary.seed: input should be a valid integer"),
        ("--nodes=rollout", "node_names=rollout: Pipeline does not contain nodes named"),
        ("--load-versions=training_curve:1", "--load-versions: training_curve is not versioned"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(command, tmp_path, argument, line):
    ended = command(argument)
    assert ended.exit_code != 0
    (said,) = [text for text in ended.stderr.splitlines() if text.startswith("Error: ")]
    assert line in said
    assert isinstance(ended.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(command, tmp_path):
    (tmp_path / "runs").write_text("a file")
    ended = command("--pipelines=train")
    assert ended.exit_code == 1
    assert "runs/drift-pickscore-s42/lora cannot be written" in ended.stderr
    assert f"{tmp_path}/runs is a file" in ended.stderr
    assert "Policy:" not in ended.output


def test_a_full_disk_is_one_line_and_its_traceback_is_at_debug_level(command, monkeypatch, caplog):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(self._filepath))

    monkeypatch.setattr(PolicyDataset, "save", PolicyDataset._save_wrapper(full))
    caplog.set_level(logging.DEBUG, "drift_pipeline")
    ended = command("--pipelines=train")
    assert ended.exit_code == 1
    assert "Error: the disk is full (No space left on device: " in ended.stderr
    assert "Traceback" not in ended.output
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.levelno == logging.DEBUG


def test_ctrl_c_says_that_nothing_is_lost(command, monkeypatch, caplog):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(rollout, "rollout", interrupted)
    caplog.set_level(logging.INFO, "drift_pipeline")
    ended = command("--pipelines=train")
    assert ended.exit_code == 130
    assert "Stopped after epoch 0; the same command" in caplog.text
    assert "Interrupted: what is whole is kept, and the same command resumes" in ended.stderr


def test_a_mistake_in_a_program_keeps_its_traceback(command, monkeypatch):
    monkeypatch.setattr(rollout, "rollout", lambda: None)
    ended = command("--pipelines=train")
    assert ended.exit_code == 1
    assert isinstance(ended.exception, TypeError)
