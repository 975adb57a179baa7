"""Fish and whales."""

from __future__ import annotations

from drift_pipeline.bestiary.drawing.body_parts import DARK, PALE, Part, eye, strokes
from drift_pipeline.bestiary.drawing.shapes import curve, ellipse, polygon, ribbon, taper


def fish() -> list[Part]:
    """Build a fish: an oval with a broad tail fin."""
    return [
        (polygon((-0.4, 0.0), (-0.95, -0.45), (-0.8, 0.0), (-0.95, 0.45)), "far"),
        (polygon((-0.3, -0.3), (-0.1, -0.75), (0.35, -0.3)), "far"),
        (polygon((-0.1, 0.3), (-0.15, 0.68), (0.25, 0.3)), "far"),
        (ellipse((0.12, 0), 0.64, 0.42), "coat"),
        (ellipse((0.05, 0.08), 0.2, 0.1, 30), "far"),
        (ribbon([(0.66, 0.14), (0.54, 0.14)], [0.025, 0.025]), DARK),
        *eye((0.5, -0.1), 0.09),
    ]


def shark() -> list[Part]:
    """Build a shark: a torpedo with a tall fin, a pale belly and teeth."""
    return [
        (polygon((-0.6, 0.0), (-0.98, -0.5), (-0.82, 0.02), (-0.98, 0.3)), "coat"),
        (polygon((-0.2, -0.15), (-0.05, -0.72), (0.22, -0.15)), "coat"),
        (polygon((0.0, 0.15), (-0.2, 0.6), (0.3, 0.18)), "far"),
        (
            ribbon(
                curve((-0.72, 0.02), (0.1, -0.12), (0.9, -0.02)),
                [0.06, 0.12, 0.18, 0.22, 0.25, 0.26, 0.24, 0.18, 0.05],
            ),
            "coat",
        ),
        (
            ribbon(
                curve((-0.45, 0.12), (0.2, 0.2), (0.78, 0.1)),
                [0.03, 0.06, 0.08, 0.1, 0.1, 0.1, 0.09, 0.06, 0.02],
            ),
            PALE,
        ),
        (
            polygon((0.5, 0.12), (0.57, 0.2), (0.62, 0.1), (0.68, 0.18), (0.74, 0.08), (0.8, 0.04)),
            DARK,
        ),
        *strokes([[(0.26, -0.12), (0.24, 0.06)], [(0.35, -0.12), (0.33, 0.06)]], 0.02, DARK),
        *eye((0.62, -0.09), 0.05),
    ]


def whale() -> list[Part]:
    """Build a whale: a blunt giant with a raised fluke and a spout of water."""
    spray = (206, 232, 250)
    return [
        *strokes([[(0.36, -0.4), (0.36, -0.72)]], 0.05, spray),
        (ellipse((0.22, -0.8), 0.16, 0.08, 25), spray),
        (ellipse((0.5, -0.8), 0.16, 0.08, -25), spray),
        (ribbon(curve((-0.2, 0.2), (-0.75, 0.25), (-0.72, -0.35)), taper(0.28, 0.07)), "coat"),
        (
            polygon((-0.72, -0.3), (-1.0, -0.55), (-0.74, -0.5), (-0.48, -0.62), (-0.62, -0.3)),
            "coat",
        ),
        (ellipse((0.2, 0.12), 0.7, 0.46), "coat"),
        (ellipse((0.3, 0.38), 0.52, 0.2), PALE),
        (polygon((0.05, 0.3), (-0.2, 0.66), (0.3, 0.4)), "far"),
        *eye((0.6, 0.06), 0.06),
    ]


def dolphin() -> list[Part]:
    """Build a dolphin: an arched leap, a beak and a curved fin."""
    return [
        (polygon((-0.72, 0.42), (-1.0, 0.3), (-0.86, 0.52), (-0.88, 0.82), (-0.62, 0.55)), "coat"),
        (polygon((-0.12, -0.22), (-0.3, -0.68), (0.2, -0.28)), "far"),
        (
            ribbon(
                curve((-0.76, 0.48), (-0.1, -0.62), (0.62, 0.18)),
                [0.05, 0.11, 0.17, 0.22, 0.25, 0.26, 0.24, 0.2, 0.14],
            ),
            "coat",
        ),
        (
            ribbon(
                curve((-0.35, 0.22), (0.1, -0.08), (0.55, 0.28)),
                [0.02, 0.05, 0.08, 0.1, 0.1, 0.1, 0.08, 0.06, 0.03],
            ),
            PALE,
        ),
        (ribbon([(0.62, 0.2), (0.9, 0.42)], [0.1, 0.045]), "coat"),
        (polygon((0.1, 0.1), (0.02, 0.5), (0.3, 0.16)), "far"),
        *eye((0.58, 0.08), 0.05),
    ]
