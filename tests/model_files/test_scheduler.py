"""Schedules as others have saved them, turned into the DDIM schedule of Stable Diffusion."""

import json

import diffusers
import pytest
import torch
from diffusers import DDIMScheduler
from schedules import STABLE_DIFFUSION, make_scheduler

from drift_pipeline.model_files.scheduler import to_ddim
from drift_pipeline.rl.ddim import check_schedule

BETAS = {key: STABLE_DIFFUSION[key] for key in ("beta_start", "beta_end", "beta_schedule")}
SD_15_OF_OCTOBER_2022 = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    **BETAS,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def saved(folder, name, **changes):
    """What the class writes: its defaults, too."""
    getattr(diffusers, name)(**BETAS | changes).save_config(folder)
    return json.loads((folder / "scheduler_config.json").read_text())


def is_stable_diffusions(scheduler):
    expected = make_scheduler(10)
    scheduler.set_timesteps(10)
    check_schedule(scheduler, 1.0)
    assert isinstance(scheduler, DDIMScheduler)
    assert torch.equal(scheduler.alphas_cumprod, expected.alphas_cumprod)
    assert torch.equal(scheduler.timesteps, expected.timesteps)
    assert torch.equal(scheduler.final_alpha_cumprod, expected.final_alpha_cumprod)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("PNDMScheduler", {"skip_prk_steps": True}),
        ("DDPMScheduler", {}),
        ("EulerDiscreteScheduler", {}),
        ("EulerAncestralDiscreteScheduler", {}),
        ("LMSDiscreteScheduler", {}),
        ("HeunDiscreteScheduler", {"use_karras_sigmas": True}),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
        ("UniPCMultistepScheduler", {}),
        ("LCMScheduler", {}),
        ("DDIMScheduler", STABLE_DIFFUSION),
    ],
)
def test_any_class_becomes_stable_diffusions_ddim(tmp_path, name, changes):
    is_stable_diffusions(to_ddim(saved(tmp_path, name, **changes)))


def test_what_old_files_leave_open_is_filled():
    is_stable_diffusions(to_ddim(SD_15_OF_OCTOBER_2022))
    is_stable_diffusions(to_ddim(BETAS | {"_class_name": "DDIMScheduler"}))
    is_stable_diffusions(to_ddim(BETAS | {"_class_name": "DPMSolverSDEScheduler",
                                          "timestep_spacing": "linspace"}))  # fmt: skip


def test_what_the_noise_was_is_the_files(tmp_path):
    trained = to_ddim(saved(tmp_path, "EulerDiscreteScheduler", prediction_type="v_prediction"))
    assert trained.config.prediction_type == "v_prediction"
    betas = torch.linspace(1e-4, 1e-2, 1000).tolist()
    trained = to_ddim(saved(tmp_path, "PNDMScheduler", trained_betas=betas))
    assert torch.equal(trained.betas, torch.tensor(betas))
    # A file that leaves betas out means those of the class that reads it.
    trained = to_ddim({"_class_name": "LCMScheduler"})
    assert torch.equal(trained.alphas_cumprod, make_scheduler().alphas_cumprod)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("DDIMScheduler", {"clip_sample": True}, "clip_sample: true"),
        ("DPMSolverMultistepScheduler", {"thresholding": True}, "thresholding: true"),
        ("EulerDiscreteScheduler", {"prediction_type": "sample"}, "prediction_type 'sample' is no"),
        ("DDPMScheduler", {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
         "rescale_betas_zero_snr: false"),
        ("DDPMScheduler", {"beta_schedule": "sigmoid"}, "DDIM cannot have this schedule .*sigmoid"),
        ("PNDMScheduler", {"trained_betas": [0.1, 0.2]}, "has 2 numbers, num_train_timesteps is 1"),
    ],
)  # fmt: skip
def test_what_a_file_does_say_is_refused(tmp_path, name, changes, message):
    with pytest.raises(ValueError, match=message):
        scheduler = to_ddim(saved(tmp_path, name, **changes))
        scheduler.set_timesteps(10)
        check_schedule(scheduler, 1.0)


def test_flow_matching_has_no_betas(tmp_path):
    diffusers.FlowMatchEulerDiscreteScheduler().save_config(tmp_path)
    values = json.loads((tmp_path / "scheduler_config.json").read_text())
    with pytest.raises(ValueError, match="FlowMatchEulerDiscreteScheduler has no betas"):
        to_ddim(values)
