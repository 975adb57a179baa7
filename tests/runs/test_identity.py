"""What a run and its judges depend on: source, model files, commits; and what they do not."""

import ast
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from drift_pipeline.common import source
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.evaluation.judges import digests_of
from drift_pipeline.runs import identity
from drift_pipeline.runs.run import Run

REWARD = """
from helpers import mean
class Bright:
    def __call__(self, images, prompts):
        return mean(images)
def truth(images):
    return images
"""
METHOD = """
from {base} import {name}
class Own({name}):
    pass
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


def of(parameters: dict, root: Path) -> dict:
    return Run.from_parameters(parameters, root).identity(["a", "b"])


def changed(first: dict, second: dict) -> set[str]:
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


@pytest.mark.parametrize("name", ["mine", "helpers"])
def test_a_reward_of_ones_own_counts_with_what_it_imports(folder, parameters, name):
    before = of(parameters, folder)
    judged = identity.judge_digest("rewards.mine", RewardSpec(scorer="mine.Bright"), folder)
    write(folder / "src" / f"{name}.py", REWARD + "    # edited")
    assert changed(before, of(parameters, folder)) == {"rewards.mine.scorer (source)"}
    assert judged != identity.judge_digest("rewards.mine", RewardSpec(scorer="mine.Bright"), folder)


def test_a_method_of_ones_own_counts_with_the_class_that_it_inherits_from(folder, parameters):
    standard = "drift_pipeline.methods.standard"
    write(folder / "src" / "family.py", METHOD.format(base=standard, name="Standard"))
    write(folder / "src" / "own.py", METHOD.format(base="family", name="Own"))
    parameters["methods"]["own"] = {**parameters["methods"]["drift"], "method": "own.Own"}
    parameters["method"] = "own"
    before = of(parameters, folder)
    text = METHOD.format(base=standard, name="Standard")
    write(folder / "src" / "family.py", text.replace("pass", "perturbs_prompts = False"))
    assert changed(before, of(parameters, folder)) == {"methods.own.method (source)"}


def test_a_method_of_ones_own_counts_with_the_standard_one(folder, parameters, monkeypatch):
    standard = "drift_pipeline.methods.standard"
    write(folder / "src" / "own.py", METHOD.format(base=standard, name="Standard"))
    parameters["methods"]["own"] = {**parameters["methods"]["drift"], "method": "own.Own"}
    parameters["method"] = "own"
    before, read = of(parameters, folder), source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith("/standard.py") else b"")

    monkeypatch.setattr(source, "read", edited)
    identity.training_code.cache_clear()
    expected = {identity.TRAINING_CODE, "methods.own.method (source)"}
    assert changed(before, of(parameters, folder)) == expected
    identity.training_code.cache_clear()


def test_a_policy_of_ones_own_counts_with_the_class_that_it_inherits_from(folder, parameters):
    stable = "drift_pipeline.policies.stable_diffusion"
    write(folder / "src" / "family.py", METHOD.format(base=stable, name="StableDiffusion"))
    write(folder / "src" / "own.py", METHOD.format(base="family", name="Own"))
    parameters["train"]["policy"] = {"policy": "own.Own"}
    before = of(parameters, folder)
    text = METHOD.format(base=stable, name="StableDiffusion")
    write(folder / "src" / "family.py", text.replace("pass", "diffusers_files = False"))
    assert changed(before, of(parameters, folder)) == {"train.policy.policy (source)"}


def test_a_scorer_that_the_run_does_not_use_does_not_count(parameters, tmp_path, monkeypatch):
    before = of({**parameters, "reward": "hpsv2"}, tmp_path)
    read = source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.name == "pickscore.py" else b"")

    monkeypatch.setattr(source, "read", edited)
    assert not changed(before, of({**parameters, "reward": "hpsv2"}, tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "checks.py",
        "threads.py",
        "common/randomness.py",
        "config/classes.py",
        "drift/prompting.py",
        "drift/selection.py",
        "drift/shaping.py",
        "methods/base.py",
        "methods/standard.py",
        "pipelines/shared.py",
        "policies/adapted.py",
        "policies/base.py",
        "policies/denoising.py",
        "policies/stable_diffusion.py",
        "rl/advantages.py",
        "rl/ddim.py",
        "rl/objective.py",
        "runs/loading.py",
        "train/nodes.py",
        "training/gradient.py",
        "training/optimizer.py",
        "training/rollout.py",
        "training/trajectories.py",
        "training/trajectory_store.py",
        "training/update.py",
    ],
)
def test_whatever_training_computes_with_counts(folder, parameters, name, monkeypatch):
    before, read = of(parameters, folder), source.read

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith(f"/{name}") else b"")

    monkeypatch.setattr(source, "read", edited)
    identity.training_code.cache_clear()
    assert changed(before, of(parameters, folder)) == {identity.TRAINING_CODE}
    identity.training_code.cache_clear()


@pytest.mark.parametrize(
    ("digest", "name", "counts"),
    [
        (identity.drawing_code, "evaluation/generation.py", True),
        (identity.drawing_code, "policies/denoising.py", True),
        (identity.drawing_code, "common/images.py", True),
        (identity.drawing_code, "training/update.py", False),
        (identity.judging_code, "evaluation/judging.py", True),
        (identity.judging_code, "common/images.py", True),
        (identity.judging_code, "evaluation/checkpoint_features.py", False),
        (identity.judging_code, "diversity/vendi.py", False),
        (identity.measuring_code, "diversity/vendi.py", True),
        (identity.measuring_code, "evaluation/checkpoint_features.py", True),
        (identity.measuring_code, "evaluation/intervals.py", True),
        (identity.measuring_code, "evaluation/metrics_table.py", True),
        (identity.measuring_code, "evaluation/generation.py", False),
        (identity.training_code, "evaluation/generation.py", False),
        (identity.training_code, "policies/lora_export.py", False),
        (identity.training_code, "config/train.py", False),
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


COMPUTES = tuple(
    f"drift_pipeline.{name}"
    for name in ("common.asking", "drift", "methods", "policies", "rl", "training")
)
SHOWS = tuple(
    f"drift_pipeline.training.{name}" for name in ("contact_sheets", "curve_figure", "records")
)
"""What an epoch is shown by, after all that is trained with has been computed."""


def test_all_that_the_training_nodes_compute_with_counts():
    """A module that the nodes begin to use cannot be forgotten here."""
    modules = [f"drift_pipeline.pipelines.{name}" for name in ("shared", "train.nodes")]
    files = source.sources([], alone=modules).values()
    counted = source.sources([f"{identity.PACKAGE}.{name}" for name in identity.TRAINS])
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names = {node.module, f"{node.module}.{alias.name}"}
                if node.module.startswith(COMPUTES) and not node.module.startswith(SHOWS):
                    assert names & counted.keys(), names


def test_judges_count_one_by_one(tmp_path):
    encoders = {"eyes": EncoderSpec(encoder="drift_pipeline.encoders.openclip.OpenCLIP")}
    spec = {"scorer": "drift_pipeline.scorers.hpsv2.HPSv2", "options": {"repo": "x"}}
    truth = {"truth": "drift_pipeline.bestiary.demanding.dusk"}
    one = identity.judge_digest("rewards.one", RewardSpec(**spec), tmp_path)
    assert one == identity.judge_digest("rewards.one", RewardSpec(**spec, bounds=(3, 4)), tmp_path)
    for other in ({**spec, **truth}, {**spec, "options": {"repo": "y"}}):
        assert one != identity.judge_digest("rewards.one", RewardSpec(**other), tmp_path)
    seeing, scoring = digests_of(encoders, {"one": RewardSpec(**spec)}, tmp_path)
    assert scoring == {"one": one}
    assert seeing == {"eyes": identity.judge_digest("encoders.eyes", encoders["eyes"], tmp_path)}
    assert digests_of(encoders, {"one": RewardSpec(**spec, bounds=(3, 4))}, tmp_path) == (
        seeing,
        scoring,
    )
    assert digests_of({}, {"one": RewardSpec(**spec)}, tmp_path) == ({}, scoring)
    assert digests_of(encoders, {"one": RewardSpec(**spec, **truth)}, tmp_path)[1] != scoring


def test_a_true_reward_counts_with_what_its_options_name_for_judges_alone(folder, parameters):
    parameters["rewards"]["mine"] |= {"truth": None, "truth_options": None}
    before = of(parameters, folder)
    write(folder / "src" / "tastes.py", "class Taste: ...")
    write(folder / "reader" / "a.bin", "old")
    options = {"reader": "reader/a.bin", "taste": "postcard"}
    own = {"scorer": "mine.Bright", "truth": "tastes.Taste", "truth_options": options}
    parameters["rewards"]["mine"] = own

    def judged(**changes) -> str:
        return identity.judge_digest("rewards.mine", RewardSpec(**own | changes), folder)

    first = judged()
    assert first == judged()
    assert first != judged(truth_options={**options, "taste": "catalogue"})
    write(folder / "reader" / "a.bin", "new!")
    second = judged()
    write(folder / "src" / "tastes.py", "class Taste: edited = True")
    assert len({first, second, judged()}) == 3
    assert of(parameters, folder) == before


def test_what_becomes_of_the_answers_changes_no_judge(folder):
    spec = {"scorer": "mine.Bright"}
    one = identity.judge_digest("rewards.mine", RewardSpec(**spec), folder)
    kinds = RewardSpec(**spec, measured_only=True, kinds=True)
    assert one == identity.judge_digest("rewards.mine", kinds, folder)


def test_what_options_name_counts_however_deep_it_lies(folder, parameters):
    write(folder / "weights" / "a.bin", "old")
    write(folder / "src" / "other.py", "class Part: ...")
    options = {
        "parts": [{"scorer": "other.Part", "file": "weights/a.bin"}],
        "text": "x" * 5000, "null": "\0", "number": 3, "none": None,
    }  # fmt: skip
    parameters["rewards"]["mine"]["options"] = options
    before, where = of(parameters, folder), "rewards.mine.options.parts.0"
    write(folder / "src" / "other.py", "class Part: edited = True")
    after = of(parameters, folder)
    assert changed(before, after) == {f"{where}.scorer (source)"}
    write(folder / "weights" / "a.bin", "new!")
    assert changed(after, of(parameters, folder)) == {f"{where}.file (content)"}


def test_a_model_from_the_hub_counts_by_its_commit(folder, parameters):
    cached = folder / "cache" / "models--owner--name"
    write(cached / "refs" / "main", COMMITS[0])
    parameters["train"]["base_model"] = "owner/name"
    parameters["rewards"]["mine"]["options"] = {"model": "owner/name"}
    before, names = of(parameters, folder), {"train.base_model", "rewards.mine.options.model"}
    assert {before[f"{name} (commit)"] for name in names} == {COMMITS[0]}
    write(cached / "refs" / "main", COMMITS[1])
    assert changed(before, of(parameters, folder)) == {f"{name} (commit)" for name in names}
    write(cached / "refs" / "v1", COMMITS[0])
    for revision, commit in (("v1", 0), (None, 1)):
        parameters["rewards"]["mine"]["options"] = {"model": "owner/name", "revision": revision}
        assert of(parameters, folder)["rewards.mine.options.model (commit)"] == COMMITS[commit]
    parameters["train"]["base_model"] = "owner/name@v1"
    assert of(parameters, folder)["train.base_model (commit)"] == COMMITS[0]
    parameters["train"]["base_model"] = "owner/absent"
    assert "train.base_model (commit)" not in of(parameters, folder)


def test_the_order_of_the_prompts_counts(folder, parameters):
    run = Run.from_parameters(parameters, folder)
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
        of(parameters, folder)
    assert "\n" not in str(error.value)


EARLIER = """
    encoders.dreamsim.encoder; encoders.dreamsim.encoder (source)
    encoders.dreamsim.options.folder; encoders.dreamsim.options.folder (content)
    encoders.dreamsim.options.image_size; method
    methods.drift.advantage; methods.drift.candidates
    methods.drift.kl_beta; methods.drift.prompt_noise
    methods.drift.selection; methods.drift.shaping.merge
    methods.drift.shaping.ratio; methods.drift.shaping.sigma
    reward; rewards.pickscore.options.model
    rewards.pickscore.options.model (content); rewards.pickscore.options.processor
    rewards.pickscore.options.processor (content); rewards.pickscore.scorer
    rewards.pickscore.scorer (source); seed
    train.base_model; train.base_model (content)
    train.encoder; train.group_size
    train.groups_per_epoch; train.lora.alpha
    train.lora.rank; train.optimization.advantage_clip
    train.optimization.betas; train.optimization.clip_range
    train.optimization.epsilon; train.optimization.learning_rate
    train.optimization.max_grad_norm; train.optimization.updates_per_epoch
    train.optimization.weight_decay; train.precision
    train.prompt_noise.psi; train.prompt_noise.scale
    train.prompt_noise.tau1; train.prompt_noise.tau2
    train.prompts (hash); train.sampling.eta
    train.sampling.guidance; train.sampling.steps
    training (source)
"""
"""What the identity of `drift` named when there was one class of policies and of methods."""


def test_runs_from_before_there_were_own_classes_can_be_continued(configuration, project_path):
    """Otherwise they would count as trained with other parameters, which is always refused."""
    identity = Run.from_parameters(configuration, project_path).identity(["a"])
    earlier = EARLIER.replace(";", "\n").strip().splitlines()
    assert {*identity} == {key.strip() for key in earlier}


def test_weights_of_steps_are_part_of_what_policies_depend_on(configuration, project_path):
    key = "train.optimization.step_weights"
    configuration["train"]["optimization"]["step_weights"] = "std"
    assert Run.from_parameters(configuration, project_path).identity(["a"])[key] == "std"
