"""Outlines in a flat unit world: every shape is a polygon, an ``(n, 2)`` array of x and y.

x grows to the right (the way an animal looks), y grows downwards as in an image. One unit is half
the frame of an animal of size 1.
"""

from __future__ import annotations

import numpy as np

Polygon = np.ndarray
Point = tuple[float, float]

_CIRCLE = np.linspace(0.0, 2.0 * np.pi, 22, endpoint=False)


def ellipse(center: Point, rx: float, ry: float, turn: float = 0.0) -> Polygon:
    """Make an ellipse with radii ``rx`` and ``ry``, turned clockwise by degrees."""
    points = np.stack([rx * np.cos(_CIRCLE), ry * np.sin(_CIRCLE)], axis=1)
    return rotate(points, turn) + np.asarray(center)


def circle(center: Point, radius: float) -> Polygon:
    """Make a circle."""
    return ellipse(center, radius, radius)


def rotate(points: Polygon, degrees: float) -> Polygon:
    """Turn points clockwise (as seen in the image) around the origin."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def polygon(*points: Point) -> Polygon:
    """Make a polygon through the given corners."""
    return np.asarray(points, dtype=float)


def ribbon(points: list[Point], widths: list[float]) -> Polygon:
    """Make a bent band along ``points`` whose half-width at each point is in ``widths``.

    Used for limbs, necks, tails and snakes. The ends are closed by half circles.
    """
    path = np.asarray(points, dtype=float)
    half = np.asarray(widths, dtype=float)
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    left, right = path + normal * half[:, None], path - normal * half[:, None]
    return np.concatenate(
        [
            left,
            _cap(path[-1], tangent[-1], half[-1]),
            right[::-1],
            _cap(path[0], -tangent[0], half[0]),
        ]
    )


def _cap(center: np.ndarray, direction: np.ndarray, radius: float) -> Polygon:
    angle = np.arctan2(direction[1], direction[0])
    sweep = angle + np.linspace(np.pi / 2, -np.pi / 2, 7)[1:-1]
    return center + radius * np.stack([np.cos(sweep), np.sin(sweep)], axis=1)


def curve(start: Point, bend: Point, end: Point, count: int = 9) -> list[Point]:
    """Return points of a quadratic Bézier curve, pulled towards ``bend``."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    points = (
        (1 - t) ** 2 * np.asarray(start)
        + 2 * t * (1 - t) * np.asarray(bend)
        + t**2 * np.asarray(end)
    )
    return [(float(x), float(y)) for x, y in points]


def taper(first: float, last: float, count: int = 9) -> list[float]:
    """Return half-widths that change evenly from ``first`` to ``last``."""
    return [float(width) for width in np.linspace(first, last, count)]
