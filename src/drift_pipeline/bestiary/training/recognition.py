"""Judging the finished bestiary: does its CLIP name the animals that its Stable Diffusion draws?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL import Image, ImageDraw
from torch import Tensor
from transformers import CLIPTokenizer

from drift_pipeline.bestiary.drawing.captions import bare_caption
from drift_pipeline.bestiary.drawing.pictures import Pictures
from drift_pipeline.bestiary.drawing.plans import ANIMALS
from drift_pipeline.bestiary.training.contrast import named_animals, open_clip_features_of
from drift_pipeline.common.randomness import generator, keyed_normal

_CELL, _COLUMNS, _TITLE = 128, 5, 16


def judge(
    held_out: Pictures,
    stable_diffusion: Path,
    openclip: open_clip.CLIP,
    tokenizer: CLIPTokenizer,
    each: int,
    guidance_scale: float,
    steps: int,
    eta: float,
    seed: int,
) -> tuple[Image.Image, dict[str, float]]:
    """Generate every animal, ask CLIP which it is, and show it beside drawings.

    Args:
        held_out: Drawings, at least two of each animal.
        stable_diffusion: A `StableDiffusionPipeline` folder.
        openclip: Names the animals.
        tokenizer: For its captions.
        each: Images of each animal, at least 2.
        guidance_scale: As for `generate_animals`.
        steps: Likewise.
        eta: Likewise.
        seed: Likewise.

    Returns:
        The sheet of `side_by_side`, and ``named``, the share of images whose animal CLIP names.
    """
    generated = generate_animals(str(stable_diffusion), each, guidance_scale, steps, eta, seed)
    asked = torch.arange(len(ANIMALS)).repeat_interleave(each)
    named = named_animals(open_clip_features_of(openclip), tokenizer, generated)
    order = held_out.animals.argsort(stable=True).view(len(ANIMALS), -1)[:, :2].flatten()
    sheet = side_by_side(held_out.images[order], generated, each)
    return sheet, {"named": float((named == asked).float().mean())}


def generate_animals(
    folder: str, each: int, guidance_scale: float, steps: int, eta: float, seed: int
) -> Tensor:
    """Generate every animal from its bare caption with plain diffusers.

    Args:
        folder: A `StableDiffusionPipeline` folder.
        each: Images of each animal.
        guidance_scale: Weight of classifier-free guidance.
        steps: DDIM steps.
        eta: Their noise, from 0 (none) to 1 (as much as in DDPM).
        seed: Seed; an image depends on ``(seed, animal, number)`` alone.

    Returns:
        uint8 images, ``(45 * each, 3, h, w)``, animal by animal.
    """
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(desc="drawing from noise", unit="step", leave=False)
    size = pipeline.unet.config.sample_size
    shape = (pipeline.unet.config.in_channels, size, size)
    drawn = []
    for start in range(0, len(ANIMALS), 15):
        some = ANIMALS[start : start + 15]
        keys = [(seed, "judging", animal, number) for animal in some for number in range(each)]
        latents = [keyed_normal(shape, *key) for key in keys]
        prompts = [bare_caption(animal) for animal in some for _ in range(each)]
        output = pipeline(
            prompts,
            latents=torch.stack(latents),
            guidance_scale=guidance_scale,
            num_inference_steps=steps,
            eta=eta,
            generator=[generator(*key, "steps") for key in keys],
            output_type="np",
        )
        drawn.append(torch.from_numpy((output.images * 255).round().astype(np.uint8)))
    return torch.cat(drawn).permute(0, 3, 1, 2).contiguous()


def side_by_side(real: Tensor, generated: Tensor, each: int) -> Image.Image:
    """Lay out a sheet of all animals: two drawings beside two generated images.

    Args:
        real: uint8, ``(45 * 2, 3, h, w)``, animal by animal.
        generated: uint8, ``(45 * each, 3, h, w)``, animal by animal.
        each: Generated images of an animal, at least 2.
    """
    rows = -(-len(ANIMALS) // _COLUMNS)
    width, height = 4 * _CELL // 2 + 24, _CELL // 2 + _TITLE + 6
    sheet = Image.new("RGB", (_COLUMNS * width, rows * height + _TITLE), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((4, 2), "each animal: two drawings | two generated from noise", fill="black")
    for i, animal in enumerate(ANIMALS):
        left, top = (i % _COLUMNS) * width, (i // _COLUMNS) * height + _TITLE
        pen.text((left + 2, top + 2), animal, fill="black")
        cells = [*real[2 * i : 2 * i + 2], *generated[each * i : each * i + 2]]
        for column, cell in enumerate(cells):
            gap = 2 + (6 if column > 1 else 0)
            place = (left + gap + column * (_CELL // 2 + 1), top + _TITLE)
            sheet.paste(Image.fromarray(cell.permute(1, 2, 0).numpy()), place)
    return sheet
