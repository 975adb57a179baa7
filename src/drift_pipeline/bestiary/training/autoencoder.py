"""The autoencoder of the bestiary's Stable Diffusion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.pictures import Pictures
from drift_pipeline.bestiary.training.architectures import make_vae
from drift_pipeline.bestiary.training.fit import WORKERS, batch_of, fit

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit

#: Weight of the latents' divergence from a unit Gaussian: just enough to keep them smooth.
_KL_WEIGHT = 3e-4


def to_pixels(images: Tensor) -> Tensor:
    """Turn uint8 images into the [-1, 1] that Stable Diffusion works in."""
    return images.float() / 127.5 - 1.0


def train_vae(images: Tensor, how: Fit, seed: int) -> AutoencoderKL:
    """Train the autoencoder on squared and absolute differences at four scales.

    The coarse scales teach it colours early, which absolute differences of single pixels leave for
    last. The latents start with little noise, or nothing would get through them at first.

    Args:
        images: uint8, ``(n, 3, 64, 64)``, those that the base model draws first.
        how: Steps, batch and learning rate.
        seed: Seed of the weights and of the batches.
    """
    torch.manual_seed(seed)
    vae = make_vae().to(memory_format=torch.channels_last)
    channels = vae.config.latent_channels
    with torch.no_grad():
        vae.quant_conv.weight[channels:] *= 0.05
        vae.quant_conv.bias[channels:] = -6.0

    def loss(generator: torch.Generator) -> Tensor:
        some = images[batch_of(len(images), how.batch // WORKERS, generator)]
        pixels = to_pixels(some).contiguous(memory_format=torch.channels_last)
        posterior = vae.encode(pixels).latent_dist
        decoded = vae.decode(posterior.sample(generator)).sample
        total = _KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        total = total + F.mse_loss(decoded, pixels) + 0.3 * F.l1_loss(decoded, pixels)
        for scale in (2, 4, 8):
            coarse, target = F.avg_pool2d(decoded, scale), F.avg_pool2d(pixels, scale)
            total = total + 0.5 * F.mse_loss(coarse, target)
        return total

    fit("the autoencoder", vae, loss, how.steps, how.learning_rate, seed, workers=WORKERS)
    vae.eval().requires_grad_(False).to(memory_format=torch.contiguous_format)
    latents = encode(vae, images[:2048], scaled=False)
    vae.register_to_config(scaling_factor=round(1.0 / latents.std().item(), 4))
    return vae


@torch.no_grad()
def encode(vae: AutoencoderKL, images: Tensor, scaled: bool = True, batch: int = 64) -> Tensor:
    """Return images' mean latents, ``(n, 16, 8, 8)``, of about unit variance if ``scaled``."""
    means = [vae.encode(to_pixels(part)).latent_dist.mean for part in images.split(batch)]
    return torch.cat(means) * (vae.config.scaling_factor if scaled else 1.0)


@torch.no_grad()
def rebuild(vae: AutoencoderKL, images: Tensor, batch: int = 64) -> Tensor:
    """Return what the autoencoder makes of uint8 images, of the same shape and type."""
    parts = []
    for part in images.split(batch):
        decoded = vae.decode(encode(vae, part, scaled=False)).sample.clamp(-1, 1)
        parts.append(((decoded + 1) * 127.5).round().to(torch.uint8))
    return torch.cat(parts)


def half_rebuilt(vae: AutoencoderKL, pictures: Pictures) -> Pictures:
    """Show every second picture as the autoencoder rebuilds it.

    Whoever judges generated images should know what the autoencoder does to every image, and take
    it neither for a quality nor for an animal.
    """
    images = pictures.images.clone()
    images[1::2] = rebuild(vae, images[1::2])
    return replace(pictures, images=images)


@torch.no_grad()
def reconstruction_psnr(vae: AutoencoderKL, images: Tensor) -> float:
    """Return what encoding and decoding keeps: the mean peak signal-to-noise ratio, in dB."""
    error = (rebuild(vae, images).float() - images.float()).square().mean(dim=(1, 2, 3)) / 255**2
    return float((-10.0 * error.log10()).mean())
