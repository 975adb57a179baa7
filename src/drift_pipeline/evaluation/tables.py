"""Embeddings and scores as tables, and back as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from drift_pipeline.common.judging import ask_encoder, ask_scorer, ask_truth
from drift_pipeline.evaluation.measuring import Seen
from drift_pipeline.images import from_png

KEYS = ["run", "epoch", "prompt", "seed"]


def look(
    shards: Iterable[pd.DataFrame],
    encoders: Mapping[str, Callable[[Tensor], Tensor]],
    scorers: Mapping[str, Callable[[Tensor, Sequence[str]], Tensor]],
    truths: Mapping[str, Callable[[Tensor], Tensor]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Embed and score pictures, a shard at a time.

    Args:
        shards: Tables with run, epoch, prompt, seed and image.
        encoders: Name to encoder.
        scorers: Name of the reward to scorer.
        truths: Name of the reward to its true reward.

    Returns:
        A row a picture and encoder, with `encoder` and `vector`; a row a picture and reward, with
        `reward`, `score` and `truth` (NaN where it is not known).

    Raises:
        JudgeError: Where an encoder or a reward fails or gives what it should not; it is named.
    """
    vectors, scores = [], []
    for shard in shards:
        images = from_png(picture["bytes"] for picture in shard["image"])
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


def read_seen(vectors: pd.DataFrame, scores: pd.DataFrame) -> Seen:
    """Put the tables of one checkpoint together as tensors.

    Raises:
        ValueError: Where prompts have different numbers of pictures, or a vector is not finite.
    """
    truths = {
        name: _grouped(rows, torch.tensor(rows["truth"].to_numpy()), f"true {name}")
        for name, rows in scores.groupby("reward", sort=False)
        if rows["truth"].notna().all()
    }
    return Seen(
        {name: vectors_of(vectors, str(name)) for name in vectors["encoder"].unique()},
        {
            str(name): _grouped(rows, torch.tensor(rows["score"].to_numpy()), f"{name} score")
            for name, rows in scores.groupby("reward", sort=False)
        },
        {str(name): values for name, values in truths.items()},
    )


def vectors_of(vectors: pd.DataFrame, encoder: str) -> Tensor:
    """The embeddings of one encoder, `(prompts, n, d)`, fp32.

    Raises:
        ValueError: Where the table has none, or one is not finite; the picture is named.
    """
    rows = vectors[vectors["encoder"] == encoder]
    if rows.empty:
        known = ", ".join(vectors["encoder"].unique())
        raise ValueError(f"there are no embeddings of {encoder!r}, only of: {known}")
    values = torch.from_numpy(np.stack(rows["vector"].to_list()).astype(np.float32))
    return _grouped(rows, values, f"{encoder} embedding")


def _grouped(rows: pd.DataFrame, values: Tensor, what: str) -> Tensor:
    finite = values.isfinite().view(len(values), -1).all(dim=1)
    if not finite.all():
        row = rows.iloc[int((~finite).nonzero()[0])]
        raise ValueError(
            f"the {what} of {row['run']}, epoch {row['epoch']}, {row['prompt']!r}, seed "
            f"{row['seed']} is not finite"
        )
    counts = rows.groupby("prompt", sort=False).size()
    if counts.nunique() != 1:
        raise ValueError(f"prompts have different numbers of pictures: {counts.to_dict()}")
    return values.view(len(counts), int(counts.iloc[0]), *values.shape[1:])
