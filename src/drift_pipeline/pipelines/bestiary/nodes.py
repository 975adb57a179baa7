"""Nodes of the `bestiary` pipeline: each trains a part of the miniature world, and measures it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.config.bestiary import Bestiary

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from open_clip import CLIP
    from PIL.Image import Image
    from transformers import CLIPModel, CLIPTokenizer

    from drift_pipeline.bestiary.drawing.pictures import Pictures
    from drift_pipeline.bestiary.reader import Reader
    from drift_pipeline.bestiary.training.formats import (
        DreamSimModel,
        HPSv2Model,
        OpenCLIPModel,
        PickScoreModel,
        StableDiffusionModel,
    )
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    AutoencoderKL = CLIP = CLIPModel = CLIPTokenizer = Image = Pictures = Reader = Any
    DreamSimModel = HPSv2Model = OpenCLIPModel = PickScoreModel = StableDiffusionModel = Any

Measured = dict[str, float]
logger = logging.getLogger(__name__)


def draw_pictures(bestiary: Bestiary) -> tuple[Pictures, Pictures]:
    """Draw the images to learn from and others to judge by."""
    from drift_pipeline.bestiary.drawing import pictures

    drawn = pictures.draw_pictures(bestiary.pictures, bestiary.seed)
    return drawn, pictures.draw_pictures(bestiary.held_out, bestiary.seed + 1)


def draw_fine(bestiary: Bestiary) -> tuple[Pictures, Pictures]:
    """Draw as many in which good quality is frequent, as after training on a reward."""
    from drift_pipeline.bestiary.drawing import pictures

    return (
        pictures.draw_pictures(bestiary.pictures, bestiary.seed + 2, fine=True),
        pictures.draw_pictures(bestiary.held_out, bestiary.seed + 3, fine=True),
    )


def make_tokenizer() -> CLIPTokenizer:
    """Make the tokenizer that all models of the bestiary share."""
    from drift_pipeline.bestiary.drawing import captions
    from drift_pipeline.bestiary.training.architectures import TOKENS
    from drift_pipeline.bestiary.training.tokenizer import small_tokenizer

    return small_tokenizer(captions.vocabulary(), max_length=TOKENS)


def train_vae(
    drawn: Pictures,
    held_out: Pictures,
    fine: Pictures,
    fine_held_out: Pictures,
    bestiary: Bestiary,
) -> tuple[AutoencoderKL, Measured]:
    """Train the autoencoder, on images of either quality."""
    from drift_pipeline.bestiary.training import autoencoder

    vae = autoencoder.train_vae((drawn + fine).images, bestiary.vae, bestiary.seed)
    return vae, {
        "psnr_db": autoencoder.reconstruction_psnr(vae, held_out.images),
        "psnr_db_fine": autoencoder.reconstruction_psnr(vae, fine_held_out.images),
    }


def rebuild(drawn: Pictures, fine: Pictures, vae: AutoencoderKL) -> Pictures:
    """Put together what all who judge images learn from, half of it as the autoencoder has it."""
    from drift_pipeline.bestiary.training import autoencoder

    return autoencoder.half_rebuilt(vae, drawn + fine)


def train_reader(
    shown: Pictures, held_out: Pictures, bestiary: Bestiary
) -> tuple[Reader, Measured]:
    """Train the reader of attributes and qualities."""
    from drift_pipeline.bestiary.training import reading

    return reading.train_reader(shown, held_out, bestiary.reader, bestiary.seed)


def train_clip(
    shown: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, bestiary: Bestiary
) -> tuple[CLIPModel, Measured]:
    """Train the CLIP that lends its text tower to the denoiser and from which rewards start."""
    from drift_pipeline.bestiary.training import contrast

    return contrast.train_clip(shown, held_out, tokenizer, bestiary.clip, bestiary.seed)


def train_openclip(
    shown: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, bestiary: Bestiary
) -> tuple[OpenCLIPModel, CLIP, Measured]:
    """Train the CLIP that names animals and measures diversity."""
    from drift_pipeline.bestiary.training import contrast

    return contrast.train_openclip(shown, held_out, tokenizer, bestiary.openclip, bestiary.seed)


def train_stable_diffusion(
    drawn: Pictures,
    vae: AutoencoderKL,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> tuple[StableDiffusionModel, Measured]:
    """Train the denoiser, and put the Stable Diffusion together."""
    from drift_pipeline.bestiary.training import denoiser

    return denoiser.train_stable_diffusion(
        drawn, vae, clip, tokenizer, bestiary.unet, bestiary.seed
    )


def train_pickscore(
    shown: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> tuple[PickScoreModel, Measured]:
    """Tune CLIP on images that the first taste has ranked."""
    from drift_pipeline.bestiary.training import reward_models

    return reward_models.train_pickscore(
        shown, held_out, clip, tokenizer, bestiary.preferences, bestiary.seed
    )


def train_hpsv2(
    shown: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> tuple[HPSv2Model, Measured]:
    """Tune CLIP on images that the second taste has ranked."""
    from drift_pipeline.bestiary.training import reward_models

    return reward_models.train_hpsv2(
        shown, held_out, clip, tokenizer, bestiary.preferences, bestiary.seed
    )


def train_dreamsim(
    shown: Pictures, held_out: Pictures, bestiary: Bestiary
) -> tuple[DreamSimModel, Measured]:
    """Train the small DreamSim."""
    from drift_pipeline.bestiary.training import similarity

    return similarity.train_dreamsim(
        shown, held_out, bestiary.dreamsim, bestiary.dreamsim_tuning_steps, bestiary.seed
    )


def judge(
    held_out: Pictures,
    stable_diffusion: Path,
    openclip: CLIP,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> tuple[Image, Measured]:
    """Generate every animal and ask CLIP which it is; show them beside drawings."""
    from drift_pipeline.bestiary.training import recognition

    return recognition.judge(
        held_out,
        stable_diffusion,
        openclip,
        tokenizer,
        bestiary.judged,
        bestiary.guidance_scale,
        bestiary.inference_steps,
        bestiary.eta,
        bestiary.seed,
    )


def weigh(*models: Path) -> Measured:
    """Measure the size of all models' files."""
    files = [file for model in models for file in model.rglob("*") if file.is_file()]
    return {"megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 2)}


def gather(drawn_sheet: Image, **measured: Measured) -> tuple[Image, dict[str, Measured]]:
    """Put everything measured into one report.

    The sheet passes through, so that it is not written before every model is finished.
    """
    logger.info("Measured: %s", measured)
    return drawn_sheet, measured
