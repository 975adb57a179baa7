"""Birds, and the bat that flies with them."""

from __future__ import annotations

import numpy as np

from drift_pipeline.bestiary.drawing.body_parts import BEAK, COMB, DARK, PALE, Part, eye, strokes
from drift_pipeline.bestiary.drawing.shapes import circle, curve, ellipse, polygon, ribbon, taper


def songbird() -> list[Part]:
    """Build a songbird: round body, short beak, forked tail."""
    return [
        *strokes([[(-0.05, 0.4), (-0.05, 0.75)], [(0.15, 0.4), (0.15, 0.75)]], 0.03, DARK),
        (polygon((-0.35, 0.0), (-0.95, -0.05), (-0.8, 0.12), (-0.95, 0.28), (-0.3, 0.3)), "far"),
        (ellipse((0, 0.1), 0.48, 0.38, -20), "coat"),
        (circle((0.38, -0.28), 0.26), "coat"),
        (ellipse((0.2, 0.26), 0.26, 0.2, -20), "belly"),
        (ellipse((-0.16, 0.08), 0.34, 0.2, 20), "far"),
        (polygon((0.58, -0.4), (0.92, -0.26), (0.58, -0.16)), BEAK),
        *eye((0.44, -0.34), 0.07),
    ]


def chicken() -> list[Part]:
    """Build a hen: comb, wattle, raised tail, yellow legs."""
    return [
        *strokes([[(-0.05, 0.4), (-0.05, 0.82)], [(0.15, 0.4), (0.15, 0.82)]], 0.035, BEAK),
        (polygon((-0.3, 0.25), (-0.85, -0.5), (-0.6, -0.45), (-0.5, -0.65), (-0.05, -0.1)), "far"),
        (ellipse((0, 0.15), 0.5, 0.38, 10), "coat"),
        (ribbon([(0.3, 0.1), (0.42, -0.42)], [0.24, 0.15]), "coat"),
        (ellipse((-0.08, 0.15), 0.3, 0.2, 15), "far"),
        (
            polygon(
                (0.28, -0.52),
                (0.26, -0.82),
                (0.4, -0.66),
                (0.48, -0.86),
                (0.54, -0.66),
                (0.66, -0.74),
                (0.58, -0.5),
            ),
            COMB,
        ),
        (ellipse((0.54, -0.2), 0.07, 0.13), COMB),
        (polygon((0.54, -0.5), (0.8, -0.38), (0.54, -0.3)), BEAK),
        *eye((0.44, -0.46), 0.05),
    ]


def turkey() -> list[Part]:
    """Build a turkey: a fan of feathers behind a small bald head."""
    fan: list[Part] = []
    for i, angle in enumerate(np.deg2rad(np.linspace(175, 325, 8))):
        center = (-0.2 + 0.5 * float(np.cos(angle)), 0.1 + 0.55 * float(np.sin(angle)))
        fan.append(
            (ellipse(center, 0.36, 0.13, float(np.rad2deg(angle))), "coat" if i % 2 else "far")
        )
    return [
        *strokes([[(-0.1, 0.5), (-0.1, 0.85)], [(0.12, 0.5), (0.12, 0.85)]], 0.035, BEAK),
        *fan,
        (circle((0.0, 0.25), 0.38), "far"),
        (ribbon(curve((0.2, 0.2), (0.5, 0.1), (0.42, -0.35)), taper(0.15, 0.09)), (120, 150, 196)),
        (circle((0.46, -0.42), 0.13), (120, 150, 196)),
        (ellipse((0.6, -0.18), 0.06, 0.2), COMB),
        (polygon((0.55, -0.5), (0.78, -0.4), (0.55, -0.33)), BEAK),
        *eye((0.47, -0.46), 0.05),
    ]


def duck() -> list[Part]:
    """Build a duck: a swimmer with a flat bill and a short neck."""
    return [
        (polygon((-0.5, 0.1), (-0.92, -0.2), (-0.75, 0.35)), "coat"),
        (polygon((-0.75, 0.1), (0.62, 0.1), (0.42, 0.52), (-0.45, 0.52)), "coat"),
        (ellipse((-0.05, 0.2), 0.6, 0.32), "coat"),
        (ellipse((-0.15, 0.16), 0.36, 0.19, 8), "far"),
        (ribbon([(0.4, 0.15), (0.42, -0.3)], [0.2, 0.17]), "coat"),
        (circle((0.44, -0.36), 0.25), "coat"),
        (ellipse((0.78, -0.28), 0.22, 0.09, 6), BEAK),
        *eye((0.5, -0.44), 0.06),
        (ribbon([(0.24, -0.08), (0.6, -0.05)], [0.05, 0.05]), PALE),
    ]


def goose() -> list[Part]:
    """Build a goose: a long S of a neck on a heavy body."""
    return [
        *strokes([[(-0.15, 0.45), (-0.15, 0.85)], [(0.08, 0.45), (0.08, 0.85)]], 0.04, BEAK),
        (polygon((-0.5, 0.1), (-0.98, 0.08), (-0.5, 0.42)), "far"),
        (ellipse((-0.12, 0.25), 0.52, 0.3, -8), "coat"),
        (ellipse((-0.22, 0.22), 0.34, 0.17, -5), "far"),
        (
            ribbon(curve((0.25, 0.2), (0.62, -0.05), (0.34, -0.75), 11), taper(0.15, 0.09, 11)),
            "coat",
        ),
        (ellipse((0.42, -0.78), 0.18, 0.13, 10), "coat"),
        (polygon((0.54, -0.86), (0.88, -0.7), (0.54, -0.66)), BEAK),
        *eye((0.44, -0.82), 0.05),
    ]


def bat() -> list[Part]:
    """Build a bat: spread scalloped wings around a small furry body."""
    parts: list[Part] = []
    for s in (-1.0, 1.0):
        wing = polygon(
            (s * 0.1, -0.1),
            (s * 0.5, -0.5),
            (s * 0.98, -0.3),
            (s * 0.92, 0.3),
            (s * 0.7, 0.05),
            (s * 0.55, 0.42),
            (s * 0.36, 0.14),
            (s * 0.12, 0.4),
        )
        ear = polygon((s * 0.04, -0.36), (s * 0.22, -0.72), (s * 0.26, -0.28))
        parts += [(wing, "far"), (ear, "coat")]
    return [
        *parts,
        (ellipse((0, 0.15), 0.2, 0.34), "coat"),
        (circle((0, -0.22), 0.23), "coat"),
        *eye((-0.1, -0.26), 0.06),
        *eye((0.1, -0.26), 0.06),
        (polygon((-0.07, -0.1), (-0.03, 0.02), (0.0, -0.1), (0.03, 0.02), (0.07, -0.1)), PALE),
    ]
