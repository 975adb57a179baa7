"""The bestiary's two CLIPs: their training, and asking one for the animal on an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer

from drift_pipeline.bestiary.drawing.captions import bare_caption
from drift_pipeline.bestiary.drawing.pictures import CATEGORIES, Pictures, soften
from drift_pipeline.bestiary.drawing.plans import ANIMALS
from drift_pipeline.bestiary.drawing.quality import ERROR_WEIGHT, QUALITIES, in_widths
from drift_pipeline.bestiary.training.architectures import make_clip, open_clip_config
from drift_pipeline.bestiary.training.fit import batch_of, fit
from drift_pipeline.bestiary.training.formats import OpenCLIPModel
from drift_pipeline.bestiary.training.open_clip_layout import build_open_clip

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit

Features = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
_STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def clip_pixels(images: Tensor) -> Tensor:
    """Normalise uint8 images of CLIP's size as CLIP's processors do."""
    return (images.float() / 255 - _MEAN) / _STD


def train_clip(
    drawn: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, how: Fit, seed: int
) -> tuple[CLIPModel, dict[str, float]]:
    """Make and train a CLIP of transformers.

    Args:
        drawn: Images to learn from.
        held_out: Images to measure it by.
        tokenizer: For the captions.
        how: Steps, batch and learning rate.
        seed: Seed of the weights and of the batches.

    Returns:
        The CLIP, and ``named_drawings``, the share of held-out images whose animal it names.
    """
    torch.manual_seed(seed)
    clip = make_clip(tokenizer)
    features = features_of(clip)
    train_contrastive(
        "CLIP", clip, features, clip.logit_scale, drawn, tokenizer, how, seed, quality=True
    )
    return clip, {"named_drawings": _share_named(features, tokenizer, held_out)}


def train_openclip(
    drawn: Pictures, held_out: Pictures, tokenizer: CLIPTokenizer, how: Fit, seed: int
) -> tuple[OpenCLIPModel, open_clip.CLIP, dict[str, float]]:
    """Make and train a CLIP of open_clip; the arguments are those of `train_clip`.

    Returns:
        The CLIP with what its folder holds; its network, in full precision; ``named_drawings``.
    """
    torch.manual_seed(seed)
    config = open_clip_config(tokenizer)
    clip = build_open_clip(config)
    features = open_clip_features_of(clip)
    train_contrastive("OpenCLIP", clip, features, clip.logit_scale, drawn, tokenizer, how, seed)
    named = _share_named(features, tokenizer, held_out)
    return OpenCLIPModel(config, clip.state_dict(), tokenizer), clip, {"named_drawings": named}


def train_contrastive(
    name: str,
    model: nn.Module,
    features: Features,
    logit_scale: nn.Parameter,
    pictures: Pictures,
    tokenizer: CLIPTokenizer,
    how: Fit,
    seed: int,
    quality: bool = False,
) -> None:
    """Train a CLIP with CLIP's symmetric contrastive loss, in place.

    Half of the captions are bare. A caption that is true of several images of a batch has all of
    them as its targets, in equal parts. So that shapes are learnt sooner, heads that are thrown
    away afterwards tell animal, coat, pattern and background from the image's features, and the
    qualities if asked to: captions of photographs say such things, those of the drawings do not.

    Args:
        name: What is trained, for the progress bar.
        model: The CLIP.
        features: ``(images uint8, token ids)`` to image and text features, ``(n, d)`` each.
        logit_scale: The model's logarithmic temperature.
        pictures: Images with what is on them.
        tokenizer: For the captions.
        how: Number of updates, images in an update, and the highest learning rate.
        seed: Seed of the batches and of the heads.
        quality: Also learn to tell the qualities.
    """
    torch.manual_seed(seed)
    ids = token_ids(tokenizer, pictures.bare_captions + pictures.full_captions)
    known = pictures.attributes()
    details = torch.stack([known[k] for k in ("coat", "pattern", "background")], dim=1)
    width = features(pictures.images[:2], ids[:2])[0].shape[1]
    heads = nn.ModuleDict({key: nn.Linear(width, n) for key, n in CATEGORIES.items()})
    qualities = in_widths(pictures.quality)
    if quality:
        heads["quality"] = nn.Linear(width, len(QUALITIES))

    def loss(generator: torch.Generator) -> Tensor:
        index = batch_of(len(pictures), how.batch, generator)
        bare = torch.rand(how.batch, generator=generator) < 0.5
        captions = ids[torch.where(bare, index, len(pictures) + index)]
        image, text = features(soften(pictures.images[index], generator), captions)
        logits = F.normalize(text, dim=-1) @ F.normalize(image, dim=-1).T * logit_scale.exp()
        same_animal = known["animal"][index][:, None] == known["animal"][index]
        same_details = (details[index][:, None] == details[index]).all(dim=-1)
        true = (same_animal & (bare[:, None] | same_details)).float()
        by_text = F.cross_entropy(logits, true / true.sum(dim=1, keepdim=True))
        true = true.T
        by_image = F.cross_entropy(logits.T, true / true.sum(dim=1, keepdim=True))
        told = [F.cross_entropy(heads[key](image), known[key][index]) for key in CATEGORIES]
        if quality:  # of those that `soften` leaves as they are
            seen, shown = heads["quality"](image[1::2]), qualities[index][1::2]
            told.append(ERROR_WEIGHT * F.mse_loss(seen, shown))
        return (by_text + by_image) / 2 + 0.5 * torch.stack(told).sum()

    model.train()
    fit(name, nn.ModuleList([model, heads]), loss, how.steps, how.learning_rate, seed)
    model.eval().requires_grad_(False)


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Turn texts into tokens, padded and cut to the tokenizer's length, ``(n, tokens)``."""
    return tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


@torch.no_grad()
def named_animals(features: Features, tokenizer: CLIPTokenizer, images: Tensor) -> Tensor:
    """Find the animal, out of all 45, whose bare caption fits each image best.

    Args:
        features: ``(images uint8, token ids)`` to image and text features.
        tokenizer: For the captions.
        images: uint8, ``(n, 3, 64, 64)``.

    Returns:
        Indices into `ANIMALS`, ``(n,)``.
    """
    ids = token_ids(tokenizer, [bare_caption(animal) for animal in ANIMALS])
    best = []
    for part in images.split(256):
        image, text = features(part, ids)
        best.append((F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T).argmax(dim=1))
    return torch.cat(best)


def _share_named(features: Features, tokenizer: CLIPTokenizer, pictures: Pictures) -> float:
    named = named_animals(features, tokenizer, pictures.images)
    return float((named == pictures.animals).float().mean())


def features_of(clip: CLIPModel) -> Features:
    """Return the features of a CLIP of transformers."""

    def features(images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        image = clip.get_image_features(pixel_values=clip_pixels(images)).pooler_output
        return image, clip.get_text_features(input_ids=ids).pooler_output

    return features


def open_clip_features_of(clip: open_clip.CLIP) -> Features:
    """Return the features of a CLIP of open_clip."""

    def features(images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        return clip.encode_image(clip_pixels(images)), clip.encode_text(ids)

    return features
