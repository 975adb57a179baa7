"""Fixtures: a tiny random Stable Diffusion model, and an epoch drawn with it."""

from dataclasses import replace

import pytest
import tiny

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.train import PromptNoise, Sampling
from drift_pipeline.methods.standard import Standard
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.training.rollout import rollout
from drift_pipeline.training.trajectories import Trajectories

SEED, STEPS = 42, 3
PROMPTS = ["a photo of a cat", "a photo of a dog"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tiny.make_stable_diffusion(tmp_path_factory.mktemp("models") / "stable_diffusion")


@pytest.fixture(scope="session")
def model(folder) -> StableDiffusion:
    return StableDiffusion(folder, device="cpu")


@pytest.fixture(scope="session")
def moved(model) -> PolicyState:
    """A policy that has left the base model: both halves of the adapter are at work."""
    state = model.initial_state(SEED)
    adapter = {
        name: tensor + 0.1 * keyed_normal(tensor.shape, SEED, "moved", name)
        for name, tensor in state.adapter.items()
    }
    return replace(state, adapter=adapter)


@pytest.fixture(scope="session")
def sampling() -> Sampling:
    return Sampling(steps=STEPS, guidance=5.0, eta=1.0, batch_size=8)


def make_method(prompt_noise: bool = True, **switches) -> Standard:
    """A method whose noise is stronger than the paper's, so that a mistake with it shows."""
    preset = MethodPreset(prompt_noise=prompt_noise, **switches)
    return Standard(preset, prompt_noise=PromptNoise(scale=0.5, tau1=0.0))


@pytest.fixture(scope="session")
def method() -> Standard:
    return make_method()


@pytest.fixture(scope="session")
def drawn(model, moved, sampling, method) -> tuple[Trajectories, object]:
    """Two groups of four."""
    return rollout(model, moved, method, PROMPTS, 4, SEED, 1, sampling)


@pytest.fixture
def trajectories(drawn) -> Trajectories:
    return drawn[0]
