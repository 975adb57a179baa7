"""Tastes: they like qualities and nothing else, and there is much to gain."""

from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from drift_pipeline.bestiary.drawing.pictures import quality_of, scene_of
from drift_pipeline.bestiary.drawing.quality import QUALITIES, RANGES, as_rows
from drift_pipeline.bestiary.tastes import CATALOGUE, POSTCARD, TASTES

COUNT = 20_000


@pytest.fixture(scope="module")
def quality():
    """The qualities of as many drawings, without drawing them."""
    return torch.from_numpy(as_rows([quality_of(5, i) for i in range(COUNT)]))


@pytest.fixture(scope="module")
def free():
    """What else varies on these drawings: a column of zeros and ones for each kind of it."""
    scenes = [scene_of(5, i) for i in range(COUNT)]
    columns = [
        [getattr(scene, name) == kind for scene in scenes]
        for name in ("animal", "coat", "pattern", "facing", "background")
        for kind in sorted({getattr(scene, name) for scene in scenes})
    ]
    return np.array(columns, dtype=float)


@pytest.mark.parametrize("taste", TASTES.values(), ids=TASTES)
def test_a_taste_is_1_for_its_best_and_less_for_everything_else(taste):
    best = torch.tensor([astuple(taste.best)])
    assert float(taste(best)) == pytest.approx(1.0, abs=1e-6)
    for name in QUALITIES:
        low, high, *_ = RANGES[name]
        for step in (-0.1, 0.1):
            other = replace(taste.best, **{name: getattr(taste.best, name) + step * (high - low)})
            assert float(taste(torch.tensor([astuple(other)]))) < 0.999


@pytest.mark.parametrize("taste", TASTES.values(), ids=TASTES)
def test_the_distance_from_the_best_is_weighted(taste):
    """One quality at a time, far from its best: the loss is its weight times its distance."""
    total = sum(astuple(taste.weights))
    for name in QUALITIES:
        low, high, *_ = RANGES[name]
        away = replace(taste.best, **{name: getattr(taste.best, name) - (high - low)})
        lost = 1 - float(taste(torch.tensor([astuple(away)])))
        assert lost == pytest.approx(getattr(taste.weights, name) / total * 0.9512, rel=1e-3)


@pytest.mark.parametrize("taste", TASTES.values(), ids=TASTES)
def test_the_best_lies_beyond_what_drawings_often_have_and_short_of_the_end(taste, quality):
    for column, name in enumerate(QUALITIES):
        low, high, *_ = RANGES[name]
        best = getattr(taste.best, name)
        assert low < best < high
        values = quality[:, column]
        beyond = min(float((values > best).float().mean()), float((values < best).float().mean()))
        assert beyond < 0.1


@pytest.mark.parametrize("taste", TASTES.values(), ids=TASTES)
def test_drawings_leave_three_deviations_to_gain(taste, quality):
    liked = taste(quality)
    assert float((1 - liked.mean()) / liked.std()) > 3
    assert float(liked.max()) < 0.98


@pytest.mark.parametrize("taste", TASTES.values(), ids=TASTES)
def test_a_taste_knows_nothing_of_what_is_drawn(taste, quality, free):
    liked = taste(quality).numpy()
    correlations = [np.corrcoef(liked, column)[0, 1] for column in free]
    assert np.abs(correlations).max() < 0.05


def test_the_two_tastes_differ(quality):
    assert (
        abs(float(torch.corrcoef(torch.stack([POSTCARD(quality), CATALOGUE(quality)]))[0, 1])) < 0.4
    )
