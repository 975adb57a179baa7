"""A tuned policy blended with its base model, held against the blend of their predictions."""

from dataclasses import replace

import pytest
import tiny
import torch

from drift_pipeline.config.evaluation import Blend
from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.blending import Blended, tuned_shares
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.rl import ddim

SAMPLING = Sampling(steps=4, guidance=3.0, eta=1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "stable_diffusion"
    policy = StableDiffusion(tiny.make_stable_diffusion(folder), device="cpu")
    state = policy.initial_state(0)
    tuned = {name: tensor + 0.3 for name, tensor in state.adapter.items()}
    policy.load_adapter(replace(state, adapter=tuned))
    return policy


@pytest.fixture
def schedule(model):
    return model.schedule(SAMPLING)


def asked(model, schedule, step):
    random = torch.Generator().manual_seed(step)
    latents = torch.randn(2, *model.latent_shape, generator=random)
    return latents, schedule.times[step].repeat(2), model.embed(["a cat", "a dog"]), SAMPLING


def test_shares_rise_from_noise_to_image(schedule):
    annealed = tuned_shares(Blend(anneal=2.0), schedule)
    assert annealed == pytest.approx([(1 - float(t)) ** 2 for t in schedule.fractions])
    assert annealed == sorted(annealed) and annealed[0] < 0.1 < 0.5 < annealed[-1]
    assert tuned_shares(Blend(after=0.75), schedule) == [0, 0, 0, 1]
    assert tuned_shares(Blend(after=0.0), schedule) == [1] * 4


@torch.no_grad()
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_it_draws_by_the_blend_of_both_predictions(model, schedule, step):
    latents, times, condition, _ = given = asked(model, schedule, step)
    tuned = model.predict(latents, times, condition, SAMPLING.guidance)
    with model.reference():
        base = model.predict(latents, times, condition, SAMPLING.guidance)
    assert not torch.allclose(tuned, base, atol=1e-3)
    blend = Blend(anneal=0.5)
    share = tuned_shares(blend, schedule)[step]
    expected = ddim.ddim_mean_std(
        model.scheduler, (1 - share) * base + share * tuned, times, latents, SAMPLING.eta
    )
    mean, std = Blended(model, blend, schedule).step(*given)
    assert torch.allclose(mean, expected[0], atol=1e-4)
    assert torch.equal(std, expected[1])


@torch.no_grad()
def test_before_the_switch_it_is_the_base_model_and_after_it_the_policy(model, schedule):
    blended = Blended(model, Blend(after=0.5), schedule)
    for step in range(4):
        given = asked(model, schedule, step)
        own = model.step(*given)
        with model.reference():
            base = model.step(*given)
        expected = own if step >= 2 else base
        assert torch.equal(blended.step(*given)[0], expected[0])
    assert blended.latent_shape == model.latent_shape


def test_steps_of_one_time_are_refused(model, schedule):
    alike = replace(schedule, times=schedule.times.clone().fill_(7))
    with pytest.raises(ValueError, match="two steps have the same time"):
        Blended(model, Blend(anneal=1.0), alike)


@pytest.mark.parametrize("way", [{}, {"anneal": 1.0, "after": 0.5}])
def test_there_is_one_way(way):
    with pytest.raises(ValueError, match="give either anneal or after"):
        Blend(**way)
