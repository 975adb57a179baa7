"""The bestiary's models in the on-disk formats of the libraries that will load them.

Each class is a trained model with all that its folder holds; `save` writes that into a folder that
is there and empty. That it is there whole or not at all is up to `datasets.ModelFolderDataset`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from dreamsim.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTextModel,
    CLIPTokenizer,
)

from drift_pipeline.bestiary.training.architectures import make_scheduler
from drift_pipeline.bestiary.training.perceptual import DreamSimViT
from drift_pipeline.bestiary.training.tokenizer import save_vocabulary
from drift_pipeline.encoders.dreamsim import CONFIG_FILE

HPSV2_FILE = "HPS_v2_bestiary.pt"


@dataclass(frozen=True)
class StableDiffusionModel:
    """What `policies.StableDiffusion` takes: a `StableDiffusionPipeline`'s folder.

    Attributes:
        vae: The autoencoder.
        unet: The denoiser.
        tokenizer: For the prompts.
        text_encoder: Likewise.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel

    def save(self, folder: Path) -> None:
        """Write it in half precision, which the networks have afterwards, too."""
        pipeline = StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=make_scheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.to(dtype=torch.float16).save_pretrained(folder)
        save_vocabulary(self.tokenizer, folder / "tokenizer")
        _name_for_transformers_4(folder / "text_encoder" / "model.safetensors")


@dataclass(frozen=True)
class PickScoreModel:
    """What `scorers.pickscore.PickScore` takes as model and as processor.

    Attributes:
        clip: The CLIP.
        processor: See `clip_processor`.
    """

    clip: CLIPModel
    processor: CLIPProcessor

    def save(self, folder: Path) -> None:
        """Write it as `transformers` does, in half precision."""
        self.clip.save_pretrained(folder, state_dict=_half(self.clip.state_dict()))
        self.processor.save_pretrained(folder)
        save_vocabulary(self.processor.tokenizer, folder)


def clip_processor(tokenizer: CLIPTokenizer, image_size: int) -> CLIPProcessor:
    """Make CLIP's preprocessing for square images of this size."""
    size = {"height": image_size, "width": image_size}
    images = CLIPImageProcessorPil(size={"shortest_edge": image_size}, crop_size=size)
    return CLIPProcessor(images, tokenizer)


@dataclass(frozen=True)
class OpenCLIPModel:
    """What `encoders.openclip.OpenCLIP` takes as architecture.

    Attributes:
        config: open_clip's `model_cfg`, as `clip_to_open_clip` gives it.
        state: The weights, likewise.
        tokenizer: The text tower's tokenizer.
    """

    config: dict[str, Any]
    state: dict[str, Tensor]
    tokenizer: CLIPTokenizer

    def save(self, folder: Path) -> None:
        """Write it in half precision; open_clip loads it as "local-dir:<folder>"."""
        self._save_config(folder)
        save_file(_half(self.state), folder / "open_clip_model.safetensors")

    def _save_config(self, folder: Path) -> None:
        seen = {"mean": OPENAI_CLIP_MEAN, "std": OPENAI_CLIP_STD, "interpolation": "bicubic"}
        description = {"model_cfg": self.config, "preprocess_cfg": seen}
        (folder / "open_clip_config.json").write_text(json.dumps(description, indent=2) + "\n")
        self.tokenizer.save_pretrained(folder)
        save_vocabulary(self.tokenizer, folder)


class HPSv2Model(OpenCLIPModel):
    """What `scorers.hpsv2.HPSv2` takes as architecture; its checkpoint therein is `HPSV2_FILE`."""

    def save(self, folder: Path) -> None:
        """Write it as HPSv2's authors do: a `.pt` file with a "state_dict", in half precision."""
        self._save_config(folder)
        torch.save({"state_dict": _half(self.state)}, folder / HPSV2_FILE)


@dataclass(frozen=True)
class DreamSimModel:
    """What `encoders.dreamsim.DreamSim` takes.

    Attributes:
        clip: The tower with QuickGELU.
        open_clip: The tower with GELU.
    """

    clip: DreamSimViT
    open_clip: DreamSimViT

    def save(self, folder: Path) -> None:
        """Write it as the `dreamsim` package keeps its CLIP ViT-L/14 and open_clip ViT-L/14."""
        towers = (self.clip, self.open_clip)
        description = {
            "model_type": "clip_vitl14,open_clip_vitl14",
            "feat_type": "embedding,embedding",
            "stride": ",".join(str(tower.kwargs["patch_size"]) for tower in towers),
        }
        (folder / CONFIG_FILE).write_text(json.dumps(description, indent=2) + "\n")
        for tower, name in zip(towers, ("clip", "open_clip"), strict=True):
            # The package uses `proj` as it finds it, so it must not be in half precision.
            state = {**_half(tower.vit.state_dict()), "proj": tower.proj.detach().float().cpu()}
            checkpoint = {"kwargs": tower.kwargs, "state_dict": state}
            torch.save(checkpoint, folder / f"{name}l14_as_dino_vitl.pth.tar")


def _half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy to the CPU in half precision; scalars (CLIP's logit scale) stay as they are."""
    return {
        name: (value.half() if value.ndim else value).detach().cpu().contiguous()
        for name, value in state.items()
    }


def _name_for_transformers_4(file: Path) -> None:
    """Give a text encoder's weights the names that transformers 4 and 5 both read.

    transformers 5 leaves the prefix out. Without it transformers 4 finds no weight it knows, and
    draws them at random.

    Args:
        file: A `CLIPTextModel`'s `model.safetensors`, written anew; the numbers stay.
    """
    prefix = "text_model."
    tensors = {prefix + name.removeprefix(prefix): value for name, value in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
