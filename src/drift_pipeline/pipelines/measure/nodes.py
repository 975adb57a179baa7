"""Nodes that look at the evaluation's pictures and put numbers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drift_pipeline import components
from drift_pipeline.evaluation.parameters import Measure, digests_of, presets_of
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.parameters import RewardSpec
from drift_pipeline.runs import Run, fingerprint, look_up

if TYPE_CHECKING:
    from pandas import DataFrame

    from drift_pipeline.datasets.shards import StoredShards
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = StoredShards = Any


@dataclass(frozen=True)
class Judges:
    """The encoders, the scorers and, where they are known, the true rewards, by name.

    Attributes:
        encoders: Images to embeddings.
        scorers: Images and prompts to scores.
        truths: Images to true rewards.
        encoder_digests: For each encoder what changes whenever it does.
        reward_digests: The same for each reward.
    """

    encoders: dict[str, Any]
    scorers: dict[str, Any]
    truths: dict[str, Any]
    encoder_digests: dict[str, str]
    reward_digests: dict[str, str]


def load_judges(
    run: Run, measure: Measure, encoders: dict[str, Any], rewards: dict[str, Any]
) -> Judges:
    """Make everything that looks at pictures; the run's own reward is always among them."""
    device = run.train.device
    seeing, scoring = presets_of(measure, encoders, rewards, run.reward_name)
    return Judges(
        {
            name: components.make(spec.encoder, spec.options, device, f"encoders.{name}.encoder")
            for name, spec in seeing.items()
        },
        {
            name: components.make(spec.scorer, spec.options, device, f"rewards.{name}.scorer")
            for name, spec in scoring.items()
        },
        {
            name: components.find(spec.truth, f"rewards.{name}.truth")
            for name, spec in scoring.items()
            if spec.truth is not None
        },
        *digests_of(seeing, scoring),
    )


def look(pictures: StoredShards, judges: Judges, run: Run) -> tuple[DataFrame, DataFrame]:
    """Embed and score a checkpoint's pictures."""
    from drift_pipeline.evaluation import tables

    shown = _with_bar(pictures, run)
    vectors, scores = tables.look(shown, judges.encoders, judges.scorers, judges.truths)
    return (
        _signed(vectors, pictures, vectors["encoder"].map(judges.encoder_digests)),
        _signed(scores, pictures, scores["reward"].map(judges.reward_digests)),
    )


def embed(pictures: StoredShards, judges: Judges, run: Run) -> DataFrame:
    """Embed pictures whose rewards nobody asks for."""
    from drift_pipeline.evaluation import tables

    vectors, _ = tables.look(_with_bar(pictures, run), judges.encoders, {}, {})
    return _signed(vectors, pictures, vectors["encoder"].map(judges.encoder_digests))


def _signed(table: DataFrame, pictures: StoredShards, judge: Any) -> DataFrame:
    """Note in each row which pictures were judged, and by which judge."""
    return table.assign(pictures=pictures.fingerprint, judge=judge)


def _with_bar(pictures: StoredShards, run: Run) -> Any:
    from tqdm.auto import tqdm

    disable = None if run.train.progress else True
    return tqdm(pictures, "looking at the pictures", unit="prompt", leave=False, disable=disable)


def measure_base(
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    own: DataFrame,
    scores: DataFrame,
    fresh: DataFrame,
) -> DataFrame:
    """Measure the base model, against itself and against its fresh draw."""
    table = _measure(own, scores, own, fresh, measure, rewards)
    columns = {"method": "base", "reward": "", "seed": 0, "epoch": 0, "images": 0, "seconds": 0.0}
    return _labelled(table, "base", columns, protocol)


def measure_run(
    run: Run,
    protocol: Protocol,
    measure: Measure,
    rewards: dict[str, Any],
    curve: DataFrame,
    own: DataFrame,
    fresh: DataFrame,
    *seen: DataFrame,
) -> DataFrame:
    """Measure all judged checkpoints of a run.

    Args:
        run: The run.
        protocol: What was drawn.
        measure: What is measured.
        rewards: The rewards' presets, for their bounds.
        curve: The run's training curve, for the cost until each checkpoint.
        own: The base model's embeddings.
        fresh: Those of its other seeds.
        *seen: The checkpoints' embeddings, then their scores.
    """
    import pandas as pd

    clocks = [name for name in curve.columns if name.startswith("seconds_")]
    seconds = curve.set_index("epoch")[clocks].sum(axis=1).cumsum()
    tables = []
    for vectors, scores in zip(seen[: len(seen) // 2], seen[len(seen) // 2 :], strict=True):
        epoch = int(vectors["epoch"].iloc[0])
        columns = {
            "method": run.method_name,
            "reward": run.reward_name,
            "seed": run.seed,
            "epoch": epoch,
            "images": epoch * run.train.groups_per_epoch * run.candidates,
            "seconds": float(seconds[epoch]),
        }
        table = _measure(vectors, scores, own, fresh, measure, rewards)
        tables.append(_labelled(table, run.name, columns, protocol))
    return pd.concat(tables, ignore_index=True)


def _measure(
    vectors: DataFrame,
    scores: DataFrame,
    own: DataFrame,
    fresh: DataFrame,
    measure: Measure,
    rewards: dict[str, Any],
) -> DataFrame:
    from drift_pipeline.evaluation import measuring, tables

    encoder = measure.manifold_encoder
    bounds = {
        str(name): look_up(RewardSpec, {"rewards": rewards}, "reward", name).bounds
        for name in scores["reward"].unique()
        if name in rewards
    }
    vectors = vectors[vectors["encoder"].isin(measure.encoders)]
    scores = scores[scores["reward"].isin(bounds)]
    table = measuring.measure(
        tables.read_seen(vectors, scores),
        tables.vectors_of(own, encoder),
        tables.vectors_of(fresh, encoder),
        bounds,
        encoder,
        measure.recall_k,
        measure.resamples,
    )
    encoded = dict(zip(vectors["encoder"], vectors["judge"], strict=True))
    rewarded = dict(zip(scores["reward"], scores["judge"], strict=True))
    of_reward = table["metric"].isin(measuring.REWARD_METRICS)
    # What a number also depends on besides its judge: bounds, or how the manifolds are compared.
    settings = {name: fingerprint([digest, bounds[name]]) for name, digest in rewarded.items()}
    how = [measure.recall_k, encoder]
    others = {name: fingerprint([digest, how]) for name, digest in encoded.items()}
    table["judge"] = table["encoder"].map(settings).where(of_reward, table["encoder"].map(others))
    table["base"] = own["pictures"].iloc[0]
    table["pictures"] = vectors["pictures"].iloc[0]
    return table


def _labelled(
    table: DataFrame, name: str, columns: dict[str, Any], protocol: Protocol
) -> DataFrame:
    for place, (column, value) in enumerate({"run": name, **columns}.items()):
        table.insert(place, column, value)
    table["protocol"] = protocol.hash
    return table
