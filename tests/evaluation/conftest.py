"""A tiny random Stable Diffusion model and a protocol of two prompts."""

import pytest
import tiny

from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.parameters import Sampling
from drift_pipeline.rl.policy import StableDiffusion


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> StableDiffusion:
    folder = tmp_path_factory.mktemp("models") / "stable_diffusion"
    return StableDiffusion(tiny.make_stable_diffusion(folder), device="cpu")


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    sampling = Sampling(steps=3, guidance=5.0, eta=1.0)
    return Protocol(("a photo of a cat", "a photo of a dog"), (0, 1, 2, 3), sampling)
