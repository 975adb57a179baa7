"""Qualities: what each does to a picture, and that they know nothing of what is on it."""

from dataclasses import replace

import numpy as np
import pytest

from drift_pipeline.bestiary.drawing.animal import draw
from drift_pipeline.bestiary.drawing.pictures import draw_pictures, quality_of, scene_of
from drift_pipeline.bestiary.drawing.quality import (
    QUALITIES,
    RANGES,
    Quality,
    as_rows,
    develop,
    draw_quality,
)

AS_DRAWN = Quality(contrast=1.0, saturation=1.0, warmth=0.0, sharpness=0.0, haze=0.0, vignette=0.0)


@pytest.fixture(scope="module")
def drawing():
    return draw(scene_of(3, 7))


def changed(drawing, **quality):
    return develop(drawing, replace(AS_DRAWN, **quality)).astype(float)


def test_the_neutral_quality_leaves_a_drawing_as_it_is(drawing):
    assert np.array_equal(develop(drawing, AS_DRAWN), drawing)


def test_contrast_scales_the_deviation_and_keeps_the_mean(drawing):
    low = changed(drawing, contrast=0.5)
    assert low.std(axis=(0, 1)) == pytest.approx(drawing.std(axis=(0, 1)) / 2, rel=0.02)
    assert low.mean(axis=(0, 1)) == pytest.approx(drawing.mean(axis=(0, 1)), abs=0.5)


def test_without_saturation_the_channels_are_equal(drawing):
    grey = changed(drawing, saturation=0.0)
    assert np.ptp(grey, axis=2).max() <= 1


def test_warm_light_has_more_red_and_less_blue_and_cold_light_the_inverse(drawing):
    plain = np.full_like(drawing, 100)
    warm, cold = (changed(plain, warmth=warmth)[0, 0] for warmth in (1.0, -1.0))
    assert warm == pytest.approx([122, 100, 74], abs=1)
    assert cold == pytest.approx([82, 100, 135], abs=1)


def test_sharpness_takes_detail_away_and_adds_it(drawing):
    def detail(image):
        return np.abs(np.diff(np.asarray(image, dtype=float), axis=1)).mean()

    assert detail(changed(drawing, sharpness=-0.8)) < 0.7 * detail(drawing)
    assert detail(changed(drawing, sharpness=0.4)) > 1.1 * detail(drawing)


def test_full_haze_is_fog_and_a_vignette_darkens_the_corners_alone(drawing):
    fog = changed(drawing, haze=1.0)
    assert np.ptp(fog, axis=(0, 1)).max() == 0
    dark = changed(drawing, vignette=0.5)
    assert dark[0, 0] == pytest.approx(drawing[0, 0] * 0.5, abs=1)
    assert dark[31:33, 31:33] == pytest.approx(drawing[31:33, 31:33], abs=1)


def test_qualities_stay_in_their_ranges_and_fine_ones_lean_the_other_way():
    rng = np.random.default_rng(0)
    drawn = as_rows([draw_quality(rng) for _ in range(2000)])
    fine = as_rows([draw_quality(rng, fine=True) for _ in range(2000)])
    for column, name in enumerate(QUALITIES):
        low, high, *_ = RANGES[name]
        for rows in (drawn, fine):
            assert low <= rows[:, column].min()
            assert rows[:, column].max() <= high
        middle = low + high
        assert drawn[:, column].mean() + fine[:, column].mean() == pytest.approx(
            middle, abs=0.03 * (high - low)
        )


def test_qualities_are_independent_of_each_other():
    rows = as_rows([quality_of(1, i) for i in range(4000)])
    between = np.corrcoef(rows.T) - np.eye(len(QUALITIES))
    assert np.abs(between).max() < 0.05


def test_pictures_are_scenes_with_their_qualities():
    pictures = draw_pictures(46, seed=11, workers=1)
    for i in (0, 45):
        developed = develop(draw(pictures.scenes[i]), pictures.qualities[i])
        assert np.array_equal(developed, pictures.images[i].permute(1, 2, 0).numpy())
        assert (pictures.scenes[i], pictures.qualities[i]) == (scene_of(11, i), quality_of(11, i))
    assert pictures.quality.shape == (46, len(QUALITIES))
    fine = draw_pictures(46, seed=11, workers=1, fine=True)
    assert fine.qualities == [quality_of(11, i, fine=True) for i in range(46)]
