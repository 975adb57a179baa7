"""Parts of a model whose weights are there as a variant alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drift_pipeline.model_files.parts import folder_of, variants_of

if TYPE_CHECKING:
    import torch
    from torch import nn


def load_variants(source: str, dtypes: dict[str, torch.dtype]) -> dict[str, nn.Module]:
    """Load the parts that a model has as a variant alone, such as `*.fp16.safetensors`.

    A pipeline is loaded either with a variant or without one, and with one it takes the variant of
    every part that has it. Parts that have plain files are left to it.

    Args:
        source: Folder or Hub id.
        dtypes: By part, or `default`.

    Returns:
        Part to module.
    """
    import diffusers
    import transformers

    classes = {
        "unet": diffusers.UNet2DConditionModel,
        "vae": diffusers.AutoencoderKL,
        "text_encoder": transformers.CLIPTextModel,
    }
    return {
        part: classes[part].from_pretrained(
            source,
            subfolder=part,
            variant=variant,
            dtype=dtypes.get(part, dtypes["default"]),
        )
        for part, variant in variants_of(folder_of(source)).items()
    }
