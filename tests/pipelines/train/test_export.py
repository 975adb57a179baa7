"""Any epoch's adapter, exported from a finished run."""

import re
import shutil

import pandas as pd
import pytest
import torch
from analysis import synthetic
from click.testing import CliRunner
from diffusers import StableDiffusionPipeline
from huggingface_hub import ModelCard

from drift_pipeline.cli.commands import commands
from drift_pipeline.datasets import PolicyDataset

RUN = "drift-pickscore-s42"


@pytest.fixture(scope="module")
def runs(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(finished, folder / RUN)
    return folder


@pytest.fixture
def export(runs, project_path, monkeypatch):
    monkeypatch.chdir(project_path)

    def call(*arguments):
        given = ["--env=smoke", f"--params=train.runs_folder={runs}", *map(str, arguments)]
        return CliRunner().invoke(commands, ["export", *given])

    return call


def test_an_epoch_in_the_middle(export, runs, models):
    ended = export("--run", RUN, "--epoch", 2)
    folder = runs / RUN / "lora_epoch_0002"
    assert ended.output == f"Exported to {folder}\n"
    names = {path.name for path in (runs / RUN / "lora").iterdir()}
    assert {path.name for path in folder.iterdir()} == names
    pipe = StableDiffusionPipeline.from_pretrained(models / "stable_diffusion", safety_checker=None)
    pipe.load_lora_weights(folder)
    loaded = dict(pipe.unet.named_parameters())
    policy = PolicyDataset(filepath=str(runs / RUN / "epoch_0002" / "policy")).load()
    for name, tensor in policy.adapter.items():
        module, half = name.rsplit(".lora_", 1)
        actual = loaded[f"{module}.lora_{half[0]}.default_0.weight"]
        torch.testing.assert_close(actual, tensor * (2 if half.startswith("B") else 1))


def test_the_last_epoch_is_the_runs_own_export(export, runs, tmp_path):
    ended = export("--run", RUN, "--to", tmp_path / "made")
    assert ended.exit_code == 0, ended.output
    for name in ("pytorch_lora_weights.safetensors", "kohya.safetensors"):
        assert (tmp_path / "made" / name).read_bytes() == (runs / RUN / "lora" / name).read_bytes()


def test_a_picked_checkpoint_is_exported_too(runs, tmp_path, project_path, monkeypatch):
    monkeypatch.chdir(project_path)
    rows = synthetic.base()
    rows += synthetic.path("drift", "pickscore", 42, synthetic.trade(0.7, 0.9, epochs=(1, 2, 3)))
    for run, table in pd.DataFrame(rows).groupby("run"):
        (tmp_path / "reports" / str(run)).mkdir(parents=True)
        table.to_parquet(tmp_path / "reports" / str(run) / "metrics.parquet")
    given = f"train.runs_folder={runs},measure.reports={tmp_path / 'reports'}"
    arguments = ["pick", "--keep=0.75", "--env=smoke", "--params", given, "--export"]
    ended = CliRunner().invoke(commands, [*arguments, str(tmp_path / "made")])
    assert ended.exit_code == 0, ended.output
    assert ended.output.startswith(f"{RUN}, epoch 2: of 3 checkpoints, 2 keep 75 %")
    assert ended.output.endswith(f"Exported to {tmp_path / 'made'}\n")
    two = ["export", "--run", RUN, "--epoch=2", f"--to={tmp_path / 'two'}", "--env=smoke"]
    CliRunner().invoke(commands, [*two, "--params", given])
    name = "pytorch_lora_weights.safetensors"
    assert (tmp_path / "made" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_card_is_of_that_epoch(export, runs, tmp_path, models):
    """And of the parameters that the run was trained with, whatever they are now."""
    ended = export("--run", RUN, "--epoch", 2, "--to", tmp_path / "made",
                   "--params", f"train.runs_folder={runs},train.base_model=none,seed=7,"
                   "train.optimization.learning_rate=0.5,methods.drift.candidates=9")  # fmt: skip
    assert ended.exit_code == 0, ended.output
    card, own = ((folder / "README.md").read_text(encoding="utf-8")
                 for folder in (tmp_path / "made", runs / RUN / "lora"))  # fmt: skip
    assert ModelCard(card).data.library_name == "diffusers"
    assert f"# {RUN}, epoch 2\n" in card
    assert "| | epoch 1 | epoch 2 |" in card
    assert "| Epochs | 2; in each " in card
    assert f'load_lora_weights("{tmp_path / "made"}")' in card
    same = ("| Base model", "| Method", "| Reward |", "| Seed", "| Learning rate", "| LoRA")
    lines = [line for line in own.splitlines() if line.startswith(same)]
    assert len(lines) == len(same)
    assert all(line in card for line in lines)


def test_what_is_there_is_not_overwritten(export, tmp_path):
    (tmp_path / "mine").write_text("a file")
    for target in (tmp_path, tmp_path / "mine"):
        ended = export("--run", RUN, "--epoch", 1, "--to", target)
        assert ended.exit_code == 1
        assert f"Error: --to: {target} is there already; remove it" in ended.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "drift-hpsv2-s1"), f"no run 'drift-hpsv2-s1' in .*; there are: {RUN}"),
        (("--run", RUN, "--epoch", 9), f"{RUN} has no epoch 9; it has 1 to 3"),
        (("--run", RUN, "--epoch", 0), "epoch 0 is the base model"),
        (("--run", RUN, "--env", "papre"), "no environment 'papre'"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(export, runs, arguments, message):
    before = sorted(runs.rglob("*"))
    ended = export(*arguments)
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    assert re.search(message, line)
    assert sorted(runs.rglob("*")) == before


def test_a_damaged_run_is_said_in_one_line(export, runs, tmp_path):
    broken = shutil.copytree(runs / RUN, tmp_path / "drift-pickscore-s1")
    (broken / "epoch_0001/summary.json").write_text("{")
    before = sorted(broken.rglob("*"))
    ended = export("--run", broken.name, "--params", f"train.runs_folder={tmp_path}")
    assert ended.exit_code == 1
    assert ended.output.startswith(
        f"Error: {broken.name} cannot be exported: {broken}/epoch_0001/su"
    )
    assert ended.output.count("\n") == 1
    assert sorted(broken.rglob("*")) == before
