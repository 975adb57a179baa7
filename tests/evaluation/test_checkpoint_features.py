"""Tables of embeddings become tensors, or say what is wrong with them."""

import pandas as pd
import pytest
import torch

from drift_pipeline.evaluation.checkpoint_features import vectors_of


@pytest.fixture
def vectors() -> pd.DataFrame:
    keys = {"run": "r", "epoch": 1, "prompt": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1]}
    rows = list(torch.arange(12.0).view(4, 3).numpy())
    return pd.DataFrame(keys).assign(encoder="dreamsim", vector=rows)


def test_embeddings_are_grouped_by_prompt(vectors):
    assert torch.equal(vectors_of(vectors, "dreamsim"), torch.arange(12.0).view(2, 2, 3))


def test_an_embedding_that_is_not_finite_is_named(vectors):
    vectors.at[1, "vector"] = vectors.at[1, "vector"] * float("nan")
    with pytest.raises(ValueError, match="dreamsim embedding of r, epoch 1, 'a', seed 1"):
        vectors_of(vectors, "dreamsim")


def test_an_encoder_that_is_not_there_is_named(vectors):
    with pytest.raises(ValueError, match="no embeddings of 'clip', only of: dreamsim"):
        vectors_of(vectors, "clip")


def test_prompts_with_different_numbers_of_images_are_refused(vectors):
    with pytest.raises(ValueError, match="different numbers of images"):
        vectors_of(vectors.drop(index=[1]), "dreamsim")
