"""Two projects in one process keep apart: each has its own prompts, models, length and folders."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
import tiny
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf

from drift_pipeline.session.resuming import ResumingSession

RUNS = "data/06_models/runs/smoke"
PICTURES = "data/07_model_output/smoke"
BASE_MODEL = "models/stable_diffusion"
"""The same name in both projects, for another model in each."""


@pytest.fixture
def projects(project_path, tiny_parameters, nested, tmp_path, monkeypatch) -> list[Path]:
    """Of cats and of dogs, and a process that is in neither."""
    bootstrap_project(project_path)
    roots = [tmp_path / "cats", tmp_path / "dogs"]
    for seed, root in enumerate(roots, 1):
        shutil.copytree(project_path / "conf", root / "conf")
        shutil.copyfile(project_path / ".telemetry", root / ".telemetry")
        tiny.make_stable_diffusion(root / BASE_MODEL, seed=seed)
        prompts = root / "data/01_raw/prompts"
        prompts.mkdir(parents=True)
        for name in ("animals", "evaluation"):
            (prompts / f"{name}.txt").write_text(f"{root.name}, {name}\n")
        (root / "params.yaml").write_text(f"seeds: [{seed}]\n")
        changes = {"seed": seed, "train.base_model": BASE_MODEL, "train.epochs": seed}
        own = nested({**tiny_parameters, **changes})
        file = root / "conf/smoke/parameters_train.yml"
        OmegaConf.save(OmegaConf.merge(OmegaConf.load(file), own), file)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return roots


def session(root: Path, **params) -> ResumingSession:
    return ResumingSession.create(root, env="smoke", runtime_params=params)


def expected_seeds(opened: ResumingSession) -> list[int]:
    parameters = opened.load_context().config_loader["parameters"]
    return parameters["analyze"]["comparisons"]["main"]["seeds"]


def test_two_contexts_are_asked_in_turn(projects):
    """As in a notebook that compares two projects, where no session runs in between."""
    contexts = [session(root).load_context() for root in projects]
    for seed, (root, context) in [*enumerate(zip(projects, contexts, strict=True), 1)] * 2:
        catalog = context.catalog
        assert catalog.load("project_folder") == root
        run = root / RUNS / f"drift-pickscore-s{seed}"
        assert Path(catalog["training.epoch_0001.policy"]._filepath) == run / "epoch_0001/policy"
        assert catalog.load("training_prompts") == [f"{root.name}, animals"]
        assert context.params["seed"] == catalog.load("params:seed") == seed
        compared = catalog.load("params:analyze").comparisons["main"]
        assert compared.seeds == [seed]
        asked = context.config_loader["parameters"]["analyze"]["comparisons"]["main"]
        assert asked["seeds"] == [seed]


def states(root: Path) -> list[dict]:
    """What each policy says of itself, the one before training first."""
    files = sorted((root / RUNS).glob("*/epoch_*/policy/state.json"))
    return [json.loads(file.read_text()) for file in files]


def prompts(files: Iterable[Path]) -> set[str]:
    return {prompt for file in files for prompt in pd.read_parquet(file)["prompt"]}


def test_two_projects_run_alternately(projects, tmp_path):
    opened = [session(root) for root in projects]
    assert [expected_seeds(each) for each in opened] == [[1], [2]]
    for epochs, each in enumerate(opened, 1):
        each.run(pipeline_names=["train"])
        spaces = {node.namespace for node in pipelines["train"].nodes if node.namespace}
        assert max(spaces) == f"training.epoch_{epochs:04d}"
    before = [states(root) for root in projects]
    assert [len(each) for each in before] == [2, 3]

    # Each goes on from its own states: with the other's base model or prompts it would be refused.
    longer = [session(root, train={"epochs": 1 + n}) for n, root in enumerate(projects, 1)]
    for each in reversed(longer):
        each.run(pipeline_names=["train", "generate"])
    after = [states(root) for root in projects]
    assert [each[:-1] for each in after] == before
    cats, dogs = (each[-1]["parameters"] for each in after)
    assert cats["train.base_model"] == dogs["train.base_model"] == BASE_MODEL
    assert cats["train.base_model (content)"] != dogs["train.base_model (content)"]

    for seed, (root, policies) in enumerate(zip(projects, after, strict=True), 1):
        run = root / RUNS / f"drift-pickscore-s{seed}"
        assert [path for path in (root / RUNS).iterdir() if path.is_dir()] == [run]
        assert prompts(run.glob("epoch_*/candidates.parquet")) == {f"{root.name}, animals"}
        drawn = [*(root / PICTURES).glob("**/images/*.parquet")]
        assert len(drawn) == len(policies) + 2  # the base model three times, and each epoch
        assert prompts(drawn) == {f"{root.name}, evaluation"}
    assert list((tmp_path / "elsewhere").iterdir()) == []
