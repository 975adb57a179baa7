"""The parameters and the run that they make, from the project's own configuration files."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import fingerprint
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.model_files.locate import files_digest
from drift_pipeline.runs.folder import RunFolder
from drift_pipeline.runs.run import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def configuration(project_path) -> dict:
    names = ("", "_methods", "_rewards", "_encoders", "_train")
    files = [project_path / "conf" / "base" / f"parameters{name}.yml" for name in names]
    merged = {}
    for file in files:
        merged.update(yaml.safe_load(file.read_text()))
    return merged


@pytest.fixture
def parameters(configuration) -> dict:
    return deepcopy(configuration)


def changed(parameters: dict, **changes) -> dict:
    """Set values by their dotted names, with `__` for the dot."""
    for name, value in changes.items():
        *path, last = name.split("__")
        place = parameters
        for key in path:
            place = place[key]
        place[last] = value
    return parameters


def test_the_default_run(parameters):
    run = Run.from_parameters(parameters, ROOT)
    assert run.name == "drift-pickscore-s42"
    assert run.candidates == 16
    assert run.train.groups_per_epoch * run.candidates == 256  # Table 2: samples an epoch
    assert run.method.shaping.ratio == 0.5
    assert run.train.lora.rank == 8


def test_every_preset_is_a_method(parameters):
    table = {
        "drift": (2, "concentrated", True, 0.5, "group", 0),
        "grpo": (1, "all", False, 0, "group", 0),
        "grpo_kl": (1, "all", False, 0, "group", 0.001),
        "ddpo": (1, "all", False, 0, "batch", 0),
        "concentrated": (2, "concentrated", False, 0, "group", 0),
        "contrasted": (2, "contrasted", False, 0, "group", 0),
        "noise": (1, "all", True, 0, "group", 0),
        "shaping": (1, "all", False, 0.5, "group", 0),
        "shaping_reward": (1, "all", False, 0.5, "group", 0),
    }
    assert parameters["methods"].keys() == table.keys()
    for name, expected in table.items():
        method = Run.from_parameters(changed(parameters, method=name), ROOT).method
        assert (
            method.candidates, method.selection, method.prompt_noise, method.shaping.ratio,
            method.advantage, method.kl_beta,
        ) == expected  # fmt: skip
        assert method.shaping.merge == ("reward" if name == "shaping_reward" else "advantage")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "dirft"}, r"unknown method 'dirft'; known are: drift, grpo, grpo_kl, ddpo"),
        ({"reward": "pixels"}, r"unknown reward 'pixels'; known are: pickscore, hpsv2"),
        ({"train__encoder": "eyes"}, r"unknown encoder 'eyes'; known are: dreamsim, openclip"),
        ({"seed": "x"}, r"seed: must be a whole number \(it is 'x'\)"),
        ({"seed": True}, r"seed: must be a whole number"),
        ({"seed": 2**63}, r"seed: must lie within ±2⁶³"),
        ({"seed": 1.5}, r"seed: must be a whole number \(it is 1.5\)"),
        ({"method": None}, r"unknown method None; known are: drift, grpo"),
        ({"method": ["grpo"]}, r"unknown method \['grpo'\]; known are: drift"),
        ({"methods": 3}, r"methods: must be presets by name \(it is 3\)"),
        ({"reward": "pikscore"}, r"unknown reward 'pikscore'; .*; did you mean pickscore\?"),
        ({"train__groups_per_epoch": 100_000, "train__group_size": 100},
         r"100000 groups of 100 × 2 candidates are 20,000,000 images per epoch"),
        ({"train__prompt_noise__scale": -0.1}, r"train.prompt_noise.scale: .*0 \(it is -0.1\)"),
        ({"train__group_size": 1}, r"train.group_size: .*equal to 2 \(it is 1\)"),
        ({"train__epochs": 0}, r"train.epochs: .*1 \(it is 0\)"),
        ({"train__epoch": 3}, r"train.epoch: is not a known parameter"),
        ({"train__sampling__eta": 0}, r"train.sampling.eta"),
        ({"train__precision": "int8"}, r"train.precision: .*'fp32', 'bf16' or 'fp16'"),
        ({"train__prompt_noise__tau1": 1.0}, r"tau1 \(1.0\) must be smaller than tau2"),
        ({"train__groups_per_epoch": 1, "train__optimization__updates_per_epoch": 9},
         r"8 samples per epoch cannot fill 9 gradient updates"),
        ({"train__optimization__step_weights": [1, 1]},
         r"step_weights has 2 numbers, and there are 8 steps"),
        ({"train__optimization__step_weights": [0] * 8}, r"step_weights leaves every step out"),
        ({"train__optimization__step_weights": [-1] * 8}, r"step_weights.*0 \(it is -1\)"),
        ({"train__optimization__step_weights": "sigma"}, r"step_weights.*'uniform' or 'std'"),
        ({"methods__drift__candidates": 0}, r"group size is larger than the number of candidates"),
        ({"methods__drift__selection": "all"}, r"'all' trains on every candidate"),
        ({"methods__drift__kl_beta": -1}, r"methods.drift.kl_beta: .*0 \(it is -1\)"),
        ({"train__sampling__eta": 1.5}, r"train.sampling.eta: .*equal to 1 \(it is 1.5\)"),
        ({"train__optimization__betas": [0.9, 1.0]}, r"betas.1: .*less than 1 \(it is 1.0\)"),
        ({"train__optimization__betas": [-0.1, 0.9]}, r"betas.0: .*equal to 0 \(it is -0.1\)"),
        ({"train__device": "gpu"}, r"train.device: .*auto\|cpu\|mps\|cuda.*\(it is 'gpu'\)"),
        ({"train__device": "cuda:x"}, r"train.device: .*\(it is 'cuda:x'\)"),
        ({"train__sampling__guidance": float("inf")}, r"guidance: .*finite number \(it is inf\)"),
        ({"train__optimization__learning_rate": float("nan")}, r"finite number \(it is nan\)"),
        ({"rewards__pickscore__bounds": [1, 1]},
         r"rewards.pickscore: bounds: the first \(1\) must be smaller than the second \(1\)"),
        ({"rewards__pickscore__bounds": [0, float("inf")]}, r"bounds.1: .*finite number"),
        ({"rewards__pickscore__kinds": True}, r"rewards.pickscore: kinds: .*set measured_only"),
        ({"rewards__pickscore__kinds": True, "rewards__pickscore__measured_only": True},
         r"rewards.pickscore: kinds: .*no true reward"),
        ({"reward": "coat"}, r"^reward: .*'coat' are kinds, .*not trained"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(parameters, change, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        Run.from_parameters(changed(parameters, **change), ROOT)
    assert "\n" not in str(error.value)


def test_a_method_says_how_long_it_trains_where_the_parameters_do_not(parameters):
    assert Run.from_parameters(parameters, ROOT).epochs == parameters["methods"]["drift"]["epochs"]
    assert Run.from_parameters(changed(deepcopy(parameters), train__epochs=7), ROOT).epochs == 7
    neither = changed(deepcopy(parameters), methods__drift__epochs=None)
    with pytest.raises(ConfigurationError, match=r"neither it nor methods\.drift\.epochs says"):
        Run.from_parameters(neither, ROOT)


def test_a_method_says_how_far_an_update_moves_where_the_parameters_do_not(parameters):
    changed(parameters, train__optimization__learning_rate=None)
    own = changed(deepcopy(parameters), methods__drift__learning_rate=3e-4)
    run = Run.from_parameters(own, ROOT)
    assert run.train.optimization.learning_rate == 3e-4
    changed(own, train__optimization__learning_rate=7e-4)
    assert Run.from_parameters(own, ROOT).train.optimization.learning_rate == 7e-4
    prompts = ["a"]
    said_there = changed(deepcopy(own), train__optimization__learning_rate=3e-4)
    assert Run.from_parameters(said_there, ROOT).identity(prompts) == run.identity(prompts)
    neither = changed(deepcopy(parameters), methods__drift__learning_rate=None)
    with pytest.raises(ConfigurationError, match=r"neither it nor methods\.drift\.learning_rate"):
        Run.from_parameters(neither, ROOT)


def test_identity_is_what_the_policies_depend_on(parameters):
    prompts = ["a", "b"]
    identity = Run.from_parameters(parameters, ROOT).identity(prompts)
    free = {
        "train__epochs": 99,
        "methods__drift__epochs": 98,
        "methods__drift__checkpoint_every": 97,
        "train__runs_folder": "elsewhere",
        "train__progress": False,
        "train__device": "cpu",
        "train__prompts": "other/file.txt",
        "train__sampling__batch_size": 1,
        "train__sampling__store": "disk",
        "train__optimization__micro_batch_size": 1,
        "rewards__pickscore__bounds": [0, 30],
    }
    same = Run.from_parameters(changed(deepcopy(parameters), **free), ROOT).identity(prompts)
    assert same == identity
    matters = {
        "method": "grpo",
        "seed": 1,
        "train__group_size": 4,
        "train__sampling__steps": 9,
        "train__optimization__learning_rate": 1e-5,
        "train__precision": "bf16",
        "train__prompt_noise__scale": 0.1,
        "methods__drift__shaping__ratio": 0.6,
        "rewards__pickscore__options__model": "other",
    }
    for name, value in matters.items():
        other = Run.from_parameters(changed(deepcopy(parameters), **{name: value}), ROOT)
        assert other.identity(prompts) != identity, name
    assert Run.from_parameters(parameters, ROOT).identity(["a"]) != identity


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("train.base_model", "train__base_model"),
        ("rewards.pickscore.options.model", "rewards__pickscore__options__model"),
        ("encoders.dreamsim.options.folder", "encoders__dreamsim__options__folder"),
    ],
)
def test_a_model_trained_anew_under_the_same_path_is_another(parameters, tmp_path, key, name):
    model = tmp_path / "model"
    weights = model / "unet" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes(200_000) + b"old")
    run = Run.from_parameters(changed(parameters, **{name: str(model)}), ROOT)
    state = tmp_path / "run" / "epoch_0000" / "policy" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"parameters": run.identity(["a"])}))
    (model / ".cache").write_text("of no importance")
    assert RunFolder(tmp_path / "run").check(run.identity(["a"]), 3) == 0
    weights.write_bytes(bytes(200_000) + b"new")
    with pytest.raises(ConfigurationError, match=rf"\({key} \(content\): \w+ -> \w+\);"):
        RunFolder(tmp_path / "run").check(run.identity(["a"]), 3)


def test_a_model_is_told_by_its_names_and_every_byte(tmp_path):
    weights = tmp_path / "weights"
    zeros = bytes(300_000)
    contents = [
        b"",
        b"a",
        b"a" + zeros,
        b"b" + zeros,
        zeros + b"b",
        zeros + b"a" + zeros,
        2 * zeros,
    ]
    digests = []
    for content in contents:
        weights.write_bytes(content)
        digests += [files_digest(weights), files_digest(tmp_path)]
    weights.rename(tmp_path / "others")
    digests += [files_digest(tmp_path)]
    assert len(set(digests)) == len(contents) + 1  # a folder of one file is as that file


def test_a_vocabulary_counts_where_it_is_read(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    before = files_digest(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    assert files_digest(tmp_path) == before
    (tmp_path / "tokenizer.json").unlink()
    alone = files_digest(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    assert len({before, alone, files_digest(tmp_path)}) == 3


def test_the_bounds_matter_where_rewards_are_merged(parameters):
    other = changed(deepcopy(parameters), rewards__pickscore__bounds=[0, 30])
    pairs = [
        Run.from_parameters(changed(each, method="shaping_reward"), ROOT).identity([])
        for each in (parameters, other)
    ]
    assert pairs[0] != pairs[1]


def test_fingerprints():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_the_training_prompts_are_table_3(project_path):
    prompts = read_prompts(project_path / "data" / "01_raw" / "prompts" / "animals.txt")
    assert len(prompts) == 45
    assert prompts[0] == "a photo of a cat"
    assert "a photo of an ant" in prompts
    assert all(prompt.startswith("a photo of a") for prompt in prompts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read .*one prompt per line"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        ("ein Bär\n".encode("latin-1"), r"is not UTF-8 text \(byte 5\)"),
        (b"a\n\nb\n \n", "has blank lines: 2, 4"),
        (b"a cat\na dog\na cat\n", "has 'a cat' twice, on lines 1 and 3"),
    ],
)
def test_prompts_that_cannot_be_used_are_refused(tmp_path, content, message):
    path = tmp_path / "prompts.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as error:
        read_prompts(path)
    assert "\n" not in str(error.value)
    assert "train.prompts" in str(error.value)


def test_prompts_may_come_from_any_editor(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffein Bär\r\neine Maus".encode())
    assert read_prompts(path) == ["ein Bär", "eine Maus"]
