"""The noise schedule that a model was saved with, as a DDIM schedule for Stable Diffusion.

Repositories hold the schedule of whatever sampler their makers drew with, often in a file older
than the settings that DDIM asks for. What such a file leaves open is filled with what Stable
Diffusion was trained for, and not with DDIM's defaults, which are meant for pixels.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import DDIMScheduler

SAMPLING: dict[str, Any] = {
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
"""How Stable Diffusion is sampled from, where its scheduler file says nothing else."""

DDIM = ("DDIMScheduler", "DDIMParallelScheduler")
OTHERS = {"steps_offset": 0, "timestep_spacing": "linspace"}
"""Defaults of a class that is not installed; those of most that are."""


def load_scheduler(source: str) -> DDIMScheduler:
    """Read a model's schedule.

    Args:
        source: Folder or Hub id of a pipeline.

    Raises:
        ValueError: Where it is none that can be converted; with the reason.
    """
    from diffusers import DDIMScheduler

    return to_ddim(DDIMScheduler.load_config(source, subfolder="scheduler"))


def to_ddim(saved: Mapping[str, Any]) -> DDIMScheduler:
    """Convert a saved schedule to DDIM's.

    The noise that the model was trained with (betas, prediction type, number of timesteps) is
    taken from the file. Of a DDIM file every setting counts. Of another class's file those of
    `SAMPLING` count which differ from that class's own defaults, since libraries write defaults
    out: they say nothing about the model. As in diffusers' own pipeline, `steps_offset` is 1
    whatever the file says.

    Args:
        saved: Content of `scheduler_config.json`.

    Raises:
        ValueError: Where it has no betas, or betas that DDIM does not know.
    """
    from diffusers import DDIMScheduler

    name = str(saved.get("_class_name", DDIM[0]))
    defaults = _defaults(name)
    if saved.get("trained_betas") is None and "beta_start" not in {**defaults, **saved}:
        raise ValueError(
            f"{name} has no betas, and Stable Diffusion 1.x and 2.x are trained with betas: save "
            "the model with the scheduler that it was published with"
        )
    said = dict(saved) if name in DDIM else {
        key: value
        for key, value in saved.items()
        if key not in SAMPLING or value != defaults.get(key, OTHERS.get(key))
    }  # fmt: skip
    values = {**defaults, **SAMPLING, **said, "steps_offset": 1}
    known = inspect.signature(DDIMScheduler.__init__).parameters
    try:
        scheduler = DDIMScheduler(**{key: values[key] for key in values if key in known})
    except (NotImplementedError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"DDIM cannot have this schedule ({error})") from error
    found, expected = len(scheduler.alphas_cumprod), scheduler.config["num_train_timesteps"]
    if found != expected:
        raise ValueError(f"trained_betas has {found} numbers, num_train_timesteps is {expected}")
    return scheduler


def _defaults(name: str) -> dict[str, Any]:
    """Return the settings that a class of diffusers has where its file says nothing."""
    import diffusers

    parameters = inspect.signature(getattr(diffusers, name, object).__init__).parameters
    return {
        key: value.default
        for key, value in parameters.items()
        if value.default is not inspect.Parameter.empty
    }
