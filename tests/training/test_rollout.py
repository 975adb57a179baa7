import pytest
import torch
from diffusers import DDIMScheduler
from tiny_policy import make_method
from torch.distributions import Normal

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.training.rollout import draw_prompts, rollout
from drift_pipeline.training.trajectories import conditions

SEED, STEPS = 42, 3
PROMPTS = ["a photo of a cat", "a photo of a dog"]


def test_what_a_rollout_gives(model, drawn):
    trajectories, images = drawn
    assert len(trajectories) == 8
    assert trajectories.latents.shape == (8, STEPS + 1, *model.latent_shape)
    assert trajectories.log_probs.shape == (8, STEPS)
    assert trajectories.latents.dtype == trajectories.log_probs.dtype == torch.float32
    assert images.shape == (8, 3, 64, 64)
    assert images.dtype == torch.uint8
    assert trajectories.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert trajectories.candidates.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert trajectories.prompts == [PROMPTS[0]] * 4 + [PROMPTS[1]] * 4
    first = keyed_normal(model.latent_shape, SEED, "latents", 1, 1, 2)
    assert torch.equal(trajectories.latents[6, 0], first)


def test_log_probs_are_the_gaussians(model, moved, sampling, method, trajectories):
    model.load_adapter(moved)
    schedule = model.schedule(sampling)
    rows = torch.arange(8)
    for step in range(STEPS):
        steps = torch.full((8,), step)
        embeddings = conditions(model, method, trajectories, rows, steps)
        with torch.no_grad():
            mean, std = model.step(
                trajectories.latents[:, step], schedule.times[steps], embeddings, sampling
            )
        expected = Normal(mean, std).log_prob(trajectories.latents[:, step + 1]).mean((1, 2, 3))
        torch.testing.assert_close(trajectories.log_probs[:, step], expected, rtol=1e-5, atol=1e-5)


def test_a_candidate_does_not_depend_on_its_batch(model, moved, method, drawn):
    small = Sampling(steps=STEPS, batch_size=3)
    again, pictures = rollout(model, moved, method, PROMPTS, 4, SEED, 1, small)
    torch.testing.assert_close(again.latents, drawn[0].latents, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(again.log_probs, drawn[0].log_probs, rtol=1e-4, atol=1e-4)
    assert (pictures.int() - drawn[1].int()).abs().max() <= 1


def test_batches_drawn_at_the_same_time_are_the_same(model, moved, method, drawn):
    """One thread each, in both cases: how operations are split is left alone."""
    small = Sampling(steps=STEPS, batch_size=2)
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    one, pictures = rollout(model, moved, method, PROMPTS, 4, SEED, 1, small)
    two, others = rollout(model, moved, method, PROMPTS, 4, SEED, 1, small, workers=2)
    torch.set_num_threads(cores)
    assert torch.equal(one.latents, two.latents) and torch.equal(one.log_probs, two.log_probs)
    assert torch.equal(pictures, others)


def test_a_candidate_does_not_depend_on_its_neighbours(model, moved, sampling, method, drawn):
    fewer, _ = rollout(model, moved, method, PROMPTS, 2, SEED, 1, sampling)
    kept = drawn[0].select(torch.tensor([0, 1, 4, 5]))
    torch.testing.assert_close(fewer.latents, kept.latents, rtol=1e-4, atol=1e-4)


def test_groups_epochs_and_seeds_differ(model, moved, method, sampling):
    def start(seed, epoch):
        trajectories, _ = rollout(model, moved, method, [PROMPTS[0]] * 2, 2, seed, epoch, sampling)
        return trajectories.latents[:, 0]

    starts = torch.cat([start(1, 1), start(1, 2), start(2, 1)]).flatten(1)
    assert len(starts.unique(dim=0)) == 12


def test_prompt_noise_is_made_again_from_its_key(model, method, trajectories):
    """In another order, among other rows, after a selection: bit for bit."""
    rows, steps = torch.tensor([5, 2, 7]), torch.tensor([1, 0, 2])
    expected = conditions(model, method, trajectories, rows, steps)
    selected = trajectories.select(torch.tensor([7, 0, 2, 5]))
    again = conditions(model, method, selected, torch.tensor([0, 2, 3]), torch.tensor([2, 0, 1]))
    assert torch.equal(again, expected[[2, 1, 0]])
    clean = conditions(model, make_method(prompt_noise=False), trajectories, rows, steps)
    assert (expected - clean).abs().max() > 1e-3
    assert torch.equal(clean, model.embed([trajectories.prompts[row] for row in rows.tolist()]))


def test_prompt_noise_changes_pictures_only_where_it_is_asked_for(model, moved, drawn, sampling):
    bare, _ = rollout(model, moved, make_method(False), PROMPTS, 4, SEED, 1, sampling)
    assert torch.equal(bare.latents[:, 0], drawn[0].latents[:, 0])
    assert (bare.latents[:, -1] - drawn[0].latents[:, -1]).abs().max() > 1e-3


def test_select_keeps_what_belongs_together(trajectories):
    kept = trajectories.select(torch.tensor([6, 1]))
    assert len(kept) == 2
    assert kept.prompts == [PROMPTS[1], PROMPTS[0]]
    assert kept.groups.tolist() == [1, 0]
    assert kept.candidates.tolist() == [2, 1]
    assert torch.equal(kept.latents, trajectories.latents[[6, 1]])
    assert torch.equal(kept.log_probs, trajectories.log_probs[[6, 1]])
    assert kept.latents.untyped_storage().size() < trajectories.latents.untyped_storage().size()


def test_prompts_are_drawn_by_seed_and_epoch():
    names = [f"a photo of animal {number}" for number in range(45)]
    first = draw_prompts(names, 16, 42, 1)
    assert first == draw_prompts(names, 16, 42, 1)
    assert first != draw_prompts(names, 16, 42, 2)
    assert first != draw_prompts(names, 16, 43, 1)
    assert set(draw_prompts(names, 2000, 42, 1)) == set(names)


@pytest.fixture
def ending(model):
    """The model with a schedule whose last step draws nothing."""
    scheduler = model.scheduler
    changes = {"set_alpha_to_one": True, "steps_offset": 0}
    model.scheduler = DDIMScheduler.from_config(scheduler.config, **changes)
    yield model
    model.scheduler = scheduler


def test_a_deterministic_step_is_taken_and_has_no_log_probability(ending, moved, method, sampling):
    trajectories, _ = rollout(ending, moved, method, PROMPTS, 2, SEED, 1, sampling)
    assert trajectories.schedule.stochastic.tolist() == [True, True, False]
    known = trajectories.log_probs.isfinite()
    assert known.all(dim=0).tolist() == [True, True, False]
    assert not known[:, 2].any()
    rows, steps = torch.arange(4), torch.full((4,), 2)
    with torch.no_grad(), ending.using(moved):
        schedule = ending.schedule(sampling)
        condition = conditions(ending, method, trajectories, rows, steps)
        latents = trajectories.latents[:, 2]
        mean, _ = ending.step(latents, schedule.times[steps], condition, sampling)
    torch.testing.assert_close(trajectories.latents[:, 3], mean, rtol=1e-4, atol=1e-4)


def test_latents_that_are_not_finite_are_named(model, moved, sampling, monkeypatch):
    """Before the VAE turns them into images like any others."""
    step = StableDiffusion.step

    def broken(self, latents, *rest):
        mean, std = step(self, latents, *rest)
        mean[3] = float("nan")
        return mean, std

    monkeypatch.setattr(StableDiffusion, "step", broken)
    monkeypatch.setattr(StableDiffusion, "decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(
        FloatingPointError, match=r"epoch 7, group 1 \('a photo of a dog'\), candidate 1"
    ):
        rollout(model, moved, make_method(False), PROMPTS, 2, SEED, 7, sampling)
