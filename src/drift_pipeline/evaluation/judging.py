"""Shows a checkpoint's images to its judges: embeddings and scores, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from drift_pipeline.common.asking import ask_encoder, ask_scorer, ask_truth
from drift_pipeline.common.images import from_png
from drift_pipeline.evaluation.image_shards import StoredShards
from drift_pipeline.evaluation.judged_tables import sign
from drift_pipeline.evaluation.judges import Judges

KEYS = ["run", "epoch", "prompt", "seed"]


def judge_images(
    images: StoredShards, judges: Judges, progress: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Embed and score a checkpoint's images.

    Args:
        images: The images.
        judges: Encoders, scorers and true rewards.
        progress: Show a progress bar.

    Returns:
        As `embed_and_score`; each row says which images were judged and by which judge.

    Raises:
        JudgeError: As `embed_and_score`.
    """
    vectors, scores = embed_and_score(
        _with_bar(images, progress), judges.encoders, judges.scorers, judges.truths
    )
    return (
        sign(vectors, images.fingerprint, "encoder", judges.encoder_digests),
        sign(scores, images.fingerprint, "reward", judges.reward_digests),
    )


def embed_images(images: StoredShards, judges: Judges, progress: bool = False) -> pd.DataFrame:
    """Embed images whose rewards nobody asks for.

    Args:
        images: The images.
        judges: Of these the encoders alone.
        progress: Show a progress bar.

    Returns:
        The first table of `judge_images`.

    Raises:
        JudgeError: As `embed_and_score`.
    """
    vectors, _ = embed_and_score(_with_bar(images, progress), judges.encoders, {}, {})
    return sign(vectors, images.fingerprint, "encoder", judges.encoder_digests)


def embed_and_score(
    shards: Iterable[pd.DataFrame],
    encoders: Mapping[str, Callable[[Tensor], Tensor]],
    scorers: Mapping[str, Callable[[Tensor, Sequence[str]], Tensor]],
    truths: Mapping[str, Callable[[Tensor], Tensor]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Embed and score images, a shard at a time.

    Args:
        shards: Tables with run, epoch, prompt, seed and image.
        encoders: Name to encoder.
        scorers: Name of the reward to scorer.
        truths: Name of the reward to its true reward.

    Returns:
        One row per image and encoder, with `encoder` and `vector`; one row per image and reward,
        with `reward`, `score` and `truth` (NaN where it is not known).

    Raises:
        JudgeError: Where an encoder or a reward fails or gives what it should not; it is named.
    """
    vectors, scores = [], []
    for shard in shards:
        images = from_png(file["bytes"] for file in shard["image"])
        keys = shard[KEYS]
        where = _describer(keys)
        for name, encoder in encoders.items():
            embedded = list(ask_encoder(name, encoder, images, where).float().numpy())
            vectors.append(keys.assign(encoder=name, vector=embedded))
        for name, scorer in scorers.items():
            score = ask_scorer(name, scorer, images, shard["prompt"].tolist(), where).double()
            truth = ask_truth(name, truths[name], images).double() if name in truths else None
            known = torch.full_like(score, torch.nan) if truth is None else truth
            row = {"reward": name, "score": score.tolist(), "truth": known.tolist()}
            scores.append(keys.assign(**row))
    together = [
        pd.concat(part or [pd.DataFrame()], ignore_index=True) for part in (vectors, scores)
    ]
    return together[0], together[1]


def _describer(keys: pd.DataFrame) -> Callable[[int], str]:
    def where(row: int) -> str:
        run, epoch, prompt, seed = keys.iloc[row]
        return f"{run}, epoch {epoch}, {prompt!r}, seed {seed}"

    return where


def _with_bar(images: StoredShards, progress: bool) -> Iterable[pd.DataFrame]:
    disable = None if progress else True
    bar: Iterable[pd.DataFrame] = tqdm(
        images, "judging the images", unit="prompt", leave=False, disable=disable
    )
    return bar
