"""Nodes of the `bestiary` pipeline: each trains a part of the miniature world and saves it.

A node returns what it measured; later nodes take that as the sign that the part is there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from drift_pipeline.bestiary.parameters import Bestiary

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from transformers import CLIPModel, CLIPTokenizer

    from drift_pipeline.bestiary.pictures import Pictures
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    AutoencoderKL = CLIPModel = CLIPTokenizer = Pictures = Any

Measured = dict[str, float]
logger = logging.getLogger(__name__)


def draw_pictures(bestiary: Bestiary) -> tuple[Pictures, Pictures]:
    """Draws the pictures to learn from and others to judge by."""
    from drift_pipeline.bestiary import pictures

    drawn = pictures.draw_pictures(bestiary.pictures, bestiary.seed)
    return drawn, pictures.draw_pictures(bestiary.held_out, bestiary.seed + 1)


def train_vae(drawn: Pictures, held_out: Pictures, bestiary: Bestiary) -> tuple[Any, Measured]:
    """Trains the autoencoder."""
    from drift_pipeline.bestiary import diffusion

    vae = diffusion.train_vae(drawn, seed=bestiary.seed, **bestiary.vae.model_dump())
    return vae, {"psnr_db": diffusion.reconstruction_psnr(vae, held_out.images[:256])}


def make_tokenizer() -> CLIPTokenizer:
    """The tokenizer that all models of the bestiary share."""
    from drift_pipeline.bestiary import captions, formats
    from drift_pipeline.bestiary.architectures import TOKENS

    return formats.small_tokenizer(captions.vocabulary(), max_length=TOKENS)


def train_clip(
    drawn: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, bestiary: Bestiary
) -> tuple[CLIPModel, Measured]:
    """Trains the CLIP that lends its text tower to the pipeline and from which rewards start."""
    import torch

    from drift_pipeline.bestiary import contrast
    from drift_pipeline.bestiary.architectures import make_clip

    torch.manual_seed(bestiary.seed)
    clip = make_clip(tokenizer)
    features = contrast.features_of(clip)
    contrast.train_contrastive(
        "CLIP",
        clip,
        features,
        clip.logit_scale,
        drawn,
        tokenizer,
        seed=bestiary.seed,
        **bestiary.clip.model_dump(),
    )
    named = contrast.named_animals(features, tokenizer, held_out.images)
    return clip, {"named_drawings": float((named == held_out.animals).float().mean())}


def train_openclip(
    drawn: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, bestiary: Bestiary
) -> tuple[Any, Measured]:
    """Trains the CLIP that names animals and measures diversity; saves it for open_clip."""
    import torch

    from drift_pipeline.bestiary import contrast, formats
    from drift_pipeline.bestiary.architectures import open_clip_config

    torch.manual_seed(bestiary.seed)
    config = open_clip_config(tokenizer)
    clip = formats.build_open_clip(config)
    features = contrast.open_clip_features_of(clip)
    contrast.train_contrastive(
        "OpenCLIP",
        clip,
        features,
        clip.logit_scale,
        drawn,
        tokenizer,
        seed=bestiary.seed,
        **bestiary.openclip.model_dump(),
    )
    formats.save_openclip(bestiary.draft / "openclip", config, clip.state_dict(), tokenizer)
    named = contrast.named_animals(features, tokenizer, held_out.images)
    return clip, {"named_drawings": float((named == held_out.animals).float().mean())}


def train_unet(
    drawn: Pictures,
    vae: AutoencoderKL,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> Measured:
    """Trains the denoiser and saves the whole Stable Diffusion pipeline."""
    from drift_pipeline.bestiary import diffusion
    from drift_pipeline.bestiary.architectures import text_encoder_of

    text_encoder = text_encoder_of(clip, tokenizer)
    latents = diffusion.encode(vae, drawn.images)
    unet = diffusion.train_unet(
        latents, drawn, tokenizer, text_encoder, seed=bestiary.seed, **bestiary.unet.model_dump()
    )
    folder = bestiary.draft / "stable_diffusion"
    diffusion.save_stable_diffusion(folder, vae, unet, tokenizer, text_encoder)
    return {"parameters_millions": sum(p.numel() for p in unet.parameters()) / 1e6}


def train_pickscore(
    drawn: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> Measured:
    """Tunes CLIP on pairs that the first taste has labelled; saves it in PickScore's format."""
    from copy import deepcopy

    from drift_pipeline.bestiary import formats, tastes
    from drift_pipeline.bestiary.contrast import features_of
    from drift_pipeline.bestiary.drawing import SIZE

    model = deepcopy(clip).requires_grad_(True)
    measured = _train_preferences(
        "PickScore", model, features_of(model), tokenizer, drawn, held_out, tastes.dusk, bestiary
    )
    folder = bestiary.draft / "pickscore"
    formats.save_pickscore(folder, model, formats.clip_processor(tokenizer, SIZE))
    return measured


def train_hpsv2(
    drawn: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    bestiary: Bestiary,
) -> Measured:
    """Tunes CLIP on pairs that the second taste has labelled; saves it in HPSv2's format."""
    from drift_pipeline.bestiary import formats, tastes
    from drift_pipeline.bestiary.contrast import open_clip_features_of

    folder = bestiary.draft / "hpsv2"
    config, state = formats.clip_to_open_clip(clip)
    model = formats.build_open_clip(config)
    model.load_state_dict(state)
    measured = _train_preferences(
        "HPSv2",
        model,
        open_clip_features_of(model),
        tokenizer,
        drawn,
        held_out,
        tastes.frost,
        bestiary,
    )
    formats.save_hpsv2(folder, config, model.state_dict(), tokenizer)
    return measured


def _train_preferences(
    name: str,
    model: Any,
    features: Any,
    tokenizer: CLIPTokenizer,
    drawn: Pictures,
    held_out: Pictures,
    taste: Any,
    bestiary: Bestiary,
) -> Measured:
    from drift_pipeline.bestiary import preferences
    from drift_pipeline.bestiary.contrast import token_ids

    preferences.train_preferences(
        name,
        model,
        features,
        model.logit_scale,
        drawn,
        token_ids(tokenizer, drawn.bare_captions),
        taste,
        seed=bestiary.seed,
        **bestiary.preferences.model_dump(),
    )
    return preferences.pair_accuracy(
        features,
        held_out,
        token_ids(tokenizer, held_out.bare_captions),
        taste,
        4 * len(held_out),
        bestiary.seed + 2,
    )


def train_dreamsim(drawn: Pictures, held_out: Pictures, bestiary: Bestiary) -> Measured:
    """Trains the small DreamSim and saves it in the package's format."""
    from drift_pipeline.bestiary import formats, similarity

    ensemble = similarity.train_dreamsim(
        drawn,
        seed=bestiary.seed,
        tuning_steps=bestiary.dreamsim_tuning_steps,
        **bestiary.dreamsim.model_dump(),
    )
    formats.save_dreamsim(bestiary.draft / "dreamsim", ensemble.clip, ensemble.open_clip)
    accuracy = similarity.triplet_accuracy(ensemble, held_out, 4 * len(held_out), bestiary.seed + 2)
    return {"triplet_accuracy": accuracy}


def judge(
    held_out: Pictures,
    openclip: Any,
    tokenizer: CLIPTokenizer,
    trained: Measured,
    bestiary: Bestiary,
) -> tuple[Any, Measured]:
    """Generates every animal and asks CLIP which it is; shows them beside drawings."""
    import torch

    from drift_pipeline.bestiary import contrast, judging
    from drift_pipeline.bestiary.plans import ANIMALS

    del trained  # says that the pipeline's folder is complete
    generated = judging.generate_animals(
        str(bestiary.draft / "stable_diffusion"),
        bestiary.judged,
        bestiary.guidance_scale,
        bestiary.inference_steps,
        bestiary.seed,
    )
    asked = torch.arange(len(ANIMALS)).repeat_interleave(bestiary.judged)
    named = contrast.named_animals(contrast.open_clip_features_of(openclip), tokenizer, generated)
    order = held_out.animals.argsort(stable=True).view(len(ANIMALS), -1)[:, :2].flatten()
    sheet = judging.side_by_side(held_out.images[order], generated, bestiary.judged)
    return sheet, {"named": float((named == asked).float().mean())}


def gather(
    drawn_sheet: Any, bestiary: Bestiary, **measured: Measured
) -> tuple[Any, dict[str, Measured]]:
    """Puts everything measured into one report, with the size of the files.

    The sheet passes through, so that it is not written before every model is finished.
    """
    files = [file for file in bestiary.draft.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    logger.info("%s: %.1f MB; %s", bestiary.folder, size / 1e6, measured)
    return drawn_sheet, {**measured, "files": {"megabytes": round(size / 1e6, 2)}}
