import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler
from schedules import STABLE_DIFFUSION, make_scheduler

from drift_pipeline.rl.ddim import check_schedule, ddim_mean_std, deviations

ZEROS = torch.zeros(2, 4, 8, 8)


def step(scheduler, noise_pred=ZEROS, timesteps=None, eta=1.0):
    timesteps = torch.tensor([21, 1]) if timesteps is None else timesteps
    return ddim_mean_std(scheduler, noise_pred, timesteps, ZEROS, eta)


@pytest.mark.parametrize("steps", [2, 10, 50])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_stable_diffusion_s_schedule_passes(steps, prediction):
    check_schedule(make_scheduler(steps, prediction_type=prediction), 1.0)


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, False),
        ({"set_alpha_to_one": True}, True),
        ({"steps_offset": 0}, True),
        ({"timestep_spacing": "linspace"}, True),
        ({"timestep_spacing": "trailing", "set_alpha_to_one": True}, True),
    ],
)
def test_a_last_step_without_noise_passes_and_is_known(changes, ends):
    scheduler = make_scheduler(**changes)
    check_schedule(scheduler, 1.0)
    drawn = deviations(scheduler, 1.0)
    assert (drawn[:-1] > 0).all()
    assert bool(drawn[-1] == 0) is ends
    for index, time in enumerate(scheduler.timesteps):
        _, std = ddim_mean_std(scheduler, ZEROS[:1], time, ZEROS[:1], 1.0)
        assert std.item() == drawn[index].item()


@pytest.mark.parametrize("refuse", [step, lambda scheduler: check_schedule(scheduler, 1.0)])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prediction_type": "sample"}, "prediction_type 'sample' is not supported"),
        ({"clip_sample": True}, "set clip_sample: false"),
        ({"thresholding": True}, "set thresholding: false"),
    ],
)
def test_other_steps_than_a_plain_gaussian_are_refused(refuse, changes, message):
    with pytest.raises(ValueError, match=message):
        refuse(make_scheduler(**changes))


@pytest.mark.parametrize("eta", [-0.1, 1.5])
def test_eta_outside_its_range_is_refused(eta):
    with pytest.raises(ValueError, match=r"eta must lie in \[0, 1\]"):
        step(make_scheduler(), eta=eta)


def test_eta_zero_has_no_log_probability():
    with pytest.raises(ValueError, match="set eta to 1"):
        check_schedule(make_scheduler(), 0.0)


def test_timesteps_must_be_set():
    with pytest.raises(ValueError, match="call set_timesteps first"):
        step(DDIMScheduler(**STABLE_DIFFUSION))


def test_predicted_noise_cannot_invert_pure_noise():
    scheduler = make_scheduler(rescale_betas_zero_snr=True, timestep_spacing="trailing")
    with pytest.raises(ValueError, match="set rescale_betas_zero_snr: false"):
        check_schedule(scheduler, 1.0)


def test_an_untrained_timestep_is_refused():
    with pytest.raises(ValueError, match="timestep 1000 was never trained"):
        check_schedule(make_scheduler(1000), 1.0)


def test_another_scheduler_is_refused():
    scheduler = PNDMScheduler(skip_prk_steps=True, steps_offset=1)
    scheduler.set_timesteps(50)
    with pytest.raises(TypeError, match=r"PNDMScheduler is not DDIM: use DDIMScheduler.from_con"):
        check_schedule(scheduler, 1.0)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="shapes differ: noise_pred"):
        step(make_scheduler(), noise_pred=torch.zeros(2, 8, 8, 8))
    with pytest.raises(ValueError, match="timesteps must be one or 2"):
        step(make_scheduler(), timesteps=torch.tensor([1, 21, 41]))
