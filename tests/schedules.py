"""Noise schedules for tests."""

from diffusers import DDIMScheduler

STABLE_DIFFUSION = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def make_scheduler(steps=50, **changes):
    """Stable Diffusion's schedule, with some settings changed."""
    scheduler = DDIMScheduler(**(STABLE_DIFFUSION | changes))
    scheduler.set_timesteps(steps)
    return scheduler
