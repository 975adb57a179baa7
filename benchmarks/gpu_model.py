"""Stable Diffusion v1.5 with random weights: its sizes, and the folder that it is saved in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cost
import torch

SEED = 42
PROMPTS = ("a photo of a cat", "a photo of a dog", "a red horse at night", "a blue whale by day")
SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


@dataclass(frozen=True)
class Size:
    """How large the networks and the measurements are.

    Attributes:
        unet: What differs from diffusers' defaults, which are SD v1.5's.
        vae: Its autoencoder.
        text: Its text encoder, beside transformers' defaults, which are CLIP ViT-L/14's.
        latent: Height and width of a latent; an eighth of an image's.
        small_latent: The same where a CPU computes too.
        kept: Steps of the 50 that are computed.
        drawn: Candidates that the half-precision ratios are measured on.
        batches: Largest batch of the rollout, and largest micro-batch of the update.
        least: Images of a measurement, at least.
        matrix: Rows of the matrices that give the device's peak.
        backend: What `torch.compile` compiles with.
        patience: Seconds from which a measurement is made once and not three times.
        together: Calls of the UNet that are timed as one.
    """

    unet: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]
    latent: int = 64
    small_latent: int = 32
    kept: int = 5
    drawn: int = 16
    batches: tuple[int, int] = (256, 128)
    least: int = 8
    matrix: int = 8192
    backend: str = "inductor"
    patience: float = 1.0
    together: int = 5


FOUR = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
FULL = Size(
    unet={"sample_size": 64, "cross_attention_dim": 768},
    vae={**FOUR, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2,
         "sample_size": 512},
    text={"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
          "projection_dim": 768},
)  # fmt: skip
SMALL = Size(
    unet={"sample_size": 8, "cross_attention_dim": 96, "block_out_channels": (32, 64, 128, 128),
          "norm_num_groups": 8, "layers_per_block": 1},
    vae={**FOUR, "block_out_channels": (16, 32, 64, 64), "norm_num_groups": 8,
         "layers_per_block": 1, "sample_size": 64},
    text={"hidden_size": 96, "intermediate_size": 384, "num_attention_heads": 12,
          "projection_dim": 96, "num_hidden_layers": 2},
    latent=8, small_latent=8, kept=2, drawn=4, batches=(4, 4), least=2, matrix=128,
    backend="eager", patience=0.0, together=1,
)  # fmt: skip
"""The same architectures at a tenth of the width, with half as many layers or fewer."""


@torch.no_grad()
def save_model(size: Size, folder: Path, device: torch.device) -> None:
    """Make the networks with random weights, and save them as diffusers does, in fp32.

    The UNet's last layer is scaled so that its output varies like noise, as a trained one's does:
    rounding errors then weigh as much as they would.

    Args:
        size: How large.
        folder: Where to; 4.3 GB for the full size.
        device: Where the numbers are drawn.
    """
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    from drift_pipeline.bestiary.training.tokenizer import small_tokenizer

    torch.manual_seed(SEED)
    with torch.device(device):
        unet = UNet2DConditionModel(**size.unet).eval()
        vae = AutoencoderKL(**size.vae).eval()
        text = CLIPTextModel(CLIPTextConfig(**size.text)).eval()
        latents = torch.randn(1, 4, size.latent, size.latent)
        words = torch.randn(1, cost.TOKENS, size.unet["cross_attention_dim"])
        output = unet(latents, torch.tensor([500]), encoder_hidden_states=words).sample
    for parameter in unet.conv_out.parameters():
        parameter /= output.std()
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        # Its ids are among the first few hundred of the text encoder's 49,408.
        tokenizer=small_tokenizer(PROMPTS, max_length=cost.TOKENS),
        unet=unet,
        scheduler=DDIMScheduler(**SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
