"""Shapes against their closed forms."""

import numpy as np
import pytest

from drift_pipeline.bestiary.drawing.shapes import (
    circle,
    curve,
    ellipse,
    polygon,
    ribbon,
    rotate,
    taper,
)


def area(points: np.ndarray) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_an_ellipse_lies_on_its_equation_and_keeps_its_area_when_turned():
    points = ellipse((0.2, -0.1), 0.5, 0.25)
    x, y = (points - [0.2, -0.1]).T
    assert np.allclose((x / 0.5) ** 2 + (y / 0.25) ** 2, 1)
    assert area(ellipse((0.2, -0.1), 0.5, 0.25, 30)) == pytest.approx(area(points))
    assert area(points) == pytest.approx(np.pi * 0.5 * 0.25, rel=0.02)


def test_a_circle_is_an_ellipse():
    assert np.allclose(circle((0, 0), 0.3), ellipse((0, 0), 0.3, 0.3))


def test_rotation_is_clockwise_on_the_picture():
    # y grows downwards: a quarter turn clockwise takes right to down.
    assert np.allclose(rotate(polygon((1, 0)), 90), [[0, 1]])


def test_a_straight_ribbon_is_a_bar_with_round_ends():
    bar = ribbon([(0, 0), (1, 0)], [0.1, 0.1])
    assert area(bar) == pytest.approx(0.2 + np.pi * 0.01, rel=0.05)
    assert bar[:, 0].min() == pytest.approx(-0.1, abs=0.01)
    assert bar[:, 0].max() == pytest.approx(1.1, abs=0.01)


def test_a_curve_starts_and_ends_where_asked_and_bends_halfway():
    points = curve((0, 0), (1, 2), (2, 0), 5)
    assert points[0] == (0, 0)
    assert points[-1] == (2, 0)
    assert points[2] == pytest.approx((1, 1))


def test_taper_changes_evenly():
    assert taper(0.1, 0.3, 3) == pytest.approx([0.1, 0.2, 0.3])
