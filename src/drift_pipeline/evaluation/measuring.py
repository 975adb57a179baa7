"""Every measure of one checkpoint, each a mean over prompts with a bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import pandas as pd
import torch
from torch import Tensor

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import ALL_KINDS
from drift_pipeline.diversity.entropy import kind_bits
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.recall import covered
from drift_pipeline.diversity.vendi import vendi_score, vendi_surprisals
from drift_pipeline.evaluation.checkpoint_features import CheckpointFeatures
from drift_pipeline.evaluation.intervals import bootstrap_mean

#: What Eq. 31 is called with which encoder; another encoder gives the measure its own name.
DISTANCES = {"dreamsim": "dreamsim", "openclip": "clip"}
REWARD_METRICS = ("reward", "reward_normalised", "true_reward", "bits")
"""Measures whose `encoder` column names a reward."""


def measure(
    features: CheckpointFeatures,
    own: Tensor,
    fresh: Tensor,
    bounds: Mapping[str, tuple[float, float]],
    manifold_encoder: str,
    k: int,
    resamples: int,
) -> pd.DataFrame:
    """Measure a checkpoint.

    Args:
        features: Embeddings and scores of its images.
        own: Embeddings of the base model's images of the same prompts and seeds, `(p, n, d)`.
        fresh: The same for other seeds.
        bounds: Reward to the scores that count as 0 and 1.
        manifold_encoder: Encoder of recall and Vendi, which `own` and `fresh` come from.
        k: Neighbourhood of generalized recall.
        resamples: Bootstrap samples of the prompts.

    Returns:
        One row per measure: metric, encoder, value, low, high, n.

    Raises:
        ValueError: Where an embedding or a score is not finite, or there are too few images.
        ConfigurationError: Where a reward says kinds that are no whole numbers.
    """
    return _as_table(_by_prompt(features, own, fresh, bounds, manifold_encoder, k), resamples)


def _as_table(measured: Iterable[Measured], resamples: int) -> pd.DataFrame:
    """Average each measure over prompts, with its bootstrap interval: one row each."""
    rows = []
    for metric, encoder, by_prompt, n, finish in measured:
        low, high = bootstrap_mean(by_prompt, resamples)
        value = float(by_prompt.double().mean())
        ends = {"value": finish(value), "low": finish(low), "high": finish(high)}
        rows.append({"metric": metric, "encoder": encoder, **ends, "n": n})
    return pd.DataFrame(rows)


def measure_fresh(
    embeddings: Mapping[str, Tensor], manifold_encoder: str, resamples: int
) -> pd.DataFrame:
    """Measure the base model's fresh draw: how far two draws of the same model differ by chance.

    Args:
        embeddings: Of its images, by encoder, `(p, n, d)`.
        manifold_encoder: Encoder of Vendi.
        resamples: Bootstrap samples of the prompts.

    Returns:
        Distances and Vendi scores as rows of `measure`; `_fresh` ends their names.
    """
    rows = [*_distances(embeddings), *_vendi(embeddings[manifold_encoder], manifold_encoder)]
    table = _as_table(rows, resamples)
    return table.assign(metric=table["metric"] + "_fresh")


Measured = tuple[str, str, Tensor, int, Callable[[float], float]]


def _by_prompt(
    features: CheckpointFeatures,
    own: Tensor,
    fresh: Tensor,
    bounds: Mapping[str, tuple[float, float]],
    manifold_encoder: str,
    k: int,
) -> Iterator[Measured]:
    """Yield each measure's value by prompt, the images it saw, and what is done to the mean."""
    yield from _distances(features.embeddings)
    points = features.embeddings[manifold_encoder]
    flat, n = points.flatten(0, 1), _count(points)
    for name, reference in (("recall", own), ("recall_fresh", fresh)):
        inside = covered(reference.flatten(0, 1), flat, k).double()
        yield name, manifold_encoder, inside.view(len(reference), -1).mean(dim=1), n, _same
    yield from _vendi(points, manifold_encoder)
    for reward, scores in features.scores.items():
        if not scores.isfinite().all():
            raise ValueError(f"a score of {reward} is not finite")
        low, high = bounds[reward]
        mean = scores.double().mean(dim=1)
        yield "reward", reward, mean, scores.numel(), _same
        yield "reward_normalised", reward, (mean - low) / (high - low), scores.numel(), _same
    for reward, truths in features.truths.items():
        yield "true_reward", reward, truths.double().mean(dim=1), truths.numel(), _same
    bits = {reward: _bits(reward, kinds) for reward, kinds in features.kinds.items()}
    for reward, entropies in bits.items():
        yield "bits", reward, entropies, n, _same
    if bits:
        yield "bits", ALL_KINDS, torch.stack([*bits.values()]).sum(dim=0), n, _same


def _distances(embeddings: Mapping[str, Tensor]) -> Iterator[Measured]:
    """Yield the mean distances within prompts (Eq. 31), by encoder."""
    for encoder, points in embeddings.items():
        name = DISTANCES.get(encoder, f"distance_{encoder}")
        yield name, encoder, mean_pairwise_distance(points), _count(points), _same


def _vendi(points: Tensor, encoder: str) -> Iterator[Measured]:
    """Yield the Vendi score of all images, and the mean of those within prompts."""
    # The score is the exponential of a mean over images.
    surprise = vendi_surprisals(points.flatten(0, 1)).view(points.shape[:2]).mean(dim=1)
    yield "vendi", encoder, surprise, _count(points), math.exp
    each = torch.stack([vendi_score(group) for group in points])
    yield "vendi_prompt", encoder, each, _count(points), _same


def _same(value: float) -> float:
    return value


def _bits(reward: str, kinds: Tensor) -> Tensor:
    broken = kinds[kinds != kinds.floor()]
    if len(broken):
        raise ConfigurationError(
            f"rewards.{reward}: it says kinds, which must be whole numbers, and has answered "
            f"{broken[0].item():g}; where it gives scores, set kinds to false"
        )
    return kind_bits(kinds)


def _count(embeddings: Tensor) -> int:
    return embeddings.shape[0] * embeddings.shape[1]
