"""What an animal is made of: shapes with a paint, and the parts that many animals share."""

from __future__ import annotations

from drift_pipeline.bestiary.drawing.shapes import Point, Polygon, circle, ribbon

#: A paint is a fixed colour or a role that the breed fills: "coat", "far" (the coat in shadow) or
#: "belly" (the coat, lighter).
Paint = str | tuple[int, int, int]
Part = tuple[Polygon, Paint]

DARK = (44, 38, 42)
PALE = (246, 240, 226)
ROSE = (232, 138, 142)
HORN = (222, 204, 160)
BEAK = (240, 158, 40)
COMB = (214, 44, 40)
WING = (214, 228, 240)


def eye(center: Point, radius: float) -> list[Part]:
    """Build a white eye with a dark pupil, large enough to survive 64 pixels."""
    radius = max(radius, 0.05)
    return [
        (circle(center, radius), PALE),
        (circle((center[0] + radius * 0.25, center[1]), radius * 0.6), DARK),
    ]


def strokes(ends: list[list[Point]], width: float, paint: str | tuple[int, int, int]) -> list[Part]:
    """Build thin bands of one width: legs, feelers, stripes."""
    return [(ribbon(points, [width] * len(points)), paint) for points in ends]
