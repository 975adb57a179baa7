"""The denoiser of the bestiary's Stable Diffusion, and the whole of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.training_utils import EMAModel
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from drift_pipeline.bestiary.drawing.pictures import Pictures
from drift_pipeline.bestiary.training.architectures import (
    make_scheduler,
    make_unet,
    text_encoder_of,
)
from drift_pipeline.bestiary.training.autoencoder import encode
from drift_pipeline.bestiary.training.fit import WORKERS, batch_of, fit
from drift_pipeline.bestiary.training.formats import StableDiffusionModel

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit

#: Signal-to-noise ratio above which a step counts less.
_MIN_SNR = 5.0


def train_stable_diffusion(
    drawn: Pictures,
    vae: AutoencoderKL,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    how: Fit,
    seed: int,
) -> tuple[StableDiffusionModel, dict[str, float]]:
    """Train the denoiser, which is all that a Stable Diffusion lacks.

    Args:
        drawn: Images to learn from.
        vae: The trained autoencoder.
        clip: The trained CLIP; its text tower reads the prompts.
        tokenizer: The CLIP's.
        how: Steps, batch and learning rate.
        seed: Seed of the weights and of the batches.

    Returns:
        The Stable Diffusion, and ``parameters_millions``, the size of its denoiser.
    """
    text_encoder = text_encoder_of(clip, tokenizer)
    latents = encode(vae, drawn.images)
    unet = train_unet(latents, drawn, tokenizer, text_encoder, how, seed)
    size = sum(weight.numel() for weight in unet.parameters()) / 1e6
    whole = StableDiffusionModel(vae, unet, tokenizer, text_encoder)
    return whole, {"parameters_millions": size}


def train_unet(
    latents: Tensor,
    drawn: Pictures,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    how: Fit,
    seed: int,
) -> UNet2DConditionModel:
    """Train the denoiser to predict the noise.

    Of twenty captions eleven only name the animal, seven tell everything, two are empty
    (for classifier-free guidance). Steps with little noise count less (Hang et al. 2023, "Min-SNR
    weighting"), which is what lets shapes come out in so short a training.

    Args:
        latents: The images' latents, ``(n, 16, 8, 8)``.
        drawn: The images, of which only the captions are read.
        tokenizer: For the captions.
        text_encoder: Likewise.
        how: Steps, batch and learning rate.
        seed: Seed of the weights and of the batches.

    Returns:
        The denoiser, its weights a moving average over the training.
    """
    torch.manual_seed(seed)
    unet = make_unet()
    scheduler = make_scheduler()
    average = EMAModel(
        unet.parameters(), decay=0.999, use_ema_warmup=True, power=0.75, foreach=True
    )
    texts = ["", *drawn.bare_captions, *drawn.full_captions]
    embedded, row_of = embed_texts(texts, tokenizer, text_encoder)
    count = len(drawn)
    signal = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    size = how.batch // WORKERS
    weight = signal.clamp(max=_MIN_SNR) / signal

    def loss(generator: torch.Generator) -> Tensor:
        index = batch_of(count, size, generator)
        choice = torch.rand(size, generator=generator)
        text = torch.where(choice < 0.65, 1 + index, 1 + count + index)
        text = torch.where(choice < 0.1, 0, text)
        noise = torch.randn(latents[index].shape, generator=generator)
        times = batch_of(scheduler.config.num_train_timesteps, size, generator)
        noisy = scheduler.add_noise(latents[index], noise, times)
        predicted = unet(noisy, times, embedded[row_of[text]]).sample
        error = (predicted - noise).square().mean(dim=(1, 2, 3))
        return (error * weight[times]).mean()

    fit(
        "the denoiser",
        unet,
        loss,
        how.steps,
        how.learning_rate,
        seed,
        after_step=lambda: average.step(unet.parameters()),
        workers=WORKERS,
    )
    average.copy_to(unet.parameters())
    return unet.eval().requires_grad_(False)


@torch.no_grad()
def embed_texts(
    texts: list[str], tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel
) -> tuple[Tensor, Tensor]:
    """Embed each different text once.

    Returns:
        Embeddings of the different texts, ``(m, tokens, width)``, and each text's row, ``(n,)``.
    """
    unique = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    tokens = tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt")
    parts = [text_encoder(ids).last_hidden_state for ids in tokens.input_ids.split(512)]
    return torch.cat(parts), torch.tensor([unique[text] for text in texts])
