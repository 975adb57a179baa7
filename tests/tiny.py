"""Tiny random checkpoints in the libraries' own formats, for tests of everything that loads one."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from drift_pipeline.bestiary.training.formats import (
    DreamSimModel,
    HPSv2Model,
    OpenCLIPModel,
    PickScoreModel,
    clip_processor,
)
from drift_pipeline.bestiary.training.open_clip_layout import clip_to_open_clip
from drift_pipeline.bestiary.training.perceptual import make_dreamsim_vit
from drift_pipeline.bestiary.training.tokenizer import small_tokenizer
from drift_pipeline.datasets.model_folder import Model, ModelFolderDataset

CAPTIONS = ["a photo of a cat", "a photo of a dog", "a red horse at night", "a blue whale by day"]
TEXT_WIDTH = 32


def save(model: Model, folder: str | Path) -> None:
    """Save a model of the bestiary as its pipeline does."""
    ModelFolderDataset(filepath=str(folder)).save(model)


def make_tokenizer(max_length: int = 16) -> CLIPTokenizer:
    """The tokenizer that all the tiny models share."""
    return small_tokenizer(CAPTIONS, max_length=max_length)


def text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    """A two-layer text tower for this tokenizer."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        hidden_act="gelu",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def make_stable_diffusion(folder: str | Path, latent_channels: int = 4, seed: int = 0) -> Path:
    """Saves a random Stable Diffusion pipeline: 64x64 pictures, 8x8 latents, SD v1.5's schedule.

    Args:
        folder: Where to save it.
        latent_channels: Channels of the latents.
        seed: Seed of the weights.

    Returns:
        The folder, as a `Path`.
    """
    tokenizer = make_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(8, 8, 16, 16),
            norm_num_groups=8,
            layers_per_block=1,
            latent_channels=latent_channels,
            sample_size=64,
        )
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=latent_channels,
            out_channels=latent_channels,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            norm_num_groups=16,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=2,
        )
        text_encoder = CLIPTextModel(text_config(tokenizer))
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return Path(folder)


def make_clip(seed: int = 0, tokenizer: CLIPTokenizer | None = None) -> CLIPModel:
    """A random CLIP for 64x64 pictures, with features far enough apart to tell them."""
    tokenizer = tokenizer or make_tokenizer()
    config = CLIPConfig(
        text_config=text_config(tokenizer).to_dict(),
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 64,
            "patch_size": 8,
            "hidden_act": "gelu",
        },
        projection_dim=24,
        initializer_factor=3.0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPModel(config).eval()


def make_pickscore(folder: str | Path, seed: int = 0) -> Path:
    """Saves a random PickScore: a folder for both its model and its processor."""
    tokenizer = make_tokenizer()
    save(PickScoreModel(make_clip(seed, tokenizer), clip_processor(tokenizer, 64)), folder)
    return Path(folder)


def make_hpsv2(folder: str | Path, seed: int = 1) -> Path:
    """Saves a random HPSv2: the folder is its architecture, `HPSV2_FILE` in it its checkpoint."""
    tokenizer = make_tokenizer()
    save(HPSv2Model(*clip_to_open_clip(make_clip(seed, tokenizer)), tokenizer), folder)
    return Path(folder)


def make_openclip(folder: str | Path, seed: int = 2) -> Path:
    """Saves a random open_clip model."""
    tokenizer = make_tokenizer()
    save(OpenCLIPModel(*clip_to_open_clip(make_clip(seed, tokenizer)), tokenizer), folder)
    return Path(folder)


def make_dreamsim(folder: str | Path, seed: int = 3) -> Path:
    """Saves a random DreamSim of two towers, without LoRA."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = make_dreamsim_vit(32, 2, 2, 56, 24, quick_gelu=True)
        open_clip = make_dreamsim_vit(32, 2, 2, 56, 24)
    save(DreamSimModel(clip, open_clip), folder)
    return Path(folder)


def make_images(n: int, height: int = 64, width: int = 64, seed: int = 0) -> torch.Tensor:
    """n uint8 pictures `(n, 3, height, width)` of coarse random blocks."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(0, 256, (n, 3, 4, 4), generator=generator, dtype=torch.uint8)
    return torch.nn.functional.interpolate(blocks, size=(height, width))
