"""Whether what a run needs can be had, before any of it is loaded."""

import pytest
import tiny
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import DamagedError
from drift_pipeline.config.components import RewardSpec
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.hooks.preflight import check_models, refuse_damaged_policies
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.runs.run import Run


class Unchanged(StableDiffusion):
    """Draws as Stable Diffusion does."""


class OneStep(StableDiffusion):
    """Has steps of its own."""

    def schedule(self, sampling):
        raise NotImplementedError


@pytest.fixture
def run(tmp_path):
    """Of one step, which the scheduler's spacing puts where an image is nearly finished."""

    def make(policy: type) -> Run:
        tiny.make_stable_diffusion(tmp_path / "base")
        train = {
            "base_model": "base", "prompts": "y", "sampling": {"steps": 1},
            "policy": {"policy": f"{policy.__module__}.{policy.__qualname__}"},
        }  # fmt: skip
        parameters = {
            "method": "grpo", "reward": "mine", "seed": 7, "methods": {"grpo": {"epochs": 2}},
            "rewards": {"mine": {"scorer": "brightness.Brightness"}},
            "encoders": {"dreamsim": {"encoder": "torch.nn.Identity"}}, "train": train,
        }  # fmt: skip
        return Run.from_parameters(parameters, tmp_path)

    return make


@pytest.mark.parametrize("policy", [StableDiffusion, Unchanged])
def test_stable_diffusions_steps_are_checked_by_its_scheduler(run, policy):
    with pytest.raises(ConfigurationError, match=r"train.sampling.steps=1 .*nearly finished"):
        check_models(run(policy), {}, True, {}, {})


def test_steps_of_ones_own_are_not_the_schedulers(run):
    check_models(run(OneStep), {}, True, {}, {})


def test_options_of_a_true_reward_are_checked(run):
    truth = {"truth": "brightness.Brightness", "truth_options": {"wait": 3}}
    reward = RewardSpec(scorer="brightness.Brightness", **truth)
    message = r"rewards\.mine\.truth_options\.wait: .*did you mean weight"
    with pytest.raises(ConfigurationError, match=message):
        check_models(run(OneStep), {}, False, {"mine": reward}, {})


def test_the_files_are_checked_whatever_the_steps(run, tmp_path):
    own = run(OneStep)
    file = tmp_path / "base/unet/diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ConfigurationError, match="cut short or damaged"):
        check_models(own, {}, True, {}, {})


def test_what_will_be_drawn_from_is_looked_at_before(tmp_path):
    dataset = PolicyDataset(filepath=str(tmp_path / "policy"))
    dataset.save(PolicyState(3, {"q.lora_A.weight": torch.ones(1, 2)}))
    (dataset._filepath / "adapter_model.safetensors").write_bytes(b"half")
    catalog = DataCatalog({"training.e3.policy": dataset, "drawn": MemoryDataset(1)})
    train = Node(lambda policy: policy, "training.e3.policy", "training.e4.policy", name="train")
    draw = Node(lambda policy: policy, "training.e3.policy", "drawn", name="draw")
    refuse_damaged_policies(Pipeline([draw]), catalog)  # it has been drawn
    with pytest.raises(DamagedError, match=r"adapter_model.safetensors is damaged"):
        refuse_damaged_policies(Pipeline([train]), catalog)
    (dataset._filepath / "state.json").unlink()
    with pytest.raises(ConfigurationError, match=r"no policy checkpoint can be read in .* train"):
        refuse_damaged_policies(Pipeline([train]), catalog)
