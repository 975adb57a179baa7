"""Images of a policy, judged as `measure` judges them, without the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.config import OmegaConfigLoader
from own_worker import ENVIRONMENT

from drift_pipeline.bestiary.reader import FREE
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.diversity.entropy import kind_bits
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.evaluation.checkpoint_features import CheckpointFeatures, read_features
from drift_pipeline.evaluation.generation import draw_shards
from drift_pipeline.evaluation.judges import Judges
from drift_pipeline.evaluation.judging import embed_and_score
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.policies.base import Policy, PolicyState
from drift_pipeline.runs.run import Run
from drift_pipeline.settings import CONFIG_LOADER_ARGS

PROMPTS = Path("data/01_raw/prompts/evaluation.txt")


def load_judges(run: Run, changes: Mapping[str, Any]) -> Judges:
    """Load the encoders and rewards of conf/base, but for some parameters."""
    arguments: dict[str, Any] = CONFIG_LOADER_ARGS
    loader = OmegaConfigLoader("conf", ENVIRONMENT, runtime_params=dict(changes), **arguments)
    parameters = loader["parameters"]
    measure = Measure(**parameters["measure"])
    return Judges.load(run, measure, parameters["encoders"], parameters["rewards"])


def draw(
    policy: Policy, state: PolicyState, run: Run, prompts: int, each: int
) -> list[pd.DataFrame]:
    """Draw some images of the first of the evaluation's prompts: a table for each."""
    texts = tuple(read_prompts(PROMPTS)[:prompts])
    protocol = Protocol(texts, tuple(range(each)), run.train.sampling)
    return list(draw_shards(policy, state, "judged", protocol, range(len(texts)), workers=2))


def judge(shards: list[pd.DataFrame], judges: Judges) -> CheckpointFeatures:
    """Embed and score images, and put what the judges say together by prompt."""
    return features_of(*embed_and_score(shards, judges.encoders, judges.scorers, judges.truths))


def features_of(vectors: pd.DataFrame, scores: pd.DataFrame) -> CheckpointFeatures:
    """Put what the judges say together by prompt."""
    return read_features(vectors, scores, FREE)


def numbers(features: CheckpointFeatures, reward: str) -> dict[str, float]:
    """Sum up what the judges say: reward and truth, diversities, share shown, bits by kind."""
    return {
        "reward": float(features.scores[reward].mean()),
        "true": float(features.truths[reward].mean()),
        **{
            name: float(mean_pairwise_distance(points).mean())
            for name, points in features.embeddings.items()
        },
        "shown": float(features.scores["shows_prompt"].mean()),
        **bits(features),
    }


def bits(features: CheckpointFeatures) -> dict[str, float]:
    """Return the variety of each kind within prompts, in bits, and of all together."""
    found = {kind: float(kind_bits(kinds).mean()) for kind, kinds in features.kinds.items()}
    return found | {"bits": sum(found.values())}
