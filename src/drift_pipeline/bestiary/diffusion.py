"""Trains the two networks of the bestiary's Stable Diffusion: the autoencoder and the denoiser."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.training_utils import EMAModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from drift_pipeline.bestiary.architectures import make_scheduler, make_unet, make_vae
from drift_pipeline.bestiary.fit import batch_of, fit
from drift_pipeline.bestiary.pictures import Pictures
from drift_pipeline.bestiary.tokenizer import save_vocabulary
from drift_pipeline.whole import replacing_folder

#: Weight of the latents' divergence from a unit Gaussian: just enough to keep them smooth.
_KL_WEIGHT = 3e-4

#: A batch is divided among so many threads.
WORKERS = 2

#: Signal-to-noise ratio above which a step counts less.
_MIN_SNR = 5.0


def to_pixels(images: Tensor) -> Tensor:
    """uint8 pictures to the [-1, 1] that Stable Diffusion works in."""
    return images.float() / 127.5 - 1.0


def train_vae(
    pictures: Pictures, steps: int, batch: int, learning_rate: float, seed: int
) -> AutoencoderKL:
    """Trains the autoencoder on squared and absolute differences at four scales.

    The coarse scales teach it colours early, which absolute differences of single pixels leave for
    last. The latents start with little noise, or nothing would get through them at first.
    """
    torch.manual_seed(seed)
    vae = make_vae()
    channels = vae.config.latent_channels
    with torch.no_grad():
        vae.quant_conv.weight[channels:] *= 0.05
        vae.quant_conv.bias[channels:] = -6.0

    def loss(generator: torch.Generator) -> Tensor:
        images = pictures.images[batch_of(len(pictures), batch // WORKERS, generator)]
        pixels = to_pixels(images)
        posterior = vae.encode(pixels).latent_dist
        decoded = vae.decode(posterior.sample(generator)).sample
        total = _KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        total = total + F.mse_loss(decoded, pixels) + 0.3 * F.l1_loss(decoded, pixels)
        for scale in (2, 4, 8):
            coarse, target = F.avg_pool2d(decoded, scale), F.avg_pool2d(pixels, scale)
            total = total + 0.5 * F.mse_loss(coarse, target)
        return total

    fit("the autoencoder", vae, loss, steps, learning_rate, seed, workers=WORKERS)
    vae.eval().requires_grad_(False)
    latents = encode(vae, pictures.images[:2048], scaled=False)
    vae.register_to_config(scaling_factor=round(1.0 / latents.std().item(), 4))
    return vae


@torch.no_grad()
def encode(vae: AutoencoderKL, images: Tensor, scaled: bool = True, batch: int = 64) -> Tensor:
    """Mean latents of pictures, ``(n, 8, 8, 8)``, of about unit variance if ``scaled``."""
    means = [vae.encode(to_pixels(part)).latent_dist.mean for part in images.split(batch)]
    return torch.cat(means) * (vae.config.scaling_factor if scaled else 1.0)


@torch.no_grad()
def reconstruction_psnr(vae: AutoencoderKL, images: Tensor) -> float:
    """Peak signal-to-noise ratio of encoding and decoding, in dB, the mean over pictures."""
    pixels = to_pixels(images)
    decoded = vae.decode(encode(vae, images, scaled=False)).sample.clamp(-1, 1)
    error = (decoded - pixels).square().mean(dim=(1, 2, 3)) / 4.0
    return float((-10.0 * error.log10()).mean())


def train_unet(
    latents: Tensor,
    pictures: Pictures,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
) -> UNet2DConditionModel:
    """Trains the denoiser to predict the noise; the result is a moving average of its weights.

    Of twenty captions eleven only name the animal, seven tell everything, two are empty
    (for classifier-free guidance). Steps with little noise count less (Hang et al. 2023, "Min-SNR
    weighting"), which is what lets shapes come out in so short a training.
    """
    torch.manual_seed(seed)
    unet = make_unet()
    scheduler = make_scheduler()
    average = EMAModel(
        unet.parameters(), decay=0.999, use_ema_warmup=True, power=0.75, foreach=True
    )
    texts = ["", *pictures.bare_captions, *pictures.full_captions]
    embedded, row_of = embed_texts(texts, tokenizer, text_encoder)
    count = len(pictures)
    signal = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    size = batch // WORKERS
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
        steps,
        learning_rate,
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
    """Embeds each different text once.

    Returns:
        Embeddings of the different texts, ``(m, tokens, width)``, and each text's row, ``(n,)``.
    """
    unique = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    tokens = tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt")
    parts = [text_encoder(ids).last_hidden_state for ids in tokens.input_ids.split(512)]
    return torch.cat(parts), torch.tensor([unique[text] for text in texts])


def save_stable_diffusion(
    folder: str | Path,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
) -> None:
    """Saves everything as a `StableDiffusionPipeline` folder, in half precision."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with replacing_folder(Path(folder)) as draft:
        pipeline.to(dtype=torch.float16).save_pretrained(draft)
        save_vocabulary(tokenizer, draft / "tokenizer")
        name_for_transformers_4(draft / "text_encoder" / "model.safetensors")


def name_for_transformers_4(file: Path) -> None:
    """Gives a text encoder's weights the names that transformers 4 and 5 both read.

    transformers 5 leaves the prefix out. Without it transformers 4 finds no weight it knows, and
    draws them at random.

    Args:
        file: A `CLIPTextModel`'s `model.safetensors`, written anew; the numbers stay.
    """
    prefix = "text_model."
    tensors = {prefix + name.removeprefix(prefix): value for name, value in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
