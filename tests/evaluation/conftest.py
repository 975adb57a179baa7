"""A tiny random Stable Diffusion model, a protocol of two prompts, and a run."""

import pytest
import tiny

from drift_pipeline.config.train import Sampling
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.runs.run import Run


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> StableDiffusion:
    folder = tmp_path_factory.mktemp("models") / "stable_diffusion"
    return StableDiffusion(tiny.make_stable_diffusion(folder), device="cpu")


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    sampling = Sampling(steps=3, guidance=5.0, eta=1.0)
    return Protocol(("a photo of a cat", "a photo of a dog"), (0, 1, 2, 3), sampling)


@pytest.fixture
def run(tmp_path) -> Run:
    """A run of four images a group and two groups an epoch, trained on a reward of its own."""
    return Run.from_parameters(
        {
            "method": "grpo", "reward": "mine", "seed": 7,
            "methods": {"grpo": {"epochs": 2}},
            "rewards": {"mine": {"scorer": "brightness.Brightness"}},
            "encoders": {"dreamsim": {"encoder": "torch.nn.Identity"}},
            "train": {"base_model": "x", "prompts": "y", "group_size": 4, "groups_per_epoch": 2},
        },
        tmp_path,
    )  # fmt: skip
