"""Insects, reptiles and the frog."""

from __future__ import annotations

import numpy as np

from drift_pipeline.bestiary.drawing.body_parts import COMB, DARK, PALE, WING, Part, eye, strokes
from drift_pipeline.bestiary.drawing.shapes import (
    Point,
    circle,
    curve,
    ellipse,
    polygon,
    ribbon,
    taper,
)


def snake() -> list[Part]:
    """Build a snake: a winding body with a forked tongue."""
    t = np.linspace(0, 1, 28)
    path = [(float(-0.85 + 1.45 * s), float(0.15 + 0.34 * np.sin(9.0 * s))) for s in t]
    widths = [float(w) for w in np.interp(t, [0, 0.25, 0.9, 1], [0.02, 0.13, 0.14, 0.12])]
    x, y = path[-1]
    return [
        (ribbon(path, widths), "coat"),
        *strokes(
            [[(x + 0.15, y), (x + 0.32, y - 0.08)], [(x + 0.15, y), (x + 0.32, y + 0.08)]],
            0.022,
            COMB,
        ),
        (ellipse((x + 0.06, y), 0.2, 0.16), "coat"),
        *eye((x + 0.1, y - 0.06), 0.06),
    ]


def lizard() -> list[Part]:
    """Build a lizard: low and long, legs spread, a long tail."""
    return [
        (ribbon(curve((-0.2, 0.15), (-0.75, 0.4), (-0.95, -0.35)), taper(0.16, 0.02)), "coat"),
        *strokes(
            [
                [(-0.22, 0.1), (-0.36, -0.22), (-0.5, -0.2)],
                [(0.3, 0.08), (0.4, -0.24), (0.56, -0.24)],
            ],
            0.05,
            "far",
        ),
        *strokes(
            [[(-0.2, 0.2), (-0.42, 0.42), (-0.3, 0.56)], [(0.28, 0.2), (0.16, 0.46), (0.32, 0.56)]],
            0.055,
            "coat",
        ),
        (ellipse((0.05, 0.12), 0.46, 0.18), "coat"),
        (ellipse((0.62, 0.06), 0.27, 0.14, 4), "coat"),
        (ribbon([(0.86, 0.12), (0.62, 0.14)], [0.018, 0.018]), DARK),
        *eye((0.66, 0.0), 0.05),
    ]


def turtle() -> list[Part]:
    """Build a turtle: a dome with plates, four stumps and a small head."""
    shell = np.concatenate([ellipse((-0.05, 0.2), 0.62, 0.56)[11:], [[0.57, 0.25]]])
    plates: list[Part] = [
        (
            polygon(
                (x, 0.05), (x + 0.1, -0.16), (x + 0.26, -0.16), (x + 0.34, 0.05), (x + 0.17, 0.16)
            ),
            "far",
        )
        for x in (-0.55, -0.2, 0.13)
    ]
    return [
        (polygon((-0.55, 0.2), (-0.85, 0.32), (-0.5, 0.32)), "belly"),
        *strokes([[(-0.38, 0.2), (-0.42, 0.5)], [(0.32, 0.2), (0.36, 0.5)]], 0.11, "belly"),
        (ribbon([(0.45, 0.15), (0.74, 0.0)], [0.11, 0.11]), "belly"),
        (circle((0.78, -0.04), 0.16), "belly"),
        (shell, "coat"),
        *plates,
        (ribbon([(-0.66, 0.24), (0.56, 0.24)], [0.06, 0.06]), "far"),
        *eye((0.82, -0.09), 0.05),
    ]


def frog() -> list[Part]:
    """Build a frog: squat, wide mouth, eyes on top, folded legs."""
    return [
        (ribbon(curve((-0.3, 0.2), (-0.95, 0.0), (-0.75, 0.5)), taper(0.2, 0.1)), "far"),
        (ribbon([(-0.75, 0.52), (-0.25, 0.56)], [0.08, 0.06]), "far"),
        (ellipse((-0.02, 0.12), 0.52, 0.36, -18), "coat"),
        (ellipse((0.34, -0.06), 0.4, 0.28, -4), "coat"),
        (ellipse((0.2, 0.3), 0.32, 0.18, -10), "belly"),
        (ribbon([(0.2, 0.25), (0.3, 0.58), (0.5, 0.58)], [0.09, 0.07, 0.05]), "coat"),
        (ribbon(curve((0.74, -0.02), (0.5, 0.14), (0.18, 0.04)), taper(0.025, 0.02)), DARK),
        (circle((0.26, -0.36), 0.17), "coat"),
        *eye((0.3, -0.38), 0.12),
        (circle((0.6, -0.32), 0.13), "far"),
        *eye((0.62, -0.34), 0.09),
    ]


def spider() -> list[Part]:
    """Build a spider: eight bent legs around two round parts."""
    legs: list[list[Point]] = []
    for side in (-1.0, 1.0):
        for reach, fall in ((0.95, -0.65), (0.98, -0.15), (0.98, 0.35), (0.8, 0.8)):
            knee = (side * 0.55, fall * 0.6 - 0.22)
            legs.append([(side * 0.1, 0.0), knee, (side * reach, fall)])
    return [
        *strokes(legs, 0.035, DARK),
        (ellipse((0, 0.28), 0.38, 0.42), "coat"),
        (circle((0, -0.24), 0.23), "far"),
        *eye((-0.09, -0.32), 0.05),
        *eye((0.09, -0.32), 0.05),
    ]


def beetle() -> list[Part]:
    """Build a beetle, seen from above: a shell split in two, a horn, six legs."""
    legs: list[list[Point]] = [
        [(s * 0.3, y), (s * 0.62, y - 0.06), (s * 0.78, y + d)]
        for s in (-1.0, 1.0)
        for y, d in ((-0.25, -0.28), (0.12, 0.08), (0.42, 0.32))
    ]
    return [
        *strokes(legs, 0.045, DARK),
        (polygon((-0.07, -0.6), (-0.2, -0.95), (0.0, -0.78), (0.2, -0.95), (0.07, -0.6)), DARK),
        (circle((0, -0.52), 0.2), DARK),
        (ellipse((0, 0.16), 0.48, 0.62), "coat"),
        (ellipse((0, -0.3), 0.38, 0.18), "far"),
        (ribbon([(0, -0.2), (0, 0.76)], [0.028, 0.028]), DARK),
    ]


def ant() -> list[Part]:
    """Build an ant: three beads, six legs, bent feelers."""
    legs: list[list[Point]] = [
        [(0.0, 0.1), (knee, -0.12), (foot, 0.6)]
        for knee, foot in (
            (-0.35, -0.6),
            (-0.18, -0.25),
            (0.08, -0.02),
            (0.2, 0.2),
            (0.34, 0.45),
            (0.5, 0.75),
        )
    ]
    return [
        *strokes(legs, 0.03, DARK),
        *strokes(
            [
                [(0.66, -0.2), (0.66, -0.55), (0.9, -0.66)],
                [(0.74, -0.2), (0.84, -0.45), (0.98, -0.42)],
            ],
            0.025,
            DARK,
        ),
        (ellipse((-0.54, 0.06), 0.4, 0.28, -12), "coat"),
        (ellipse((0.06, 0.06), 0.24, 0.16), "coat"),
        (circle((0.56, -0.06), 0.24), "coat"),
        *eye((0.62, -0.12), 0.06),
    ]


def butterfly() -> list[Part]:
    """Build a butterfly: four broad wings around a thin body."""
    parts: list[Part] = []
    for side in (-1.0, 1.0):
        parts += [
            (ellipse((side * 0.46, 0.4), 0.34, 0.4, side * -25), "far"),
            (ellipse((side * 0.52, -0.26), 0.48, 0.36, side * -35), "coat"),
            (circle((side * 0.6, -0.32), 0.14), PALE),
            (circle((side * 0.46, 0.44), 0.11), PALE),
        ]
    return [
        *parts,
        *strokes([[(0, -0.4), (-0.18, -0.82)], [(0, -0.4), (0.18, -0.82)]], 0.025, DARK),
        (ellipse((0, 0.0), 0.09, 0.5), DARK),
    ]


def bee() -> list[Part]:
    """Build a bee: a striped abdomen in flight, with a sting."""
    bands: list[Part] = [
        (ribbon([(x, 0.12 - h), (x, 0.12 + h)], [0.055, 0.055]), DARK)
        for x, h in ((-0.5, 0.2), (-0.25, 0.3), (0.0, 0.32))
    ]
    return [
        (polygon((-0.68, 0.05), (-0.98, 0.14), (-0.68, 0.2)), DARK),
        (ellipse((-0.3, -0.42), 0.22, 0.42, -35), WING),
        (ellipse((0.08, -0.46), 0.22, 0.42, 10), WING),
        (ellipse((-0.18, 0.12), 0.56, 0.36), "coat"),
        *bands,
        (circle((0.5, 0.06), 0.26), "coat"),
        *strokes([[(0.56, -0.15), (0.7, -0.45)], [(0.66, -0.1), (0.86, -0.34)]], 0.025, DARK),
        *eye((0.6, 0.0), 0.09),
    ]


def fly() -> list[Part]:
    """Build a fly, seen from above: two clear wings and big red eyes."""
    legs: list[list[Point]] = [
        [(s * 0.15, y), (s * 0.55, y - 0.08), (s * 0.7, y + d)]
        for s in (-1.0, 1.0)
        for y, d in ((-0.3, -0.3), (-0.05, 0.16), (0.2, 0.4))
    ]
    return [
        *strokes(legs, 0.03, DARK),
        (ellipse((0, 0.18), 0.24, 0.42), "coat"),
        (ellipse((-0.38, 0.4), 0.2, 0.5, 35), WING),
        (ellipse((0.38, 0.4), 0.2, 0.5, -35), WING),
        (ellipse((0, -0.2), 0.27, 0.26), "far"),
        (circle((-0.19, -0.56), 0.21), COMB),
        (circle((0.19, -0.56), 0.21), COMB),
    ]
