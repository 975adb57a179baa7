"""The best front: what the policies of highest reward at each divergence have (Eq. 4).

They need no training: the base model's images are weighed instead (`diversity.tilting`). It is a
reference and not a bound. A trained policy can draw what the base model never draws, and few images
carry the weight where the reward is high; the table says how many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from drift_pipeline.config.components import ALL_KINDS
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.diversity.tilting import (
    effective_sample_size,
    tilted_bits,
    tilted_distance,
    tilted_mean,
    tilted_weights,
)
from drift_pipeline.evaluation.checkpoint_features import CheckpointFeatures
from drift_pipeline.evaluation.intervals import bootstrap_mean
from drift_pipeline.evaluation.judged_tables import IMAGES
from drift_pipeline.evaluation.measuring import DISTANCES
from drift_pipeline.evaluation.metrics_table import asked_for, judges_and_settings
from drift_pipeline.evaluation.protocol import Protocol

BETAS = np.geomspace(16.0, 0.1, 30)
"""β in deviations of the reward within a prompt, from next to the base model to the best images."""
FEWEST = 3.0
"""Where fewer images than this carry a prompt's weight, nothing is estimated."""


def best_front(
    protocol: Protocol,
    measure: Measure,
    rewards: Mapping[str, Any],
    own: pd.DataFrame,
    embeddings: pd.DataFrame,
    scores: pd.DataFrame,
) -> pd.DataFrame:
    """Estimate what the best policies have, for every reward.

    Args:
        protocol: What checkpoints draw: so many images have the entropies of kinds.
        measure: What is measured.
        rewards: The rewards' presets, for their bounds and for which of them say kinds.
        own: The embeddings of the base model's own images, by which tables know each other.
        embeddings: One row per image of many more and encoder.
        scores: One row per image of these and reward.

    Returns:
        One row per reward that is maximised (`best_for`), strength and measure: `beta`, in
        deviations of the reward within a prompt; `effective`, the images that carry a prompt's
        weight; metric, encoder, value, low, high (a bootstrap over prompts), n; judge, base,
        protocol as in `metrics_table`.
        Recall and Vendi cannot be weighed, since they count images.
    """
    features, embeddings, scores, specs = asked_for(embeddings, scores, measure, rewards)
    bounds = {name: specs[name].bounds for name in features.scores}
    exact = {name: points.double() for name, points in features.embeddings.items()}
    features = replace(features, embeddings=exact)
    rows: list[dict[str, Any]] = []
    for reward, given in features.scores.items():
        deviation = float(given.double().std(dim=1).mean())
        if specs[reward].measured_only or deviation == 0:
            continue
        for beta in BETAS:
            weights = tilted_weights(given, float(beta) * deviation)
            # The harmonic mean: a single prompt that rests on one image counts.
            effective = float(1 / effective_sample_size(weights).reciprocal().mean())
            if effective < FEWEST:
                break
            known = {"best_for": reward, "beta": float(beta), "effective": effective}
            for metric, encoder, values in _tilted(features, weights, bounds, len(protocol.seeds)):
                low, high = bootstrap_mean(values, measure.resamples)
                found = {"value": float(values.mean()), "low": low, "high": high}
                rows.append({**known, "metric": metric, "encoder": encoder, **found})
    columns = ["best_for", "beta", "effective", "metric", "encoder", "value", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    table["n"] = len(scores[["prompt", "seed"]].drop_duplicates())
    table["judge"] = judges_and_settings(table, embeddings, scores, specs, measure)
    table["base"] = own[IMAGES].iloc[0]
    table["protocol"] = protocol.hash
    return table


def _tilted(
    features: CheckpointFeatures,
    weights: Tensor,
    bounds: Mapping[str, tuple[float, float]],
    draws: int,
) -> Iterator[tuple[str, str, Tensor]]:
    """Yield measure, encoder and each prompt's value, named as `measuring.measure` names them."""
    for encoder, points in features.embeddings.items():
        name = DISTANCES.get(encoder, f"distance_{encoder}")
        yield name, encoder, tilted_distance(points, weights)
    for reward, scores in features.scores.items():
        low, high = bounds[reward]
        mean = tilted_mean(scores, weights)
        yield "reward", reward, mean
        yield "reward_normalised", reward, (mean - low) / (high - low)
    for reward, truths in features.truths.items():
        yield "true_reward", reward, tilted_mean(truths, weights)
    bits = {kind: tilted_bits(kinds, weights, draws) for kind, kinds in features.kinds.items()}
    for kind, entropies in bits.items():
        yield "bits", kind, entropies
    if bits:
        yield "bits", ALL_KINDS, sum(bits.values(), start=weights.new_zeros(len(weights)))
