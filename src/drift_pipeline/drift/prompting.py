"""Noise on the prompt embedding, strong at first and gone at the end (section 5.2, appendix F).

After CADS (Sadat et al., 2024), but during training. Notation: `b`: batch size, `d`: channels of
a token's embedding. Time runs backwards: a rollout begins at t = 1 and ends at t = 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.checks import at_least_float32, require_same_shape


def anneal(t: Tensor | float, tau1: float, tau2: float) -> Tensor:
    r"""Return the share :math:`\gamma(t)` of the clean embedding (Eq. 35).

    .. math::
        \gamma(t) = 1 \text{ for } t \le \tau_1, \quad
        \frac{\tau_2 - t}{\tau_2 - \tau_1} \text{ between}, \quad 0 \text{ for } t \ge \tau_2.

    Args:
        t: denoising time, the timestep divided by the number of training timesteps, any shape.
        tau1: time at and below which there is no noise.
        tau2: time at and above which there is only noise, at least `tau1`. Equal thresholds make
            a step, clean at the threshold itself.

    Returns:
        Values in [0, 1] of the shape of `t`; its dtype, at least float32.

    Raises:
        ValueError: `tau1` exceeds `tau2`, or a `t` lies outside [0, 1] (a raw timestep?).

    Example:
        >>> anneal(torch.tensor([0.2, 0.7, 1.0]), tau1=0.4, tau2=1.0)
        tensor([1.0000, 0.5000, 0.0000])
    """
    if tau1 > tau2:
        raise ValueError(f"tau1 ({tau1}) must not exceed tau2 ({tau2})")
    t = torch.as_tensor(t)
    # On a GPU the check would wait for everything before it.
    if t.device.type == "cpu" and not bool(((t >= 0) & (t <= 1)).all()):
        raise ValueError("t must lie in [0, 1]: divide timesteps by the training timesteps")
    time = t.double()
    width = (tau2 - tau1) or 1.0  # with equal thresholds no t lies between them
    gamma = torch.where(time <= tau1, 1.0, ((tau2 - time) / width).clamp(0.0, 1.0))
    gamma = torch.where((time >= tau2) & (time > tau1), 0.0, gamma)
    return gamma.to(at_least_float32(t.dtype))


def perturb(
    embeddings: Tensor,
    noise: Tensor,
    t: Tensor | float,
    scale: float,
    tau1: float,
    tau2: float,
    psi: float,
) -> Tensor:
    r"""Noise prompt embeddings and give them back their mean and spread (Eq. 34, 36, 37).

    .. math::
        \tilde e &= \sqrt{\gamma(t)}\, e + s \sqrt{1 - \gamma(t)}\, n \\
        \tilde e^{\text{rescaled}} &=
            \frac{\tilde e - \mu(\tilde e)}{\sigma(\tilde e)} \sigma_e + \mu_e \\
        \tilde e^{\text{final}} &= \psi\, \tilde e^{\text{rescaled}} + (1 - \psi)\, \tilde e

    Mean and standard deviation are taken per sample, over tokens and channels. Where
    :math:`\gamma(t) = 1` the embedding comes back unchanged, bit for bit. A noised embedding
    without spread (:math:`\sigma(\tilde e) = 0`) is rescaled to its mean alone.

    Args:
        embeddings: clean embeddings e, shape `(b, tokens, d)`; the conditional ones only, not
            those of the empty prompt of classifier-free guidance.
        noise: standard normal noise n, shape `(b, tokens, d)`.
        t: denoising time in [0, 1], one for all or one per sample, shape `()` or `(b,)`.
        scale: noise scale s, not negative.
        tau1: time at and below which there is no noise.
        tau2: time at and above which there is only noise.
        psi: strength of the rescaling, in [0, 1].

    Returns:
        Perturbed embeddings, shape `(b, tokens, d)`, in the dtype of `embeddings` (computed in
        float32 at least).

    Raises:
        ValueError: shapes do not agree, or a number is outside its range.

    Example:
        >>> clean, noise = torch.randn(2, 77, 768), torch.randn(2, 77, 768)
        >>> perturb(clean, noise, t=0.9, scale=0.05, tau1=0.4, tau2=1.0, psi=1.0).shape
        torch.Size([2, 77, 768])
    """
    _check(embeddings, noise, scale, psi)
    dtype = at_least_float32(embeddings.dtype)
    clean, noise = embeddings.to(dtype), noise.to(embeddings.device, dtype)

    gamma = anneal(t, tau1, tau2).to(embeddings.device, dtype)
    if gamma.ndim > 1 or gamma.numel() not in (1, len(embeddings)):
        raise ValueError(f"t must be one number or {len(embeddings)}, got {tuple(gamma.shape)}")
    gamma = gamma.reshape(-1, 1, 1)

    noised = gamma.sqrt() * clean + scale * (1.0 - gamma).sqrt() * noise
    clean_mean, clean_std = _moments(clean)
    noised_mean, noised_std = _moments(noised)
    noised_std = torch.where(noised_std > 0, noised_std, 1.0)
    rescaled = (noised - noised_mean) / noised_std * clean_std + clean_mean
    mixed = psi * rescaled + (1.0 - psi) * noised
    return torch.where(gamma == 1.0, clean, mixed).to(embeddings.dtype)


def _check(embeddings: Tensor, noise: Tensor, scale: float, psi: float) -> None:
    if embeddings.ndim != 3:
        raise ValueError(
            f"embeddings must have shape (b, tokens, d), got {tuple(embeddings.shape)}"
        )
    require_same_shape(embeddings=embeddings, noise=noise)
    if scale < 0:
        raise ValueError(f"scale must not be negative, got {scale}")
    if not 0 <= psi <= 1:
        raise ValueError(f"psi must lie in [0, 1], got {psi}")


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    # Population or sample deviation makes no difference: only their ratio is used.
    std, mean = torch.std_mean(values, dim=(1, 2), correction=0, keepdim=True)
    return mean, std
