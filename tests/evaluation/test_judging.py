"""What the judges say is kept as it was said, of the images that they were shown."""

import math

import pandas as pd
import pytest
import torch
from torch.nn.functional import normalize

from drift_pipeline.common.asking import JudgeError
from drift_pipeline.common.images import to_png
from drift_pipeline.evaluation.checkpoint_features import read_features
from drift_pipeline.evaluation.judges import Judges
from drift_pipeline.evaluation.judging import embed_and_score, embed_images, judge_images

IMAGES = torch.randint(
    0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


class Shards(list):
    fingerprint = "these images"


@pytest.fixture
def shards() -> Shards:
    files = [{"bytes": png, "path": "x"} for png in to_png(IMAGES)]
    table = pd.DataFrame(
        {"run": "r", "epoch": 1, "prompt": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1]}
    ).assign(image=files)
    return Shards([table[:2], table[2:]])


def brightness(images: torch.Tensor, prompts: list[str]) -> torch.Tensor:
    assert prompts == ["a", "a"] or prompts == ["b", "b"]
    return images.float().mean(dim=(1, 2, 3))


def darkness(images: torch.Tensor, prompts: list[str]) -> torch.Tensor:
    return -brightness(images, prompts)


def brightest(images: torch.Tensor) -> torch.Tensor:
    return images.float().amax(dim=(1, 2, 3))


def corner(images: torch.Tensor) -> torch.Tensor:
    return normalize(images[:, :, 0, 0].float() + 1, dim=1)


def test_tables_keep_what_the_judges_saw(shards):
    features = read_features(
        *embed_and_score(
            shards,
            {"dreamsim": corner},
            {"bright": brightness, "dark": darkness},
            {"dark": brightest},
        )
    )
    grouped = IMAGES.view(2, 2, 3, 8, 8).float()
    assert torch.equal(features.embeddings["dreamsim"], normalize(grouped[..., 0, 0] + 1, dim=-1))
    assert torch.allclose(features.scores["bright"], grouped.mean(dim=(2, 3, 4)).double())
    assert torch.equal(features.scores["dark"], -features.scores["bright"])
    assert set(features.truths) == {"dark"}
    assert torch.equal(features.truths["dark"], grouped.amax(dim=(2, 3, 4)).double())


def test_rows_are_signed_by_images_and_judge(shards):
    judges = Judges(
        {"dreamsim": corner},
        {"bright": brightness, "dark": darkness},
        {},
        {"dreamsim": "d1"},
        {"bright": "b1", "dark": "k1"},
    )
    vectors, scores = judge_images(shards, judges)
    assert {*vectors["pictures"], *scores["pictures"]} == {"these images"}
    assert {*vectors["judge"]} == {"d1"}
    assert dict(zip(scores["reward"], scores["judge"], strict=True)) == judges.reward_digests
    assert list(scores.columns[-2:]) == ["pictures", "judge"]
    pd.testing.assert_frame_equal(embed_images(shards, judges), vectors)


def test_judges_that_fail_are_named(shards):
    with pytest.raises(JudgeError, match="r, epoch 1, 'b', seed 0: the score of the reward 'x' is"):
        embed_and_score(shards[1:], {}, {"x": lambda images, prompts: [math.nan, 1.0]}, {})
    with pytest.raises(JudgeError, match="the reward 'x' gave None for 2 images"):
        embed_and_score(shards[1:], {}, {"x": lambda images, prompts: None}, {})
