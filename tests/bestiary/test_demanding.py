"""Demanding rewards: what they measure on pictures whose answer is known."""

import numpy as np
import pytest
import torch

from drift_pipeline.bestiary.demanding import Demand, describe, dusk, frost
from drift_pipeline.bestiary.drawing.animal import draw
from drift_pipeline.bestiary.drawing.pictures import scene_of


def card(backdrop, coat=None, share=0.4):
    """A plain card with a square in the middle."""
    image = torch.tensor(backdrop, dtype=torch.uint8).view(3, 1, 1).repeat(1, 64, 64)
    if coat is not None:
        half = round(32 * share**0.5)
        square = torch.tensor(coat, dtype=torch.uint8).view(3, 1, 1)
        image[:, 32 - half : 32 + half, 32 - half : 32 + half] = square
    return image


def test_describe_finds_backdrop_subject_and_size():
    images = torch.stack([card((0, 0, 255), (255, 0, 0), 0.25), card((128, 128, 128))])
    seen = describe(images)
    assert torch.allclose(seen["backdrop"][0], torch.tensor([0.0, 0.0, 1.0]), atol=1e-3)
    assert torch.allclose(seen["coat"][0], torch.tensor([1.0, 0.0, 0.0]), atol=0.1)
    assert abs(float(seen["size"][0]) - 0.25) < 0.02
    assert float(seen["size"][1]) < 0.02


def test_the_demands_disagree_about_warm_and_cold():
    warm = card((250, 150, 70), (240, 190, 90))
    cold = card((200, 220, 255), (40, 40, 50), 0.1)
    images = torch.stack([warm, cold])
    assert dusk(images)[0] > dusk(images)[1] + 0.3
    assert frost(images)[1] > frost(images)[0] + 0.3


def test_dusk_likes_large_animals_and_frost_small_ones():
    large, small = (card((200, 200, 200), (90, 90, 90), share) for share in (0.4, 0.1))
    images = torch.stack([large, small])
    assert dusk(images)[0] > dusk(images)[1]
    assert frost(images)[1] > frost(images)[0]


def test_drawings_spread_over_the_unit_interval():
    drawings = np.stack([draw(scene_of(5, i)) for i in range(180)])
    images = torch.from_numpy(drawings).permute(0, 3, 1, 2)
    for taste in (dusk, frost):
        score = taste(images)
        assert score.shape == (180,)
        assert -0.05 < float(score.min()) < 0.25
        assert 0.65 < float(score.max()) < 1.05


def test_the_scorer_gives_the_demand_whatever_the_prompt():
    images = torch.stack([card((250, 150, 70), (240, 190, 90)), card((200, 220, 255))])
    assert torch.equal(Demand("dusk")(images, ["a cat", "a dog"]), dusk(images))
    assert torch.equal(Demand("frost")(images, ["a cat", "a dog"]), frost(images))
    with pytest.raises(ValueError, match="demand must be one of dusk, frost, got 'noon'"):
        Demand("noon")
