"""The metrics of checkpoints as a table: what was measured, of which run, with which settings.

Two numbers may be compared where `metric`, `encoder`, `judge`, `base` and `protocol` agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from drift_pipeline.common.values import fingerprint
from drift_pipeline.config.components import ALL_KINDS, RewardSpec
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.config.presets import look_up
from drift_pipeline.evaluation import measuring
from drift_pipeline.evaluation.checkpoint_features import (
    CheckpointFeatures,
    read_features,
    vectors_of,
)
from drift_pipeline.evaluation.judged_tables import IMAGES, JUDGE
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs.run import Run

Specs = Mapping[str, RewardSpec]


def measure_base(
    protocol: Protocol,
    measure: Measure,
    rewards: Mapping[str, Any],
    own: pd.DataFrame,
    scores: pd.DataFrame,
    fresh: pd.DataFrame,
) -> pd.DataFrame:
    """Measure the base model, against itself and against its fresh draw.

    Args:
        protocol: What was drawn.
        measure: What is measured.
        rewards: The rewards' presets, for their bounds and for which of them say kinds.
        own: The base model's embeddings.
        scores: Its scores.
        fresh: The embeddings of its other seeds.

    Returns:
        One row per metric; those that end in `_fresh` are of the fresh draw.
    """
    table = _measure_checkpoint(own, scores, own, fresh, measure, rewards)
    again = {name: vectors_of(fresh, name) for name in measure.encoders}
    chance = measuring.measure_fresh(again, measure.manifold_encoder, measure.resamples)
    judges = fresh.drop_duplicates("encoder").set_index("encoder")[JUDGE]
    how = [measure.manifold_encoder]
    chance["judge"] = [fingerprint([judges[name], how]) for name in chance["encoder"]]
    chance["base"] = chance["pictures"] = own[IMAGES].iloc[0]
    table = pd.concat([table, chance], ignore_index=True)
    columns = {"method": "base", "reward": "", "seed": 0, "epoch": 0, "images": 0, "seconds": 0.0}
    return _labelled(table, "base", columns, protocol)


def measure_run(
    run: Run,
    protocol: Protocol,
    measure: Measure,
    rewards: Mapping[str, Any],
    curve: pd.DataFrame,
    own: pd.DataFrame,
    fresh: pd.DataFrame,
    embeddings: Sequence[pd.DataFrame],
    scores: Sequence[pd.DataFrame],
) -> pd.DataFrame:
    """Measure all judged checkpoints of a run.

    Args:
        run: The run.
        protocol: What was drawn.
        measure: What is measured.
        rewards: The rewards' presets, for their bounds and for which of them say kinds.
        curve: The run's training curve, for the cost until each checkpoint.
        own: The base model's embeddings.
        fresh: Those of its other seeds.
        embeddings: A table per checkpoint.
        scores: The same.

    Returns:
        One row per checkpoint and metric.
    """
    clocks = [name for name in curve.columns if name.startswith("seconds_")]
    seconds = curve.set_index("epoch")[clocks].sum(axis=1).cumsum()
    tables = []
    for vectors, scored in zip(embeddings, scores, strict=True):
        epoch = int(vectors["epoch"].iloc[0])
        columns = {
            "method": run.method_name,
            "reward": run.reward_name,
            "seed": run.seed,
            "epoch": epoch,
            "images": epoch * run.train.groups_per_epoch * run.candidates,
            "seconds": float(seconds[epoch]),
        }
        table = _measure_checkpoint(vectors, scored, own, fresh, measure, rewards)
        tables.append(_labelled(table, run.name, columns, protocol))
    return pd.concat(tables, ignore_index=True)


def measure_free(
    run: Run,
    protocol: Protocol,
    measure: Measure,
    rewards: Mapping[str, Any],
    own: pd.DataFrame,
    fresh: pd.DataFrame,
    judged: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
) -> pd.DataFrame:
    """Measure the last checkpoint of a run, blended with the base model.

    Args:
        run: The run.
        protocol: What was drawn, but for the blend.
        measure: What is measured.
        rewards: The rewards' presets.
        own: The base model's embeddings.
        fresh: Those of its other seeds.
        judged: Embeddings and scores, by the blend's name.

    Returns:
        One row per blend and metric; `blend` is its name.
    """
    tables = []
    for blend, (vectors, scores) in judged.items():
        table = _measure_checkpoint(vectors, scores, own, fresh, measure, rewards)
        columns = {"method": run.method_name, "reward": run.reward_name, "seed": run.seed}
        columns |= {"epoch": int(vectors["epoch"].iloc[0]), "blend": blend}
        tables.append(_labelled(table, run.name, columns, protocol))
    return pd.concat(tables, ignore_index=True)


def _measure_checkpoint(
    vectors: pd.DataFrame,
    scores: pd.DataFrame,
    own: pd.DataFrame,
    fresh: pd.DataFrame,
    measure: Measure,
    rewards: Mapping[str, Any],
) -> pd.DataFrame:
    """Measure by the judges that are asked for, and note what each number depends on."""
    encoder = measure.manifold_encoder
    features, vectors, scores, specs = asked_for(vectors, scores, measure, rewards)
    table = measuring.measure(
        features,
        vectors_of(own, encoder),
        vectors_of(fresh, encoder),
        {name: spec.bounds for name, spec in specs.items()},
        encoder,
        measure.recall_k,
        measure.resamples,
    )
    table["judge"] = judges_and_settings(table, vectors, scores, specs, measure)
    table["base"] = own[IMAGES].iloc[0]
    table["pictures"] = vectors[IMAGES].iloc[0]
    return table


def asked_for(
    vectors: pd.DataFrame, scores: pd.DataFrame, measure: Measure, rewards: Mapping[str, Any]
) -> tuple[CheckpointFeatures, pd.DataFrame, pd.DataFrame, Specs]:
    """Keep what the judges that are asked for have said; others may have had their say, too.

    Args:
        vectors: Embeddings of one checkpoint.
        scores: Its scores.
        measure: Names the encoders.
        rewards: The rewards' presets.

    Returns:
        What they said as tensors, the two tables without the rest, and the rewards' presets.
    """
    specs = {
        str(name): look_up(RewardSpec, {"rewards": rewards}, "reward", name)
        for name in scores["reward"].unique()
        if name in rewards
    }
    vectors = vectors[vectors["encoder"].isin(measure.encoders)]
    scores = scores[scores["reward"].isin(specs)]
    kinds = [name for name, spec in specs.items() if spec.kinds]
    return read_features(vectors, scores, kinds), vectors, scores, specs


def judges_and_settings(
    table: pd.DataFrame,
    vectors: pd.DataFrame,
    scores: pd.DataFrame,
    specs: Specs,
    measure: Measure,
) -> pd.Series:
    """Fingerprint each metric's judge, and the settings its number depends on."""
    encoded = dict(zip(vectors["encoder"], vectors[JUDGE], strict=True))
    rewarded = dict(zip(scores["reward"], scores[JUDGE], strict=True))
    how = [measure.recall_k, measure.manifold_encoder]
    of_encoders = {name: fingerprint([digest, how]) for name, digest in encoded.items()}
    kinds = {name: digest for name, digest in rewarded.items() if specs[name].kinds}
    of_rewards = {
        **{name: fingerprint([digest, specs[name].bounds]) for name, digest in rewarded.items()},
        **kinds,
        ALL_KINDS: fingerprint(kinds),  # the sum is another one where a reward is added
    }
    is_reward = table["metric"].isin(measuring.REWARD_METRICS)
    names = table["encoder"]
    return names.map(of_rewards).where(is_reward, names.map(of_encoders))


def _labelled(
    table: pd.DataFrame, name: str, columns: Mapping[str, Any], protocol: Protocol
) -> pd.DataFrame:
    for place, (column, value) in enumerate({"run": name, **columns}.items()):
        table.insert(place, column, value)
    table["protocol"] = protocol.hash
    return table
