"""The policy's step: DDIM as a Gaussian whose log-probability is known.

Song et al., "Denoising Diffusion Implicit Models", arXiv 2010.02502, Eq. 12 and 16. Notation:
`b`: batch size; latents are `(b, channels, height, width)`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_same_shape

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler


def ddim_mean_std(
    scheduler: DDIMScheduler, noise_pred: Tensor, timesteps: Tensor, latents: Tensor, eta: float
) -> tuple[Tensor, Tensor]:
    r"""Return mean and deviation of the next latents, for a batch of different timesteps.

    .. math::
        \sigma_t &= \eta \sqrt{\frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}}
                    \sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}}} \\
        \mu &= \sqrt{\bar\alpha_{t-1}}\, \hat x_0
               + \sqrt{1 - \bar\alpha_{t-1} - \sigma_t^2}\, \hat\epsilon

    What `DDIMScheduler.step` computes for one timestep, before it adds
    :math:`\sigma_t \cdot` noise.

    Args:
        scheduler: scheduler on which `set_timesteps` was called.
        noise_pred: output of the (guided) UNet, the shape of `latents`: noise or velocity,
            according to the scheduler's `prediction_type`.
        timesteps: current timesteps, int64, shape `(b,)` or `()`.
        latents: current latents, shape `(b, channels, height, width)`.
        eta: :math:`\eta` in [0, 1]; 0 is deterministic, 1 is as noisy as DDPM.

    Returns:
        The mean, shape of `latents`, and the standard deviation, shape `(b, 1, 1, 1)`; both at
        least float32.

    Raises:
        ValueError: the scheduler predicts the sample, clips or thresholds it (the step is then
            no Gaussian around the network's own prediction), its timesteps are not set, `eta` is
            out of range or the shapes do not agree.
    """
    _check_settings(scheduler, eta)
    require_same_shape(noise_pred=noise_pred, latents=latents)
    if timesteps.ndim > 1 or timesteps.numel() not in (1, len(latents)):
        raise ValueError(
            f"timesteps must be one or {len(latents)}, one per sample, got {tuple(timesteps.shape)}"
        )
    dtype = at_least_float32(latents.dtype)
    x, output = latents.to(dtype), noise_pred.to(dtype)
    shape = (len(latents),) + (1,) * (latents.ndim - 1)
    timesteps = timesteps.to(latents.device).expand(len(latents))
    alpha, alpha_prev, std = (
        coefficient.to(dtype).view(shape)
        for coefficient in _coefficients(scheduler, timesteps, eta)
    )

    beta = 1 - alpha
    if scheduler.config["prediction_type"] == "epsilon":
        clean, noise = (x - beta.sqrt() * output) / alpha.sqrt(), output
    else:
        clean = alpha.sqrt() * x - beta.sqrt() * output
        noise = alpha.sqrt() * output + beta.sqrt() * x
    direction = (1 - alpha_prev - std.square()).clamp(min=0).sqrt() * noise
    return alpha_prev.sqrt() * clean + direction, std


def log_prob(next_latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    r"""Return the Gaussian log-probability of a step, averaged over latent dimensions.

    .. math::
        \log p = \mathrm{mean}_k \left[ -\frac{(x_k - \mu_k)^2}{2 \sigma^2}
                 - \log \sigma - \tfrac12 \log 2\pi \right]

    The mean, not the sum: a clip range of 1e-4 on the importance ratio is meant for it. Pass
    stored latents: were they to carry the gradient of `mean`, the two would cancel.

    Args:
        next_latents: latents after the step, shape `(b, ...)`.
        mean: mean of the step, shape `(b, ...)`.
        std: standard deviation of the step, positive, shape `(b, 1, ...)`, `(b,)` or `()`.

    Returns:
        Log-probabilities, shape `(b,)`, at least float32.

    Raises:
        ValueError: the shapes of latents and mean differ.

    Example:
        >>> log_prob(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.ones(1))
        tensor([-0.9189])
    """
    require_same_shape(next_latents=next_latents, mean=mean)
    x, mu = (values.to(at_least_float32(values.dtype)) for values in (next_latents, mean))
    sigma = expand_std(std, mu)
    density = -((x - mu) / sigma).square() / 2 - sigma.log() - math.log(2 * math.pi) / 2
    return density.flatten(1).mean(dim=1)


def expand_std(std: Tensor, like: Tensor) -> Tensor:
    """Return `std`, one per sample, in a shape that broadcasts over the dimensions of a sample.

    Args:
        std: standard deviations, shape `(b,)`, `(b, 1, ...)` or `()`.
        like: values of shape `(b, ...)`.

    Returns:
        The same numbers as `(b, 1, ...)`, in the dtype of `like`.
    """
    std = std.to(like.device, like.dtype)
    return std.view(-1, *(1,) * (like.ndim - 1)) if std.ndim <= 1 else std


def deviations(scheduler: DDIMScheduler, eta: float) -> Tensor:
    """Return the standard deviation of each step of a schedule.

    Args:
        scheduler: scheduler on which `set_timesteps` was called.
        eta: DDIM's noise level.

    Returns:
        Deviations, not negative, shape `(s,)`, on the CPU; 0 where a step is deterministic.
    """
    return _coefficients(scheduler, scheduler.timesteps.cpu(), eta)[2]


def responses(scheduler: DDIMScheduler, eta: float) -> Tensor:
    r"""Return how much the mean of each step moves with the network's output.

    The mean of `ddim_mean_std` is linear in it, with the same factor in every dimension: for
    predicted noise

    .. math::
        \frac{\partial \mu}{\partial \hat\epsilon} = \sqrt{1 - \bar\alpha_{t-1} - \sigma_t^2}
        - \sqrt{\bar\alpha_{t-1} (1 - \bar\alpha_t) / \bar\alpha_t}

    Divided by the step's deviation it is the scale of the step's score: the gradient of its
    log-probability with respect to the output is that times standard normal noise.

    Args:
        scheduler: scheduler on which `set_timesteps` was called.
        eta: DDIM's noise level.

    Returns:
        Factors of either sign, shape `(s,)`, on the CPU.
    """
    _check_settings(scheduler, eta)
    alpha, alpha_prev, std = _coefficients(scheduler, scheduler.timesteps.cpu(), eta)
    direction = (1 - alpha_prev - std.square()).clamp(min=0).sqrt()
    clean = (alpha_prev * (1 - alpha)).sqrt()
    if scheduler.config["prediction_type"] == "epsilon":
        return direction - clean / alpha.sqrt()
    return direction * alpha.sqrt() - clean


def check_schedule(scheduler: DDIMScheduler, eta: float) -> None:
    """Refuse a schedule that cannot be sampled from, or on which no step has a log-probability.

    To be called once, after `set_timesteps` and before a rollout. A schedule may have steps
    without noise, such as the last one with `set_alpha_to_one: true`: they are deterministic, and
    only the others can be trained on.

    Args:
        scheduler: scheduler on which `set_timesteps` was called.
        eta: DDIM's noise level.

    Raises:
        TypeError: the scheduler is not DDIM.
        ValueError: no step draws noise (`eta` 0, or a single step that ends at the image), a
            timestep is outside the training's, the first is among those of a nearly finished
            image (one step), or `ddim_mean_std` cannot treat the scheduler. The message names the
            setting to change.
    """
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    if not isinstance(scheduler, DDIMScheduler):
        raise TypeError(
            f"{type(scheduler).__name__} is not DDIM: use "
            "DDIMScheduler.from_config(pipe.scheduler.config)"
        )
    _check_settings(scheduler, eta)
    if eta == 0:
        raise ValueError("eta is 0: DDIM is deterministic and has no log-probability, set eta to 1")

    config, timesteps = scheduler.config, scheduler.timesteps
    if int(timesteps.max()) >= config["num_train_timesteps"]:
        raise ValueError(
            f"timestep {int(timesteps.max())} was never trained: take fewer inference steps"
        )
    if len(set(timesteps.tolist())) != scheduler.num_inference_steps:
        raise ValueError(
            f"timestep_spacing {config['timestep_spacing']!r} gives {len(timesteps)} timesteps for "
            f"{scheduler.num_inference_steps} steps: take another number of inference steps"
        )
    if int(timesteps[0]) < config["num_train_timesteps"] // 2:
        raise ValueError(
            f"the first of {scheduler.num_inference_steps} timesteps is {int(timesteps[0])} of "
            f"{config['num_train_timesteps']}, where an image is nearly finished: the noise that "
            "it starts from would be taken for an image; take 2 or more inference steps"
        )
    alpha, _, std = _coefficients(scheduler, timesteps, eta)
    if config["prediction_type"] == "epsilon" and bool((alpha == 0).any()):
        raise ValueError(
            "the first step holds noise alone (rescale_betas_zero_snr: true) and cannot be "
            "inverted from predicted noise: set rescale_betas_zero_snr: false"
        )
    if not bool((std > 0).any()):
        raise ValueError("no step draws noise, so there is nothing to train: take more steps")


def _check_settings(scheduler: DDIMScheduler, eta: float) -> None:
    config = scheduler.config
    if config["prediction_type"] not in ("epsilon", "v_prediction"):
        raise ValueError(
            f"prediction_type {config['prediction_type']!r} is not supported: only 'epsilon' and "
            "'v_prediction' are"
        )
    for setting in ("clip_sample", "thresholding"):
        if config[setting]:
            raise ValueError(
                f"{setting}: true changes the predicted image behind the policy's back: set "
                f"{setting}: false in the scheduler's config"
            )
    if scheduler.num_inference_steps is None:
        raise ValueError("the scheduler has no timesteps yet: call set_timesteps first")
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must lie in [0, 1], got {eta}")


def _coefficients(
    scheduler: DDIMScheduler, timesteps: Tensor, eta: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return cumulative alphas before and after the step and its deviation, each `(b,)`."""
    alphas = scheduler.alphas_cumprod.to(timesteps.device, torch.float32)
    final = scheduler.final_alpha_cumprod.to(timesteps.device, torch.float32)
    previous = timesteps - scheduler.config["num_train_timesteps"] // scheduler.num_inference_steps
    alpha = alphas[timesteps]
    alpha_prev = torch.where(previous >= 0, alphas[previous.clamp(min=0)], final)
    variance = (1 - alpha_prev) / (1 - alpha) * (1 - alpha / alpha_prev)
    return alpha, alpha_prev, eta * variance.clamp(min=0).sqrt()
