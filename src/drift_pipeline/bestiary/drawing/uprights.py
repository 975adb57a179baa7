"""Beasts that sit up, lean or roll: too odd for the plan of the four-legged ones."""

from __future__ import annotations

import numpy as np

from drift_pipeline.bestiary.drawing.body_parts import DARK, PALE, ROSE, Part, eye, strokes
from drift_pipeline.bestiary.drawing.shapes import circle, curve, ellipse, polygon, ribbon, taper


def hedgehog() -> list[Part]:
    """Build a hedgehog: a dome of spines with a pointed nose."""
    turn = np.linspace(np.pi * 0.98, 2.02 * np.pi, 31)
    radius = np.where(np.arange(31) % 2, 0.62, 0.8)
    spines = np.stack([-0.12 + radius * np.cos(turn), 0.36 + radius * np.sin(turn)], 1)
    return [
        *strokes([[(-0.3, 0.3), (-0.3, 0.6)], [(0.3, 0.3), (0.3, 0.6)]], 0.07, "belly"),
        (ribbon([(0.3, 0.3), (0.92, 0.36)], [0.24, 0.04]), "belly"),
        (ellipse((0.0, 0.38), 0.55, 0.16), "belly"),
        (spines, "coat"),
        (circle((0.92, 0.35), 0.06), DARK),
        *eye((0.62, 0.24), 0.06),
    ]


def squirrel() -> list[Part]:
    """Build a squirrel: upright, paws together, a tail as large as itself."""
    tail = curve((-0.1, 0.6), (-1.25, 0.55), (-0.62, -0.55), 11)
    return [
        (ribbon(tail, [0.1, 0.16, 0.2, 0.23, 0.25, 0.26, 0.27, 0.27, 0.26, 0.22, 0.14]), "far"),
        (ellipse((0.05, 0.3), 0.3, 0.42, 8), "coat"),
        (ellipse((-0.02, 0.6), 0.28, 0.16), "coat"),
        (ellipse((0.17, 0.3), 0.16, 0.3, 8), PALE),
        (ribbon([(0.2, 0.72), (0.44, 0.74)], [0.08, 0.06]), "coat"),
        (polygon((0.06, -0.36), (0.1, -0.74), (0.28, -0.4)), "coat"),
        (circle((0.24, -0.22), 0.24), "coat"),
        (ribbon([(0.28, -0.18), (0.52, -0.1)], [0.16, 0.06]), "coat"),
        (circle((0.54, -0.1), 0.045), DARK),
        (ribbon([(0.18, 0.12), (0.42, 0.2)], [0.08, 0.06]), "coat"),
        *eye((0.3, -0.28), 0.07),
    ]


def kangaroo() -> list[Part]:
    """Build a kangaroo: leaning forward on huge feet, tail as a prop, a pouch."""
    return [
        (ribbon(curve((-0.2, 0.4), (-0.55, 0.85), (-0.98, 0.72)), taper(0.18, 0.05)), "coat"),
        (ribbon([(-0.1, 0.35), (0.16, -0.38)], [0.32, 0.16]), "coat"),
        (ellipse((-0.12, 0.4), 0.33, 0.3), "coat"),
        (ellipse((0.12, 0.28), 0.15, 0.2, 20), "belly"),
        (
            ribbon(
                [(-0.12, 0.5), (0.1, 0.62), (-0.06, 0.84), (0.36, 0.86)], [0.15, 0.11, 0.07, 0.06]
            ),
            "far",
        ),
        (ribbon([(0.16, -0.2), (0.42, 0.06), (0.5, -0.04)], [0.08, 0.05, 0.05]), "far"),
        (ellipse((0.1, -0.82), 0.07, 0.22, -15), "far"),
        (ellipse((0.24, -0.82), 0.07, 0.22, 5), "coat"),
        (circle((0.24, -0.52), 0.17), "coat"),
        (ribbon([(0.26, -0.5), (0.54, -0.4)], [0.12, 0.06]), "coat"),
        (circle((0.56, -0.4), 0.04), DARK),
        *eye((0.3, -0.57), 0.05),
    ]


def gorilla() -> list[Part]:
    """Build a gorilla: massive shoulders on knuckles, a dark bare face."""
    return [
        (ribbon([(-0.4, 0.2), (-0.48, 0.78)], [0.22, 0.14]), "far"),
        (ribbon([(0.3, -0.1), (0.22, 0.78)], [0.17, 0.13]), "far"),
        (ribbon([(-0.42, 0.25), (0.2, -0.22)], [0.32, 0.42]), "coat"),
        (ribbon([(0.42, -0.15), (0.62, 0.3), (0.56, 0.8)], [0.22, 0.16, 0.14]), "coat"),
        (ribbon([(-0.3, 0.4), (-0.18, 0.8)], [0.2, 0.13]), "coat"),
        (ellipse((0.46, -0.55), 0.27, 0.31, 8), "coat"),
        (ellipse((0.56, -0.46), 0.2, 0.22), (86, 78, 80)),
        (ellipse((0.66, -0.34), 0.13, 0.1), (116, 104, 104)),
        *eye((0.56, -0.53), 0.05),
    ]


def monkey() -> list[Part]:
    """Build a monkey: sitting up, round ears, a pale face, a curling tail."""
    turn = np.linspace(0, 1.55 * np.pi, 16)
    spiral = [(float(-0.72 - 0.2 * np.cos(a)), float(-0.3 - 0.2 * np.sin(a))) for a in turn]
    face = (238, 200, 160)
    return [
        (
            ribbon(
                [*curve((-0.15, 0.55), (-0.95, 0.75), (-0.92, -0.28)), *spiral[1:]],
                taper(0.07, 0.045, 24),
            ),
            "far",
        ),
        (ellipse((0.0, 0.28), 0.28, 0.4), "coat"),
        (ellipse((0.06, 0.32), 0.16, 0.26), "belly"),
        (ribbon([(0.0, 0.6), (0.38, 0.5), (0.42, 0.8)], [0.13, 0.1, 0.08]), "coat"),
        (ribbon([(0.16, 0.08), (0.56, 0.2), (0.72, -0.12)], [0.09, 0.07, 0.07]), "coat"),
        (circle((-0.22, -0.4), 0.14), "coat"),
        (circle((-0.22, -0.4), 0.08), ROSE),
        (circle((0.1, -0.4), 0.31), "coat"),
        (ellipse((0.19, -0.36), 0.2, 0.23), face),
        (ellipse((0.24, -0.24), 0.17, 0.11), face),
        *eye((0.12, -0.44), 0.06),
        *eye((0.28, -0.44), 0.06),
    ]
