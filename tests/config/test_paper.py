"""conf/paper: the paper's numbers, and nothing but values."""

import copy
import inspect
from typing import Any

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from drift_pipeline.config.check import check_parameters
from drift_pipeline.config.classes import find
from drift_pipeline.config.evaluation import Generate, Measure
from drift_pipeline.config.presets import read
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.evaluation.judges import presets_of
from drift_pipeline.hooks.resolvers import register_seeds
from drift_pipeline.runs.run import Run
from drift_pipeline.settings import CONFIG_LOADER_ARGS


@pytest.fixture(scope="module")
def parameters(project_path) -> dict[str, Any]:
    """The parameters as a run with --env=paper has them."""
    register_seeds(project_path)
    return OmegaConfigLoader(project_path / "conf", env="paper", **CONFIG_LOADER_ARGS)["parameters"]


def names(values: Any, prefix: str = "") -> set[str]:
    """Dotted names; what a constructor gets (`options` and the like) is a value of its own."""
    if not isinstance(values, dict) or prefix.endswith((".options", ".truth_options")):
        return {prefix}
    return {name for key, item in values.items() for name in names(item, f"{prefix}.{key}")}


def test_only_values_differ_from_base(project_path):
    known: dict[str, set[str]] = {}
    for env in ("base", "paper"):
        files = sorted((project_path / "conf" / env).glob("parameters*.yml"))
        known[env] = set().union(*(names(yaml.safe_load(file.read_text())) for file in files))
    assert known["paper"] - known["base"] == set()
    assert not [*(project_path / "conf" / "paper").glob("catalog*")]


GPUS = 2
"""Table 2 is read for each of the paper's two."""


def test_the_other_reading_is_half_of_it_in_folders_of_its_own(parameters, project_path):
    given = yaml.safe_load((project_path / "conf/paper/one_gpu.yml").read_text())["run"]
    assert given["env"] == "paper"
    loader = OmegaConfigLoader(
        project_path / "conf", "paper", runtime_params=given["params"], **CONFIG_LOADER_ARGS
    )
    changed = check_parameters(loader["parameters"])
    one, two = (
        Run.from_parameters(copy.deepcopy(values), project_path)
        for values in (loader["parameters"], parameters)
    )
    assert one.train.groups_per_epoch * one.candidates == 256
    assert one.train.groups_per_epoch * GPUS == two.train.groups_per_epoch
    assert one.epochs == GPUS * two.epochs
    folders = {"runs_folder", "groups_per_epoch", "epochs"}
    assert one.train.model_dump(exclude=folders) == two.train.model_dump(exclude=folders)
    places = (one.train.runs_folder, changed.generate.folder, changed.measure.features)
    assert all("paper_one_gpu" in str(place) for place in (*places, changed.measure.reports))


# Table 2 has a column for each reward, with the same numbers.
@pytest.mark.parametrize("reward", ["pickscore", "hpsv2"])
def test_table_2(parameters, project_path, reward):
    run = Run.from_parameters({**copy.deepcopy(parameters), "reward": reward}, project_path)
    train, update = run.train, run.train.optimization
    assert train.groups_per_epoch % GPUS == 0
    groups = train.groups_per_epoch // GPUS
    trained = groups * train.group_size
    steps = trained // update.micro_batch_size
    table = {
        "Random seed": (run.seed, 42),
        "Denoising timesteps (T)": (train.sampling.steps, 50),
        "group size (G)": (train.group_size, 8),
        "Guidance scale": (train.sampling.guidance, 5.0),
        "Policy learning rate": (update.learning_rate, 1e-4),
        "Policy clipping range": (update.clip_range, 1e-4),
        "Maximum gradient norm": (update.max_grad_norm, 1.0),
        "Optimizer weight decay": (update.weight_decay, 1e-4),
        "Optimizer beta_1": (update.betas[0], 0.9),
        "Optimizer beta_2": (update.betas[1], 0.999),
        "Optimizer epsilon": (update.epsilon, 1e-8),
        "Sampling batch size": (train.sampling.batch_size, 16),
        "Samples per epoch": (groups * run.candidates, 256),
        "Training batch size": (update.micro_batch_size, 2),
        "Gradient accumulation steps": (steps / update.updates_per_epoch, 16),
        "Training steps per epoch": (steps, 64),
        "Gradient updates per epoch": (update.updates_per_epoch, 4),
        "noise level alpha": (train.sampling.eta, 1.0),
        "shaping ratio lambda": (run.method.shaping.ratio, 0.5),
        "predetermined upper bound sigma": (run.method.shaping.sigma, 1.0),
    }
    assert {name: ours for name, (ours, _) in table.items()} == {
        name: theirs for name, (_, theirs) in table.items()
    }
    # Appendix F and G.
    noise = train.prompt_noise
    assert (noise.scale, noise.tau1, noise.tau2, noise.psi) == (0.05, 0.4, 1.0, 1.0)
    assert (train.lora.rank, train.lora.alpha, train.precision) == (8, 16, "fp16")


def test_table_2_stands_in_one_file(project_path):
    """Not inherited from base: a reviewer finds every number in this file."""
    values = yaml.safe_load((project_path / "conf/paper/parameters_train.yml").read_text())
    train = values["train"]
    said = {
        *train["optimization"],
        *train["sampling"],
        *train["prompt_noise"],
        *values["methods"]["drift"]["shaping"],
    }
    assert said >= {
        "learning_rate", "clip_range", "max_grad_norm", "weight_decay", "betas", "epsilon",
        "micro_batch_size", "updates_per_epoch", "steps", "guidance", "eta", "batch_size",
        "scale", "tau1", "tau2", "psi", "ratio", "sigma",
    }  # fmt: skip
    assert {"group_size", "groups_per_epoch"} <= train.keys()
    assert values["seed"] == 42


def test_baselines_differ_in_the_method_alone(parameters, project_path):
    for method, beta in (("grpo", 0.0), ("grpo_kl", 0.001), ("ddpo", 0.0)):
        run = Run.from_parameters({**copy.deepcopy(parameters), "method": method}, project_path)
        assert run.method.kl_beta == beta
        assert run.method.shaping.ratio == 0
        assert run.candidates == 8


def test_the_evaluation_is_the_papers(parameters, project_path):
    generate = read(Generate, parameters["generate"], "generate")
    measure = read(Measure, parameters["measure"], "measure")
    prompts = read_prompts(project_path / generate.prompts)
    assert (len(prompts), generate.images_per_prompt, measure.recall_k) == (40, 40, 10)
    encoders, rewards = presets_of(measure, parameters["encoders"], parameters["rewards"])
    assert all(reward.truth is None for reward in rewards.values())
    assert encoders["dreamsim"].options["kind"] == "ensemble"


def test_the_report_expects_the_seeds_of_params_yaml(parameters, project_path):
    seeds = yaml.safe_load((project_path / "params.yaml").read_text())["seeds"]
    expected = {name: c["seeds"] for name, c in parameters["analyze"]["comparisons"].items()}
    assert expected == {"main": seeds, "selection": [], "noise": [], "shaping": []}


def test_nothing_of_the_bestiary_is_left(parameters):
    """Every model, and every folder that a run writes to, is the paper's own."""
    used = [
        parameters["train"]["base_model"],
        parameters["train"]["runs_folder"],
        parameters["generate"]["folder"],
        parameters["measure"]["features"],
        parameters["measure"]["reports"],
        *(str(parameters[kind][name]["options"])
          for kind in ("rewards", "encoders") for name in parameters["measure"][kind]),
        *(str(parameters["rewards"][name].get("truth_options"))
          for name in parameters["measure"]["rewards"]),
    ]  # fmt: skip
    assert not [value for value in used if "bestiary" in value]


def test_the_adapters_take_these_options(parameters):
    """By their constructors' signatures: nothing is loaded here."""
    for kind, factory in (("rewards", "scorer"), ("encoders", "encoder")):
        for name, spec in parameters[kind].items():
            constructor = find(spec[factory], name)
            inspect.signature(constructor).bind(**spec.get("options", {}))
