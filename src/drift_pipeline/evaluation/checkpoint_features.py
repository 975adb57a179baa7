"""What the judges say of one checkpoint: its tables of embeddings and scores, as tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor


@dataclass(frozen=True)
class CheckpointFeatures:
    """Embeddings and scores of a checkpoint's images; p prompts of n images each.

    Attributes:
        embeddings: Encoder to unit embeddings, `(p, n, d)`.
        scores: Reward to scores, `(p, n)`.
        truths: Reward to true rewards, `(p, n)`, for the rewards whose truth is known.
        kinds: Reward to kinds, `(p, n)`, for the rewards that answer with these instead of scores.
    """

    embeddings: Mapping[str, Tensor]
    scores: Mapping[str, Tensor]
    truths: Mapping[str, Tensor]
    kinds: Mapping[str, Tensor] = field(default_factory=dict)


def read_features(
    vectors: pd.DataFrame, scores: pd.DataFrame, kinds: Collection[str] = ()
) -> CheckpointFeatures:
    """Put the tables of one checkpoint together as tensors.

    Args:
        vectors: One row per image and encoder: `encoder`, `vector`.
        scores: One row per image and reward: `reward`, `score`, `truth`.
        kinds: The rewards whose `score` is a kind.

    Raises:
        ValueError: Where prompts have different numbers of images, or a vector is not finite.
    """
    truths = {
        name: _grouped(rows, torch.tensor(rows["truth"].to_numpy()), f"true {name}")
        for name, rows in scores.groupby("reward", sort=False)
        if rows["truth"].notna().all()
    }
    answers = {
        str(name): _grouped(rows, torch.tensor(rows["score"].to_numpy()), f"{name} score")
        for name, rows in scores.groupby("reward", sort=False)
    }
    return CheckpointFeatures(
        {name: vectors_of(vectors, str(name)) for name in vectors["encoder"].unique()},
        {name: values for name, values in answers.items() if name not in kinds},
        {str(name): values for name, values in truths.items()},
        {name: values for name, values in answers.items() if name in kinds},
    )


def vectors_of(vectors: pd.DataFrame, encoder: str) -> Tensor:
    """Read the embeddings of one encoder, `(prompts, n, d)`, fp32.

    Raises:
        ValueError: Where the table has none, or one is not finite; the image is named.
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
        raise ValueError(f"prompts have different numbers of images: {counts.to_dict()}")
    return values.view(len(counts), int(counts.iloc[0]), *values.shape[1:])
