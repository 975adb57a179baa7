"""The sizes of the bestiary's networks: the real ones' architectures, made small.

Widths are chosen so that all weights together stay under 13 MB in half precision and an epoch of
training takes seconds on two CPU cores.
"""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
)

from drift_pipeline.bestiary.drawing.animal import SIZE

TOKENS = 16
TEXT_WIDTH = 64
IMAGE_WIDTH = 96
LATENT_CHANNELS = 16
LATENT_SIZE = SIZE // 8


def make_vae() -> AutoencoderKL:
    """Make an autoencoder of factor 8: 64 × 64 pixels to 8 × 8 latents of 16 channels."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 16, 32, 64),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=SIZE,
    )


def make_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Make a CLIP with a vision transformer, 16 tokens per text, OpenCLIP's activation."""
    return CLIPModel(
        CLIPConfig(
            text_config=_text_config(tokenizer).to_dict(),
            vision_config=CLIPVisionConfig(
                hidden_size=IMAGE_WIDTH,
                intermediate_size=4 * IMAGE_WIDTH,
                num_hidden_layers=3,
                num_attention_heads=4,
                image_size=SIZE,
                patch_size=8,
                hidden_act="gelu",
                projection_dim=TEXT_WIDTH,
            ).to_dict(),
            projection_dim=TEXT_WIDTH,
        )
    )


def open_clip_config(tokenizer: CLIPTokenizer) -> dict[str, Any]:
    """Describe to open_clip a CLIP with a small ResNet, which learns shapes fastest."""
    return {
        "embed_dim": TEXT_WIDTH,
        "vision_cfg": {
            "image_size": SIZE,
            "layers": [1, 1, 1, 1],
            "width": 12,
            "head_width": 32,
        },
        "text_cfg": {
            "context_length": TOKENS,
            "vocab_size": len(tokenizer),
            "width": TEXT_WIDTH,
            "heads": 4,
            "layers": 2,
            # Any name: from a folder, open_clip reads the tokenizer that lies in it.
            "hf_tokenizer_name": "clip",
        },
    }


def text_encoder_of(clip: CLIPModel, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Copy the CLIP's text tower as Stable Diffusion uses it."""
    encoder = CLIPTextModel(_text_config(tokenizer))
    tower = {
        name.removeprefix("text_model."): value
        for name, value in clip.state_dict().items()
        if name.startswith("text_model.")
    }
    nested = next(iter(encoder.state_dict())).startswith("text_model.")
    encoder.load_state_dict({f"text_model.{k}" if nested else k: v for k, v in tower.items()})
    return encoder.eval().requires_grad_(False)


def make_unet() -> UNet2DConditionModel:
    """Make a denoiser for 8 × 8 latents, with attention at 4 × 4, where it is cheap."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(48, 96),
        layers_per_block=1,
        attention_head_dim=4,
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=16,
    )


def make_scheduler() -> DDIMScheduler:
    """Make Stable Diffusion v1.5's noise schedule, with steps that are about equally loud.

    They start at the noise and end at the image ("trailing"; Lin et al. 2024, "Common diffusion
    noise schedules and sample steps are flawed"), so that the last one, which adds no noise, is
    not trained. With few steps Stable Diffusion's own spacing ends in one that drowns all others.
    """
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
    )


def _text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        hidden_act="gelu",
        projection_dim=TEXT_WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
