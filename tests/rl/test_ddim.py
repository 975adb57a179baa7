import pytest
import torch
from schedules import make_scheduler
from torch.distributions import Normal
from torch.testing import assert_close

from drift_pipeline.rl.ddim import check_schedule, ddim_mean_std, log_prob, responses


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("eta", [0.3, 1.0])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_all_timesteps_in_one_batch_equal_diffusers_step(prediction, eta, spacing):
    scheduler = make_scheduler(prediction_type=prediction, timestep_spacing=spacing)
    timesteps = scheduler.timesteps
    latents, output, noise = (normal(50, 4, 8, 8, seed=seed) for seed in range(3))
    mean, std = ddim_mean_std(scheduler, output, timesteps, latents, eta)
    assert mean.shape == latents.shape
    assert std.shape == (50, 1, 1, 1)
    for i, t in enumerate(timesteps):
        step = scheduler.step(
            output[i : i + 1], t, latents[i : i + 1], eta=eta, variance_noise=noise[i : i + 1]
        )
        mine = (mean + std * noise)[i : i + 1]
        assert_close(mine, step.prev_sample, rtol=1e-5, atol=1e-5)


def test_rescaled_schedule_with_a_first_step_of_noise_alone_equals_diffusers():
    scheduler = make_scheduler(
        prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True
    )
    check_schedule(scheduler, 1.0)
    latents, output, noise = (normal(50, 4, 4, 4, seed=seed) for seed in range(3))
    mean, std = ddim_mean_std(scheduler, output, scheduler.timesteps, latents, 1.0)
    # Of noise alone nothing is kept; diffusers takes the root of a rounded zero and gives NaN.
    alpha_prev = scheduler.alphas_cumprod[scheduler.timesteps[1]]
    assert_close(mean[0], -alpha_prev.sqrt() * output[0])
    for i, t in list(enumerate(scheduler.timesteps))[1:]:
        step = scheduler.step(output[i], t, latents[i], eta=1.0, variance_noise=noise[i])
        assert_close((mean + std * noise)[i], step.prev_sample, rtol=1e-5, atol=1e-5)


def test_last_step_keeps_a_deviation():
    scheduler = make_scheduler()
    assert scheduler.timesteps[-1] == 1
    zeros = torch.zeros(1, 4, 8, 8)
    _, std = ddim_mean_std(scheduler, zeros, scheduler.timesteps[-1:], zeros, 1.0)
    assert std.item() == pytest.approx(0.0206, abs=5e-5)


def test_one_timestep_serves_the_whole_batch():
    scheduler = make_scheduler(10)
    latents, output = normal(3, 4, 8, 8), normal(3, 4, 8, 8, seed=1)
    one = ddim_mean_std(scheduler, output, scheduler.timesteps[4], latents, 1.0)
    each = ddim_mean_std(scheduler, output, scheduler.timesteps[4].expand(3), latents, 1.0)
    assert_close(one, each, rtol=0, atol=0)


def test_eta_zero_is_deterministic_and_eta_scales_the_deviation():
    scheduler = make_scheduler(10)
    x, output = normal(10, 4, 8, 8), normal(10, 4, 8, 8, seed=1)
    full, half, none = (
        ddim_mean_std(scheduler, output, scheduler.timesteps, x, eta)[1] for eta in (1, 0.5, 0)
    )
    assert_close(half, full / 2)
    assert (none == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    scheduler = make_scheduler(10)
    x, output = normal(10, 4, 8, 8).to(dtype), normal(10, 4, 8, 8, seed=1).to(dtype)
    mean, std = ddim_mean_std(scheduler, output, scheduler.timesteps, x, 1.0)
    expected = ddim_mean_std(scheduler, output.float(), scheduler.timesteps, x.float(), 1.0)
    assert mean.dtype == std.dtype == torch.float32
    assert torch.equal(mean, expected[0])


def test_gradient_reaches_the_prediction():
    scheduler = make_scheduler(10)
    x, output = normal(10, 4, 2, 2), normal(10, 4, 2, 2, seed=1).requires_grad_()
    mean, _ = ddim_mean_std(scheduler, output, scheduler.timesteps, x, 1.0)
    (gradient,) = torch.autograd.grad(mean.sum(), output)
    assert (gradient.abs() > 0).all()


def test_inputs_are_left_alone():
    scheduler = make_scheduler(10)
    x, output = normal(10, 4, 2, 2), normal(10, 4, 2, 2, seed=1)
    copies = x.clone(), output.clone()
    ddim_mean_std(scheduler, output, scheduler.timesteps, x, 1.0)
    assert torch.equal(x, copies[0]) and torch.equal(output, copies[1])


@pytest.mark.parametrize("shape", [(5, 1, 1, 1), (5,)])
def test_log_prob_is_the_mean_of_torch_s_normal(shape):
    mean, x, std = normal(5, 4, 8, 8), normal(5, 4, 8, 8, seed=1), torch.rand(5) + 0.02
    expected = Normal(mean, std.view(5, 1, 1, 1)).log_prob(x).mean(dim=(1, 2, 3))
    assert_close(log_prob(x, mean, std.view(shape)), expected)


def test_log_prob_does_not_grow_with_resolution():
    small, large = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 64, 64)
    std = torch.tensor([0.5])
    assert_close(log_prob(small, small, std), log_prob(large, large, std))


def test_log_prob_gradient_is_torch_s():
    mean, x = normal(3, 4, 2, 2).requires_grad_(), normal(3, 4, 2, 2, seed=1)
    std = torch.tensor([0.02, 0.5, 1.0])
    (mine,) = torch.autograd.grad(log_prob(x, mean, std).sum(), mean)
    expected = (x - mean.detach()) / std.view(3, 1, 1, 1).square() / 16
    assert_close(mine, expected)


def test_log_prob_of_half_latents_is_float32():
    x, std = normal(2, 4, 4, 4).bfloat16(), torch.ones(2)
    out = log_prob(x, torch.zeros_like(x), std)
    assert out.dtype == torch.float32
    assert torch.equal(out, log_prob(x.float(), torch.zeros(2, 4, 4, 4), std))


def test_log_prob_refuses_to_broadcast():
    with pytest.raises(ValueError, match="shapes differ"):
        log_prob(torch.zeros(2, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.ones(2))


@pytest.mark.parametrize("changes", [{}, {"set_alpha_to_one": True}])
@pytest.mark.parametrize("eta", [0.3, 1.0])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_response_is_the_derivative_of_the_mean(prediction, eta, changes):
    scheduler = make_scheduler(8, prediction_type=prediction, **changes)
    latents, output = normal(8, 2, 2, 2), normal(8, 2, 2, 2, seed=1).requires_grad_()
    mean, _ = ddim_mean_std(scheduler, output, scheduler.timesteps, latents, eta)
    (slope,) = torch.autograd.grad(mean.sum(), output)
    expected = responses(scheduler, eta).view(-1, 1, 1, 1).expand_as(slope)
    assert_close(slope, expected, rtol=1e-5, atol=1e-6)
