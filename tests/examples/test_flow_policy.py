"""A policy that is no Stable Diffusion: its step against theory, its place in training."""

from dataclasses import replace

import pytest
import torch
from flow_policy import RectifiedFlow, sde_step
from tiny_flow import make_flow
from tiny_policy import PROMPTS, make_method

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Optimization, Sampling
from drift_pipeline.policies import peft_files
from drift_pipeline.training.rollout import rollout
from drift_pipeline.training.update import update

MEAN = torch.tensor([1.5, -0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.5, 0.3], [0.3, 0.4]], dtype=torch.float64)
SAMPLING = Sampling(steps=4, guidance=3.0, eta=0.6, batch_size=8)


def gaussian_velocity(x, t):
    """E[ε - x_0 | x_t] where x_0 is N(MEAN, COVARIANCE) and ε standard normal."""
    spread = (1 - t) ** 2 * COVARIANCE + t**2 * torch.eye(2, dtype=torch.float64)
    centred = torch.linalg.solve(spread, (x - (1 - t) * MEAN).T).T
    return t * centred - (MEAN + (1 - t) * centred @ COVARIANCE)


def distribution(steps, noise_level):
    """Mean and covariance of what is drawn, without drawing: every step is affine in x."""
    mean, covariance = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    corners = torch.tensor([[0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    for k in range(steps):
        times = torch.full((3,), 1 - k / steps, dtype=torch.float64)
        velocity = gaussian_velocity(corners, float(times[0]))
        to, std = sde_step(velocity, corners, times, steps, noise_level)
        slope = (to[1:] - to[0]).T
        mean = slope @ mean + to[0]
        covariance = slope @ covariance @ slope.T + std[0] ** 2 * torch.eye(2)
    return mean, covariance


@pytest.mark.parametrize("noise_level", [0.3, 0.7, 1.0])
def test_noise_does_not_change_what_is_drawn(noise_level):
    """In the limit of small steps the images' distribution is the data's, as without noise."""
    flow, noisy = distribution(1000, 1e-12), distribution(1000, noise_level)
    for one, other, true in zip(flow, noisy, (MEAN, COVARIANCE), strict=True):
        assert torch.allclose(one, true, atol=0.01)
        assert torch.allclose(other, true, atol=0.01)


def test_the_step_is_the_papers():
    """Flow-GRPO's Eq. 9, one number at a time."""
    x, v, t, steps, a = 0.8, -1.1, 0.6, 5, 0.7
    sigma = a * (t / (1 - t)) ** 0.5
    mean, std = sde_step(torch.tensor([[v]]), torch.tensor([[x]]), torch.tensor([t]), steps, a)
    expected = x + (v + sigma**2 / (2 * t) * (x + (1 - t) * v)) * (-1 / steps)
    assert mean.item() == pytest.approx(expected)
    assert std.item() == pytest.approx(sigma * (1 / steps) ** 0.5)


@pytest.fixture(scope="module")
def flow(folder, tmp_path_factory):
    source = make_flow(tmp_path_factory.mktemp("flow"))
    return RectifiedFlow(source, around=folder, device="cpu")


@pytest.fixture(scope="module")
def state(flow):
    """Both halves of the adapter are at work."""
    state = flow.initial_state(1)
    noise = {n: 0.1 * keyed_normal(t.shape, 1, "moved", n) for n, t in state.adapter.items()}
    return replace(state, adapter={n: t + noise[n] for n, t in state.adapter.items()})


@pytest.fixture(scope="module")
def drawn(flow, state):
    return rollout(flow, state, make_method(), PROMPTS, 4, 1, 1, SAMPLING)


def test_log_probabilities_are_the_gaussians(flow, state, drawn):
    trajectories, _ = drawn
    flow.load_adapter(state)
    steps = torch.tensor([0, 1, 2])
    rows = torch.zeros(3, dtype=torch.long)
    times = trajectories.schedule.times[steps]
    embedded = flow.embed([PROMPTS[0]] * 3)
    with torch.no_grad():
        mean, std = flow.step(trajectories.latents[rows, steps], times, embedded, SAMPLING)
    following = trajectories.latents[rows, steps + 1]
    gaussian = torch.distributions.Normal(mean, std).log_prob(following)
    expected = gaussian.flatten(1).mean(dim=1)
    assert torch.allclose(flow.log_prob(following, mean, std), expected, atol=1e-6)


def test_the_last_step_is_deterministic_and_the_flows_own(flow, state, drawn):
    trajectories, images = drawn
    assert trajectories.schedule.stochastic.tolist() == [True, True, True, False]
    assert trajectories.log_probs.isnan().all(dim=0).tolist() == [False, False, False, True]
    assert images.shape == (8, 3, 64, 64)
    flow.load_adapter(state)
    before, quarter = trajectories.latents[:, 3], torch.full((8,), 0.25)
    plain = SAMPLING.model_copy(update={"guidance": 1.0})
    with torch.no_grad():
        velocity = flow.network(before, quarter, flow.embed(trajectories.prompts))
        mean, std = flow.step(before, quarter, flow.embed(trajectories.prompts), plain)
    assert torch.equal(std, torch.zeros(8, 1, 1, 1))
    assert torch.allclose(mean, before - velocity / 4, atol=1e-6)


def test_guidance_is_between_the_empty_prompt_and_the_prompt(flow, drawn):
    before, quarter = drawn[0].latents[:, 3], torch.full((8,), 0.25)
    plain = SAMPLING.model_copy(update={"guidance": 1.0})
    bound, free = flow.embed(drawn[0].prompts), flow.embed([""] * 8)
    with torch.no_grad():
        guided = flow.step(before, quarter, bound, SAMPLING)[0]
        ends = [flow.step(before, quarter, condition, plain)[0] for condition in (free, bound)]
    assert torch.allclose(guided, ends[0] + 3 * (ends[1] - ends[0]), atol=1e-5)
    assert not torch.allclose(*ends, atol=1e-3)


def test_the_ratio_is_one_before_the_first_update_and_then_it_learns(flow, state, drawn):
    advantages = torch.tensor([1.0, -0.5, 0.25, -1.5, 0.5, 2.0, -1.0, 0.5])
    few = Optimization(learning_rate=1e-3, updates_per_epoch=2, micro_batch_size=5)
    new, rows = update(flow, state, make_method(), drawn[0], advantages, SAMPLING, few)
    assert rows[0]["ratio_max_dev"] < 1e-5 < rows[1]["ratio_max_dev"]
    assert rows[0]["grad_norm"] > 0
    moved = [(new.adapter[name] - tensor).abs().max() for name, tensor in state.adapter.items()]
    assert min(moved) > 1e-5


def test_the_untrained_adapter_changes_nothing(flow, state, drawn):
    latents, times = drawn[0].latents[:, 0], torch.ones(8)
    condition = flow.embed(drawn[0].prompts)
    with torch.no_grad():
        flow.load_adapter(flow.initial_state(1))
        before = flow.step(latents, times, condition, SAMPLING)[0]
        with flow.reference():
            assert torch.equal(before, flow.step(latents, times, condition, SAMPLING)[0])
        flow.load_adapter(state)
        assert not torch.allclose(before, flow.step(latents, times, condition, SAMPLING)[0])


def test_the_adapter_is_written_as_peft_reads_it(flow, state, tmp_path):
    flow.save_lora(state, tmp_path / "lora")
    read = peft_files.load_adapter(tmp_path / "lora" / peft_files.ADAPTER)
    assert read.keys() == state.adapter.keys()
    assert all(torch.equal(read[name], state.adapter[name]) for name in read)
    assert set(peft_files.load_layers(tmp_path / "lora", ())) == {"to_q", "to_k", "to_v", "to_out"}


def test_one_step_alone_is_refused(flow):
    with pytest.raises(ValueError, match="2 or more steps"):
        flow.schedule(Sampling(steps=1))
