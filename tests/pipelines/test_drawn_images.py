"""`draw` gives the evaluation's images, whatever is drawn beside them, or nothing."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from drift_pipeline.cli.commands import commands
from drift_pipeline.common.images import from_png
from drift_pipeline.evaluation import drawing

DRIFT, GRPO = "drift-pickscore-s42", "grpo-pickscore-s42"
PROMPTS = ["a photo of a cat", "a photo of a dog"]


@pytest.fixture(scope="module")
def results(kedro_run, tmp_path_factory) -> Path:
    """Two short runs that have left the base model, and the evaluation's images of one of them."""
    folder = tmp_path_factory.mktemp("results")
    prompts = folder / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS))
    fast = {"train.optimization.learning_rate": 0.05, "generate.prompts": str(prompts)}
    for method, epochs in (("drift", 2), ("grpo", 1)):
        kedro_run("train", folder, {**fast, "method": method, "train.epochs": epochs})
    kedro_run("generate", folder, {**fast, "generate.best_front_images": 0})
    return folder


@pytest.fixture
def draw(results, tiny_parameters, project_path, monkeypatch, tmp_path):
    monkeypatch.chdir(project_path)

    def call(*arguments, runs=results, out=tmp_path / "out", **changes):
        folders = {"train.runs_folder": runs, "generate.folder": tmp_path / "pictures"}
        values = {**tiny_parameters, **folders, **changes}
        params = ",".join(f"{name}={value}" for name, value in values.items())
        given = ["--env=smoke", f"--params={params}", *([f"--out={out}"] if out else [])]
        return CliRunner().invoke(commands, ["draw", *given, *map(str, arguments)])

    return call


def pixels(*files: Path) -> torch.Tensor:
    return from_png(file.read_bytes() for file in files)


def difference(one: torch.Tensor, other: torch.Tensor) -> int:
    return int((one.int() - other.int()).abs().max())


def test_they_are_the_evaluations(draw, results, tmp_path):
    ended = draw("--prompts", results / "prompts.txt", "--run", DRIFT, "--epoch", 1,
                 "--beside", f"base,{DRIFT}", "--seeds", "0-2")  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert f"18 images, and a sheet of them: {tmp_path}/out/sheet.png" in ended.output
    places = {
        "base": "base/epoch_0000",
        f"{DRIFT}_epoch_0001": f"{DRIFT}/epoch_0001",
        f"{DRIFT}_epoch_0002": f"{DRIFT}/epoch_0002",
    }
    found = {}
    for name, place in places.items():
        files = sorted((tmp_path / "out" / name).glob("*.png"))
        assert [file.name for file in files] == [f"0{p}-{s}.png" for p in (0, 1) for s in (0, 1, 2)]
        tables = sorted((results / "pictures" / place / "images").glob("*.parquet"))
        images = [file["bytes"] for table in tables for file in pd.read_parquet(table)["image"]]
        # Alike but for the rounding to 256 levels: the evaluation draws in batches.
        assert difference(pixels(*files), from_png(images)) <= 1
        found[name] = pixels(*files)
    base, first, last = found.values()
    assert difference(base, first) > 5 and difference(first, last) > 5


def test_they_do_not_depend_on_what_is_drawn_beside_them(draw, tmp_path):
    ended = draw(*PROMPTS, "--run", GRPO, "--beside", f"{DRIFT},base", "--seeds", "0-5",
                 out=tmp_path / "many")  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert draw(PROMPTS[1], "--run", GRPO, "--seeds", "5,2,0", out=tmp_path / "few").exit_code == 0
    name = f"{GRPO}_epoch_0001"
    assert [path.name for path in (tmp_path / "few").iterdir() if path.is_dir()] == [name]
    for seed in (5, 2, 0):
        few, many = tmp_path / f"few/{name}/00-{seed}.png", tmp_path / f"many/{name}/01-{seed}.png"
        assert few.read_bytes() == many.read_bytes()
        assert Image.open(few).text["prompt"] == PROMPTS[1]


def test_an_exported_adapter_draws_what_its_run_draws(draw, results, tmp_path):
    for name in ("lora", "epoch_0002/policy"):
        out = tmp_path / name.replace("/", "_")
        sampled = {"train.sampling.steps": 2}  # an adapter does not say how it was trained
        ended = draw(PROMPTS[0], "--adapter", results / DRIFT / name, "--beside", DRIFT,
                     "--seeds", "0,3", out=out, **sampled)  # fmt: skip
        assert ended.exit_code == 0, ended.output
        one, other = (sorted((out / folder).glob("*.png"))
                      for folder in ("adapter", f"{DRIFT}_epoch_0002"))  # fmt: skip
        assert difference(pixels(*one), pixels(*other)) <= 1
        assert Image.open(one[0]).text["adapter"] == str(results / DRIFT / name)


def test_a_run_draws_as_it_was_trained_and_steps_and_guidance_can_be_given(draw, tmp_path):
    """Whatever the environment says now."""
    draw(PROMPTS[0], "--run", GRPO, "--seeds", 0, out=tmp_path / "a")
    other = {"train.sampling.steps": 4, "train.base_model": "none", "train.lora.alpha": 2}
    ended = draw(PROMPTS[0], "--run", GRPO, "--seeds", 0, out=tmp_path / "b", **other)
    assert ended.exit_code == 0, ended.output
    draw(PROMPTS[0], "--run", GRPO, "--seeds", 0, "--steps", 3, "--guidance", 1,
         out=tmp_path / "c")  # fmt: skip
    a, b, c = (tmp_path / name / f"{GRPO}_epoch_0001/00-0.png" for name in "abc")
    assert a.read_bytes() == b.read_bytes()
    assert difference(pixels(a), pixels(c)) > 5
    said = Image.open(c).text
    assert (said["steps"], said["guidance"], said["run"]) == ("3", "1", GRPO)


def test_without_a_run_the_base_model_draws_into_a_new_folder_each_time(draw, tmp_path):
    for number in (1, 2):
        ended = draw(PROMPTS[0], "--seeds", 0, out=None)
        assert f"/pictures/drawn/base-{number}/sheet.png" in ended.output
    first, second = sorted((tmp_path / "pictures/drawn").glob("*/base/00-0.png"))
    assert first.read_bytes() == second.read_bytes()


@pytest.fixture
def copied(results, tmp_path) -> Path:
    folder = tmp_path / "runs"
    for name in (DRIFT, GRPO):
        shutil.copytree(results / name, folder / name)
    return folder


def test_runs_that_were_sampled_otherwise_are_not_drawn_beside_each_other(
    draw, copied, kedro_run, tmp_path
):
    kedro_run("train", copied, {"method": "ddpo", "train.epochs": 1, "train.sampling.steps": 3})
    arguments = (PROMPTS[0], "--run", DRIFT, "--beside", "ddpo-pickscore-s42", "--seeds", 0)
    ended = draw(*arguments, runs=copied)
    assert ended.exit_code == 1
    assert ended.output.endswith(
        "Error: --beside: ddpo-pickscore-s42, epoch 1 was trained with train.sampling.steps 3, "
        f"{DRIFT}, epoch 2 with 2; draw them apart; give --steps for all\n"
    )
    assert not (tmp_path / "out").exists()
    assert draw(*arguments, "--steps", 2, runs=copied).exit_code == 0


def test_a_base_model_that_was_replaced_is_refused(draw, copied, models, tmp_path):
    """Its adapter would change something that it was not trained with."""
    model = shutil.copytree(models / "stable_diffusion", tmp_path / "model")
    state = copied / DRIFT / "epoch_0002/policy/state.json"
    values = json.loads(state.read_text())
    del values["sha256"], values["files"]
    values["parameters"]["train.base_model"] = str(model)
    state.write_text(json.dumps(values))
    assert draw(PROMPTS[0], "--run", DRIFT, "--seeds", 0, runs=copied).exit_code == 0
    (model / "model_index.json").write_text((model / "model_index.json").read_text() + "\n")
    ended = draw(PROMPTS[0], "--run", DRIFT, "--seeds", 0, runs=copied, out=tmp_path / "again")
    assert ended.exit_code == 1
    assert f"{DRIFT}, epoch 2 was trained on another base model than the one" in ended.output
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "drift-hpsv2-s1"), f"--run: .*no run 'drift-hpsv2-s1' .*: {DRIFT}, {GRPO}"),
        (("--beside", "base,x"), f"--beside: there is no run 'x' .*there are: {DRIFT}, {GRPO}"),
        (("--run", DRIFT, "--epoch", 9), f"--epoch: {DRIFT} has no epoch 9; it has 1 to 2"),
        (("--beside", f"{DRIFT}@9"), f"--beside: {DRIFT} has no epoch 9; it has 1 to 2"),
        (("--run", DRIFT, "--steps", 2000), "cannot be sampled from with .*steps=2000"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_nothing(draw, tmp_path, arguments, message):
    ended = draw(PROMPTS[0], *arguments)
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    assert re.search(message, line)
    assert not [*tmp_path.iterdir()]


def test_damaged_policies_and_adapters_are_one_line(draw, copied, tmp_path):
    (copied / DRIFT / "epoch_0002/policy/adapter_model.safetensors").write_bytes(b"x")
    ended = draw(PROMPTS[0], "--run", DRIFT, runs=copied)
    assert ended.output.startswith(f"Error: {DRIFT} cannot be drawn with: {copied}/{DRIFT}/epoch_")
    (copied / DRIFT / "lora/pytorch_lora_weights.safetensors").write_bytes(b"x")
    ended = draw(PROMPTS[0], "--adapter", copied / DRIFT / "lora")
    assert "safetensors is damaged or was changed by hand" in ended.output
    assert ended.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_drawing_that_fails_halfway_leaves_nothing(draw, tmp_path, monkeypatch):
    def full(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawing, "write_sums", full)
    ended = draw(PROMPTS[0], "--seeds", 0)
    assert ended.exit_code == 1
    assert f"--out: {tmp_path}/out cannot be written (No space left on device)" in ended.output
    assert not [*tmp_path.iterdir()]
