"""A run that was stopped goes on, and ends where it would have ended."""

import logging
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
import torch
from contents import contents

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import DamagedError
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.runs import loading

NAME = "drift-pickscore-s42"
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from kedro.framework.startup import bootstrap_project
from drift_pipeline.session.resuming import ResumingSession

rename = Path.rename

def rename_or_die(self, target):
    if str(target).endswith({moment!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.rename = rename_or_die
replace = Path.replace

def replace_or_die(self, target):
    if str(target).endswith({moment!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)

Path.replace = replace_or_die
bootstrap_project(Path({project!r}))
with ResumingSession.create({project!r}, env="smoke", runtime_params={parameters!r}) as session:
    session.run(pipeline_names=["train"])
"""


@pytest.mark.parametrize(
    "moment", ["epoch_0002/policy", "epoch_0003/updates.parquet"], ids=["policy", "updates"]
)
def test_a_killed_run_ends_bit_for_bit_where_the_other_ends(
    train, finished, tiny_parameters, nested, project_path, tmp_path, moment
):
    parameters = nested({**tiny_parameters, "train.epochs": 3, "train.runs_folder": str(tmp_path)})
    script = KILLED.format(
        tests=str(project_path / "tests"), moment=moment, project=str(project_path),
        parameters=parameters,
    )  # fmt: skip
    ended = subprocess.run([sys.executable, "-c", script], cwd=project_path, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    run = tmp_path / NAME
    assert not (run / moment).exists()
    assert not (run / "training_curve.parquet").exists()
    train(tmp_path, {"train.epochs": 3})
    assert contents(run) == contents(finished)
    assert not list(run.rglob(".*"))


def test_a_finished_run_says_so_and_loads_nothing(train, finished, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "drift_pipeline")
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    train(finished.parent, {"train.epochs": 3})
    assert "All 3 epochs are trained" in caplog.text
    assert "trainable parameters" not in caplog.text
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_a_run_goes_on_when_more_epochs_are_asked_for(train, finished, tmp_path, caplog):
    caplog.set_level(logging.INFO, "drift_pipeline")
    train(tmp_path, {"train.epochs": 2})
    assert len(pd.read_parquet(tmp_path / NAME / "training_curve.parquet")) == 2
    train(tmp_path, {"train.epochs": 3}, only_missing_outputs=True)
    assert "Resuming after epoch 2 of 3" in caplog.text
    assert contents(tmp_path / NAME) == contents(finished)
    with pytest.raises(ConfigurationError, match=r"has 3 epochs, more than train\.epochs=2"):
        train(tmp_path, {"train.epochs": 2})


def test_a_run_that_has_renewed_its_reference_ends_where_the_other_ends(train, tmp_path):
    renewing = {"method": "grpo_kl", "methods.grpo_kl.method": "renewing_method.Renewing"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, {**renewing, "train.epochs": 3})
    train(parts, {**renewing, "train.epochs": 2})
    train(parts, {**renewing, "train.epochs": 3})
    run = "grpo_kl-pickscore-s42"
    assert contents(parts / run) == contents(whole / run)
    states = [
        PolicyDataset(filepath=str(parts / run / f"epoch_{epoch:04d}/policy")).load()
        for epoch in range(4)
    ]
    assert states[0].reference == {}
    renewed = states[1].adapter
    for state in states[1:]:
        assert state.reference.keys() == renewed.keys()
        assert all(torch.equal(state.reference[name], renewed[name]) for name in renewed)
    kl = [
        pd.read_parquet(parts / run / f"epoch_{epoch:04d}/updates.parquet")["kl"].iloc[0]
        for epoch in (1, 2, 3)
    ]
    assert kl[0] == kl[1] == 0 < kl[2]  # from the base model, from itself, from epoch 1


def test_other_parameters_are_refused_and_starting_over_is_offered(train, tmp_path):
    train(tmp_path, {"train.epochs": 1})
    before = contents(tmp_path / NAME)
    changes = {"train.epochs": 2, "train.optimization.learning_rate": 0.01}
    message = r"train.optimization.learning_rate: 0.001 -> 0.01\).*--params train.start_over=true"
    with pytest.raises(ConfigurationError, match=message):
        train(tmp_path, changes)
    assert contents(tmp_path / NAME) == before
    (tmp_path / NAME / "notes.txt").write_text("mine")
    train(tmp_path, {**changes, "train.start_over": True})
    after = contents(tmp_path / NAME)
    assert "epoch_0002/policy/adapter_model.safetensors" in after
    name = "epoch_0001/policy/adapter_model.safetensors"
    assert after[name] != before[name]
    assert (tmp_path / NAME / "notes.txt").exists()


def test_a_reproduction_may_start_over_by_itself(train, tmp_path, caplog):
    train(tmp_path, {"train.epochs": 1})
    name = "epoch_0001/policy/adapter_model.safetensors"
    before = contents(tmp_path / NAME)[name]
    itself = {"train.epochs": 1, "train.if_changed": "start_over"}
    train(tmp_path, itself)
    assert contents(tmp_path / NAME)[name] == before
    train(tmp_path, {**itself, "train.optimization.learning_rate": 0.01})
    assert contents(tmp_path / NAME)[name] != before
    assert "Starting over: drift-pickscore-s42 was trained with other parameters" in caplog.text


def test_a_reward_that_is_not_finite_stops_the_run(train, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "drift_pipeline")
    load = loading.load_reward

    class Broken:
        calls = 0

        def __init__(self, scorer):
            self.scorer = scorer

        def __call__(self, images, prompts):
            rewards = self.scorer(images, prompts)
            Broken.calls += 1
            if Broken.calls == 2:
                rewards[7] = float("nan")
            return rewards

    monkeypatch.setattr(loading, "load_reward", lambda run: Broken(load(run)))
    with pytest.raises(
        FloatingPointError, match=r"epoch 2, group 1 .*'\), cand.* 'pickscore' is nan"
    ):
        train(tmp_path, {"train.epochs": 4})
    assert (
        "Stopped after epoch 1; the same command, without train.start_over, resumes" in caplog.text
    )
    assert (tmp_path / NAME / "epoch_0001" / "policy" / "state.json").exists()
    assert not (tmp_path / NAME / "epoch_0002" / "policy").exists()


def test_a_damaged_policy_is_named(train, tmp_path):
    train(tmp_path, {"train.epochs": 1})
    adapter = tmp_path / NAME / "epoch_0001" / "policy" / "adapter_model.safetensors"
    adapter.write_bytes(b"half")
    with pytest.raises(DamagedError, match=r"policy/adapter_model.safetensors is damaged"):
        train(tmp_path, {"train.epochs": 2})
