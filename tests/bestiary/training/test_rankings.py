"""Sets of ranked images, and their loss, on known answers."""

import math

import pytest
import torch
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.training import preferences, rankings

ANIMALS = torch.arange(45).repeat(20)


@pytest.fixture
def sets():
    return rankings.draw_rankings(ANIMALS, 3000, torch.Generator().manual_seed(0))


def test_a_set_has_six_images_of_its_animal_and_two_of_any(sets):
    same = ANIMALS[sets.index] == ANIMALS[sets.index[:, :1]]
    assert same[:, :6].all()
    assert float(same[:, 6:].float().mean()) == pytest.approx(1 / 45, abs=0.01)
    # twins of all images, not of the first few
    assert len(sets.index.unique()) == len(ANIMALS)
    assert not sets.broken[:, [0, 1, 2, 3, 6, 7]].any()
    assert float(sets.broken[:, 4:6].float().mean()) == pytest.approx(0.5, abs=0.02)
    assert torch.equal(sets.good, same & ~sets.broken)


def test_only_the_broken_ones_are_shown_warped():
    pictures = draw_pictures(90, seed=11, workers=1)
    generator = torch.Generator().manual_seed(1)
    sets = rankings.draw_rankings(pictures.animals, 12, generator)
    shown = sets.show(pictures.images, generator)
    changed = (shown != pictures.images[sets.index]).flatten(2).any(dim=2)
    assert torch.equal(changed, sets.broken)


def test_the_loss_is_that_of_all_pairs_with_a_good_image():
    """By hand, with the softmax over a pair's two scores that the papers write."""
    generator = torch.Generator().manual_seed(2)
    scores, taste = torch.randn(5, 4, generator=generator), torch.rand(5, 4, generator=generator)
    good = torch.rand(5, 4, generator=generator) < 0.6
    losses = []
    for n in range(5):
        for i in range(4):
            for j in range(i + 1, 4):
                if not (good[n, i] or good[n, j]):
                    continue
                share = 1 / (1 + math.exp(-float(taste[n, i] - taste[n, j]) / preferences.DISCORD))
                if not (good[n, i] and good[n, j]):
                    share = float(good[n, i])
                two = scores[n, [i, j]]
                losses.append(F.cross_entropy(two[None], torch.tensor([[share, 1 - share]])))
    assert 0 < len(losses) < 30
    found = rankings.ranking_loss(scores, taste, good)
    assert float(found) == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


def test_the_loss_is_least_where_scores_differ_as_tastes_do():
    taste = torch.tensor([[0.5, 0.6, 0.45, 0.7]])
    good = torch.ones(1, 4, dtype=torch.bool)
    scores = (taste / preferences.DISCORD).requires_grad_()
    rankings.ranking_loss(scores, taste, good).backward()
    assert scores.grad.abs().max() < 1e-6
