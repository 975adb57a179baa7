"""What a run and its judges depend on: source, model files, commits; and what they do not."""

import ast
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from drift_pipeline import identity, project
from drift_pipeline.common import source
from drift_pipeline.evaluation.parameters import digests_of
from drift_pipeline.parameters import ConfigurationError, EncoderSpec, RewardSpec
from drift_pipeline.runs import Run

REWARD = """
from helpers import mean
class Bright:
    def __call__(self, images, prompts):
        return mean(images)
def truth(images):
    return images
"""
COMMITS = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def configuration(project_path) -> dict:
    merged: dict = {}
    for file in sorted((project_path / "conf" / "base").glob("parameters*.yml")):
        merged |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return merged


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A project with a reward of its own."""
    write(tmp_path / "src" / "mine.py", REWARD)
    write(tmp_path / "src" / "helpers.py", "def mean(images): return images")
    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.setattr(project.current, "path", tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    read = source.read  # which a test may replace
    yield tmp_path
    read.cache_clear()


@pytest.fixture
def parameters(configuration) -> dict:
    values = deepcopy(configuration)
    values["rewards"]["mine"] = {"scorer": "mine.Bright", "options": {}}
    return {**values, "reward": "mine"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    source.read.cache_clear()


def of(parameters: dict) -> dict:
    return Run.from_parameters(parameters).identity(["a", "b"])


def changed(first: dict, second: dict) -> set[str]:
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


@pytest.mark.parametrize("name", ["mine", "helpers"])
def test_a_reward_of_ones_own_counts_with_what_it_imports(folder, parameters, name):
    before = of(parameters)
    judged = identity.judge_digest("rewards.mine", RewardSpec(scorer="mine.Bright"))
    write(folder / "src" / f"{name}.py", REWARD + "    # edited")
    assert changed(before, of(parameters)) == {"rewards.mine.scorer (source)"}
    assert judged != identity.judge_digest("rewards.mine", RewardSpec(scorer="mine.Bright"))


def test_a_scorer_that_the_run_does_not_use_does_not_count(parameters, monkeypatch):
    before = of({**parameters, "reward": "hpsv2"})
    read = source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.name == "pickscore.py" else b"")

    monkeypatch.setattr(source, "read", edited)
    assert not changed(before, of({**parameters, "reward": "hpsv2"}))


@pytest.mark.parametrize(
    "name", ["checks.py", "parallel.py", "drift/prompting.py", "rl/ddim.py", "train/nodes.py"]
)
def test_whatever_training_computes_with_counts(folder, parameters, name, monkeypatch):
    before, read = of(parameters), source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith(f"/{name}") else b"")

    monkeypatch.setattr(source, "read", edited)
    identity.training_code.cache_clear()
    assert changed(before, of(parameters)) == {identity.TRAINING_CODE}
    identity.training_code.cache_clear()


@pytest.mark.parametrize(
    ("digest", "name", "counts"),
    [
        (identity.drawing_code, "evaluation/generation.py", True),
        (identity.drawing_code, "rl/denoising.py", True),
        (identity.drawing_code, "images.py", True),
        (identity.drawing_code, "rl/update.py", False),
        (identity.looking_code, "evaluation/tables.py", True),
        (identity.looking_code, "images.py", True),
        (identity.looking_code, "diversity/vendi.py", False),
        (identity.measuring_code, "diversity/vendi.py", True),
        (identity.measuring_code, "evaluation/intervals.py", True),
        (identity.measuring_code, "evaluation/generation.py", False),
        (identity.training_code, "evaluation/generation.py", False),
        (identity.training_code, "rl/export.py", False),
        (identity.training_code, "parameters.py", False),
    ],
)
def test_each_kind_of_code_counts_where_it_computes(digest, name, counts, monkeypatch):
    digest.cache_clear()
    before, read = digest(), source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith(f"/{name}") else b"")

    monkeypatch.setattr(source, "read", edited)
    digest.cache_clear()
    assert (digest() != before) is counts
    digest.cache_clear()


COMPUTES = tuple(f"drift_pipeline.{name}" for name in ("common.judging", "drift", "rl"))


def test_all_that_the_training_nodes_compute_with_counts():
    """A module that the nodes begin to use cannot be forgotten here."""
    file = source.sources(["drift_pipeline.pipelines.train.nodes"])[
        "drift_pipeline.pipelines.train.nodes"
    ]
    counted = source.sources([f"{identity.PACKAGE}.{name}" for name in identity.TRAINS])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names = {node.module, f"{node.module}.{alias.name}"}
                if node.module.startswith(COMPUTES):
                    assert names & counted.keys(), names


def test_judges_count_one_by_one():
    encoders = {"eyes": EncoderSpec(encoder="drift_pipeline.encoders.openclip.OpenCLIP")}
    spec = {"scorer": "drift_pipeline.scorers.hpsv2.HPSv2", "options": {"repo": "x"}}
    truth = {"truth": "drift_pipeline.bestiary.tastes.dusk"}
    one = identity.judge_digest("rewards.one", RewardSpec(**spec))
    assert one == identity.judge_digest("rewards.one", RewardSpec(**spec, bounds=(3, 4)))
    for other in ({**spec, **truth}, {**spec, "options": {"repo": "y"}}):
        assert one != identity.judge_digest("rewards.one", RewardSpec(**other))
    seeing, scoring = digests_of(encoders, {"one": RewardSpec(**spec)})
    assert scoring == {"one": one}
    assert seeing == {"eyes": identity.judge_digest("encoders.eyes", encoders["eyes"])}
    assert digests_of(encoders, {"one": RewardSpec(**spec, bounds=(3, 4))}) == (seeing, scoring)
    assert digests_of({}, {"one": RewardSpec(**spec)}) == ({}, scoring)
    assert digests_of(encoders, {"one": RewardSpec(**spec, **truth)})[1] != scoring


def test_what_options_name_counts_however_deep_it_lies(folder, parameters):
    write(folder / "weights" / "a.bin", "old")
    write(folder / "src" / "other.py", "class Part: ...")
    options = {
        "parts": [{"scorer": "other.Part", "file": "weights/a.bin"}],
        "text": "x" * 5000, "null": "\0", "number": 3, "none": None,
    }  # fmt: skip
    parameters["rewards"]["mine"]["options"] = options
    before, where = of(parameters), "rewards.mine.options.parts.0"
    write(folder / "src" / "other.py", "class Part: edited = True")
    after = of(parameters)
    assert changed(before, after) == {f"{where}.scorer (source)"}
    write(folder / "weights" / "a.bin", "new!")
    assert changed(after, of(parameters)) == {f"{where}.file (content)"}
    assert project.current.locate(options)["text"] == options["text"]


def test_a_model_from_the_hub_counts_by_its_commit(folder, parameters):
    cached = folder / "cache" / "models--owner--name"
    write(cached / "refs" / "main", COMMITS[0])
    parameters["train"]["base_model"] = "owner/name"
    parameters["rewards"]["mine"]["options"] = {"model": "owner/name"}
    before, names = of(parameters), {"train.base_model", "rewards.mine.options.model"}
    assert {before[f"{name} (commit)"] for name in names} == {COMMITS[0]}
    write(cached / "refs" / "main", COMMITS[1])
    assert changed(before, of(parameters)) == {f"{name} (commit)" for name in names}
    write(cached / "refs" / "v1", COMMITS[0])
    for revision, commit in (("v1", 0), (None, 1)):
        parameters["rewards"]["mine"]["options"] = {"model": "owner/name", "revision": revision}
        assert of(parameters)["rewards.mine.options.model (commit)"] == COMMITS[commit]
    parameters["train"]["base_model"] = "owner/name@v1"
    assert of(parameters)["train.base_model (commit)"] == COMMITS[0]
    parameters["train"]["base_model"] = "owner/absent"
    assert "train.base_model (commit)" not in of(parameters)


def test_the_order_of_the_prompts_counts(folder, parameters):
    run = Run.from_parameters(parameters)
    assert run.identity(["a", "b"]) != run.identity(["b", "a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "No module named 'mine'"), ("def broken(:", r"invalid syntax \(mine.py, line 1\)")],
)
def test_a_class_that_cannot_be_read_is_refused_in_one_line(folder, parameters, text, message):
    (folder / "src" / "mine.py").unlink()
    if text:
        write(folder / "src" / "mine.py", text)
    expected = rf"rewards.mine.scorer: cannot import 'mine.Bright' \({message}\)"
    with pytest.raises(ConfigurationError, match=expected) as error:
        of(parameters)
    assert "\n" not in str(error.value)
