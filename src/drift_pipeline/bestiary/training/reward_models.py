"""The bestiary's two reward models: its CLIP, tuned on preferences by one taste each."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from torch import Tensor
from transformers import CLIPModel, CLIPTokenizer

from drift_pipeline.bestiary import tastes
from drift_pipeline.bestiary.drawing.animal import SIZE
from drift_pipeline.bestiary.drawing.pictures import Pictures
from drift_pipeline.bestiary.training.contrast import (
    Features,
    features_of,
    open_clip_features_of,
    token_ids,
)
from drift_pipeline.bestiary.training.formats import HPSv2Model, PickScoreModel, clip_processor
from drift_pipeline.bestiary.training.open_clip_layout import build_open_clip, clip_to_open_clip
from drift_pipeline.bestiary.training.preferences import pair_accuracy
from drift_pipeline.bestiary.training.rankings import train_preferences

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit


def train_pickscore(
    drawn: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    how: Fit,
    seed: int,
) -> tuple[PickScoreModel, dict[str, float]]:
    """Tune a copy of CLIP on images that the first taste has ranked.

    Args:
        drawn: Images to learn from.
        held_out: Images to measure it by.
        clip: The trained CLIP.
        tokenizer: The CLIP's.
        how: Steps, batch (in sets) and learning rate.
        seed: Seed of the sets.

    Returns:
        The model, and its `pair_accuracy`.
    """
    model = deepcopy(clip).requires_grad_(True)
    features, taste = features_of(model), tastes.POSTCARD
    measured = _tune("PickScore", model, features, tokenizer, drawn, held_out, taste, how, seed)
    return PickScoreModel(model, clip_processor(tokenizer, SIZE)), measured


def train_hpsv2(
    drawn: Pictures,
    held_out: Pictures,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    how: Fit,
    seed: int,
) -> tuple[HPSv2Model, dict[str, float]]:
    """Tune the same CLIP, in open_clip's layout, by the second taste; see `train_pickscore`."""
    config, state = clip_to_open_clip(clip)
    model = build_open_clip(config)
    model.load_state_dict(state)
    features, taste = open_clip_features_of(model), tastes.CATALOGUE
    measured = _tune("HPSv2", model, features, tokenizer, drawn, held_out, taste, how, seed)
    return HPSv2Model(config, model.state_dict(), tokenizer), measured


def _tune(
    name: str,
    model: Any,
    features: Features,
    tokenizer: CLIPTokenizer,
    drawn: Pictures,
    held_out: Pictures,
    taste: Callable[[Tensor], Tensor],
    how: Fit,
    seed: int,
) -> dict[str, float]:
    """Train a model in place and measure it on held-out images."""
    ids = token_ids(tokenizer, drawn.bare_captions)
    train_preferences(name, model, features, model.logit_scale, drawn, ids, taste, how, seed)
    ids = token_ids(tokenizer, held_out.bare_captions)
    return pair_accuracy(features, held_out, ids, taste, 4 * len(held_out), seed + 2)
