"""docs/extending.md, done as it stands there, on tiny models: what it promises is there."""

import json
import re
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest
import train_flow
import yaml
from contents import contents
from tiny_flow import make_flow

from drift_pipeline.cli.kedro_run import run as kedro_command
from drift_pipeline.common.values import flat

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\S+)\n")
HERE = "PYTHONPATH=examples "


def blocks(section: str) -> list[tuple[str, str]]:
    """Kind and text of the code blocks below a heading."""
    start = PAGE.index(f"\n## {section}\n")
    return FENCE.findall(PAGE[start : PAGE.find("\n## ", start + 1)])


@pytest.fixture
def reader(kedro_run, conf, tmp_path, models, project_path, monkeypatch):
    """Someone who reads a section and does what it says; gives the folder of the results."""
    monkeypatch.chdir(project_path)  # for the addresses of the tiny models' own files
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a photo of a cat\na photo of a dog\n")
    tiny = {"generate.prompts": str(prompts)}
    for file in (conf / "smoke").glob("*.yml"):
        values = flat(yaml.safe_load(file.read_text()))
        tiny |= {name: value for name, value in values.items() if "data/" not in str(value)}
    results, flow = tmp_path / "results", tmp_path / "flow"

    def do(section: str) -> Path:
        for kind, text in blocks(section):
            if kind == "yaml":
                named = NAMED.match(text)
                assert named, "a block of YAML begins with the name of its file"
                file = conf / Path(named[1]).relative_to("conf")
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            elif kind == "sh":
                for line in text.splitlines():
                    command(line)
        return results

    def command(line: str) -> None:
        if line == "python examples/train_flow.py":
            few = ["--drawings", "45", "--steps", "2", "--images", "1", "--to", str(flow)]
            around = ["--around", str(models / "stable_diffusion")]
            monkeypatch.setattr(sys, "argv", ["train_flow.py", *few, *around])
            train_flow.main()
            return
        words = shlex.split(line.removeprefix(HERE))
        assert words[:2] == ["kedro", "run"], line
        given = kedro_command.make_context("run", words[2:]).params
        changes = {**tiny, **flat(given["params"] or {})}
        if given["env"] == "flow":
            around = str(models / "stable_diffusion")
            changes |= {"train.base_model": str(flow), "train.policy.options.around": around}
        (pipeline,) = given["pipelines"] or ["__default__"]
        kedro_run(pipeline, results, changes, conf=conf, env=given["env"] or "local")

    return do


def metrics(results: Path, run: str) -> pd.Series:
    """What was measured of the last checkpoint."""
    table = pd.read_parquet(results / "reports" / run / "metrics.parquet")
    return table[table["epoch"] == table["epoch"].max()].set_index(["metric", "encoder"])["value"]


def test_what_is_quoted_stands_in_the_files():
    quoted = [text.partition("\n") for kind, text in FENCE.findall(PAGE) if kind == "python"]
    files = [NAMED.match(f"{first}\n")[1] for first, _, _ in quoted]
    assert {*files} == {
        f"examples/{path.name}"
        for path in (ROOT / "examples").glob("*.py")
        if path.name != "train_flow.py"
    }
    for file, (_, _, text) in zip(files, quoted, strict=True):
        assert text in (ROOT / file).read_text(encoding="utf-8"), file


def test_a_reward_and_a_figure(reader):
    results = reader("A reward")
    assert -1 < metrics(results, "grpo-warmth-s42")["reward", "warmth"] < 1
    assert ("reward", "warmth") in metrics(results, "base").index
    table = json.loads((results / "analysis/warmth/table_1.json").read_text())
    assert table.keys() >= {"base", "grpo"}
    assert (results / "analysis/warmth/fronts/svg/main.svg").exists()
    page = (results / "analysis/report.html").read_text(encoding="utf-8")
    assert "Warm skies" in page and "Further figures" not in page

    reader("A figure")
    assert (results / "analysis/warmth/figures/svg/price.svg").exists()
    assert (results / "analysis/warmth/figures/png/price.png").exists()
    page = (results / "analysis/report.html").read_text(encoding="utf-8")
    assert "Further figures" in page
    assert 'id="fig-warmth-figures-price"' in page


def test_an_encoder(reader):
    results = reader("An encoder")
    run = "shaping-pickscore-s7"
    assert 0 < metrics(results, run)["distance_colours", "colours"] < 2
    state = json.loads((results / run / "epoch_0002/policy/state.json").read_text())
    assert state["parameters"]["train.encoder"] == "colours"
    assert state["parameters"]["encoders.colours.encoder (source)"].startswith("source ")
    assert "Colour diversity" in (results / "analysis/report.html").read_text(encoding="utf-8")


def test_a_method(reader):
    results = reader("A method")
    run = results / "boosted-pickscore-s42"
    candidates = pd.read_parquet(run / "epoch_0001/candidates.parquet")
    up = candidates[candidates["advantage"] > 0]
    assert up["boost"].std() > 0
    expected = (up["boost"] * up["advantage"]).to_list()
    assert up["advantage_total"].to_list() == pytest.approx(expected)
    state = json.loads((run / "epoch_0002/policy/state.json").read_text())["parameters"]
    assert state["methods.boosted.method (source)"].startswith("source ")
    assert state["methods.boosted.options.power"] == 1.0
    table = json.loads((results / "analysis/pickscore/table_1.json").read_text())
    assert "boosted" in table


def test_a_policy(reader, tmp_path):
    results = reader("A policy")
    assert (tmp_path / "flow/sheet.png").exists()
    run = results / "grpo-pickscore-s42"
    state = json.loads((run / "epoch_0002/policy/state.json").read_text())["parameters"]
    assert state["train.policy.policy"] == "flow_policy.RectifiedFlow"
    assert state["train.policy.policy (source)"].startswith("source ")
    assert "train.policy.options.around (content)" in state
    assert (run / "lora/adapter_model.safetensors").exists()
    assert "RectifiedFlow" in (run / "lora/README.md").read_text()
    assert ("reward", "pickscore") in metrics(results, run.name).index
    assert (results / "analysis/report.html").exists()


def test_a_policys_run_resumes_to_the_same_bits(train, models, tmp_path):
    (tmp_path / "flow").mkdir()
    flow = {
        "train.base_model": str(make_flow(tmp_path / "flow")),
        "train.policy.policy": "flow_policy.RectifiedFlow",
        "train.policy.options.around": str(models / "stable_diffusion"),
        "train.sampling.steps": 3,
        "method": "grpo_kl",
    }
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, {**flow, "train.epochs": 2})
    train(parts, {**flow, "train.epochs": 1})
    train(parts, {**flow, "train.epochs": 2})
    run = "grpo_kl-pickscore-s42"
    assert contents(parts / run) == contents(whole / run)
    kl = pd.read_parquet(whole / run / "epoch_0002/updates.parquet")["kl"]
    assert kl.gt(0).all()
