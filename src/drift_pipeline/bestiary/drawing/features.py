"""Ears, tails, horns, manes: what tells one four-legged animal from another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drift_pipeline.bestiary.drawing.body_parts import DARK, HORN, PALE, ROSE, Paint, Part
from drift_pipeline.bestiary.drawing.shapes import (
    Point,
    circle,
    curve,
    ellipse,
    polygon,
    ribbon,
    taper,
)

#: A feature is laid out from the trunk's half length and height and its centre's y, and from the
#: head's centre and radius.
Feature = Callable[[float, float, float, Point, float], list[Part]]


def ears(kind: str, head: Point, radius: float, far: bool) -> list[Part]:
    """Build one ear at a head; the far one is in shadow."""
    x, y = head
    paint: Paint = "far" if far else "coat"
    r = radius
    if kind == "pointed":
        return [
            (
                polygon(
                    (x - r, y - 0.4 * r), (x - 0.5 * r, y - 2.1 * r), (x + 0.3 * r, y - 0.8 * r)
                ),
                paint,
            )
        ]
    if kind == "round":
        return [(circle((x - 0.5 * r, y - 0.95 * r), 0.45 * r), paint)]
    if kind == "big":
        inner: Paint = "far" if far else ROSE
        ear = (x - 0.6 * r, y - 1.2 * r)
        return [(circle(ear, 1.0 * r), paint), (circle(ear, 0.6 * r), inner)]
    if kind == "long":
        return [
            (
                ribbon(
                    curve(
                        (x - 0.3 * r, y - 0.5 * r),
                        (x - 0.4 * r, y - 2 * r),
                        (x - 1.1 * r, y - 3.4 * r),
                    ),
                    [
                        0.2 * r,
                        0.3 * r,
                        0.36 * r,
                        0.38 * r,
                        0.38 * r,
                        0.36 * r,
                        0.32 * r,
                        0.25 * r,
                        0.15 * r,
                    ],
                ),
                paint,
            )
        ]
    if kind == "floppy":
        return [(ellipse((x - 0.6 * r, y + 0.15 * r), 0.4 * r, 0.95 * r, 12), "far")]
    if kind == "leaf":
        return [(ellipse((x - 0.95 * r, y - 0.45 * r), 0.65 * r, 0.28 * r, 25), paint)]
    return []


def tail(kind: str, root: Point, height: float) -> list[Part]:
    """Build a tail that grows from its root."""
    x, y = root
    if kind == "long":
        return [
            (
                ribbon(curve(root, (x - 0.45, y + 0.1), (x - 0.3, y - 0.55)), taper(0.06, 0.04)),
                "coat",
            )
        ]
    if kind == "up":
        return [
            (
                ribbon(curve(root, (x - 0.2, y - 0.05), (x - 0.14, y - 0.36)), taper(0.06, 0.04)),
                "coat",
            )
        ]
    if kind == "hair":
        return [(ribbon(curve(root, (x - 0.3, y), (x - 0.2, y + 0.6)), taper(0.05, 0.1)), DARK)]
    if kind in ("bushy", "ringed"):
        path = curve(root, (x - 0.35, y + 0.12), (x - 0.52, y - 0.3))
        widths = [0.06, 0.09, 0.12, 0.14, 0.15, 0.15, 0.14, 0.11, 0.06]
        parts: list[Part] = [(ribbon(path, widths), "coat")]
        marks = (2, 4, 6, 8) if kind == "ringed" else ()
        parts += [(ribbon(path[i - 1 : i + 1], widths[i - 1 : i + 1]), DARK) for i in marks]
        if kind == "bushy":
            parts.append((ribbon(path[6:], widths[6:]), PALE))
        return parts
    if kind == "brush":
        path = curve(root, (x - 0.3, y), (x - 0.38, y + 0.5))
        return [(ribbon(path, [0.06, 0.08, 0.1, 0.11, 0.11, 0.11, 0.1, 0.07, 0.03]), "coat")]
    if kind == "short":
        return [(ellipse((x - 0.04, y), 0.1, 0.07, -30), "coat")]
    if kind == "puff":
        return [(circle((x - 0.02, y + 0.1), 0.13), PALE)]
    if kind == "curl":
        turn = np.linspace(0, 3.4 * np.pi, 20)
        path = [(float(x - 0.03 - 0.016 * t), float(y + 0.08 * np.sin(t))) for t in turn]
        return [(ribbon(path, taper(0.035, 0.025, 20)), "far")]
    if kind == "tuft":
        path = curve(root, (x - 0.35, y), (x - 0.28, y + 0.42))
        return [(ribbon(path, taper(0.045, 0.035)), "coat"), (circle(path[-1], 0.1), DARK)]
    if kind == "bare":
        path = curve(root, (x - 0.35, y + 0.5), (x - 0.6, y + 0.05))
        return [(ribbon(path, taper(0.05, 0.02)), ROSE)]
    return []


def _antlers(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    x, y = head
    parts: list[Part] = []
    for lean in (-0.32, 0.1):
        tip = (x + lean - 0.05, y - r - 0.5)
        stem = curve((x - 0.05, y - 0.7 * r), (x + 1.6 * lean, y - r - 0.2), tip)
        parts.append((ribbon(stem, taper(0.045, 0.03)), HORN))
        for i, side in ((3, -1), (5, 1), (6, -1)):
            px, py = stem[i]
            parts.append((ribbon([(px, py), (px + side * 0.16, py - 0.14)], [0.035, 0.025]), HORN))
    return parts


def _horns(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    x, y = head
    return [
        (
            ribbon(
                curve((x - 0.1, y - 0.7 * r), (x - 0.2, y - r - 0.2), (x + 0.06, y - r - 0.28)),
                taper(0.055, 0.02),
            ),
            HORN,
        ),
        (
            ribbon(
                curve((x + 0.08, y - 0.7 * r), (x + 0.24, y - r - 0.1), (x + 0.3, y - r - 0.28)),
                taper(0.055, 0.02),
            ),
            HORN,
        ),
    ]


def _swept_horns(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    x, y = head
    horn = curve((x, y - 0.6 * r), (x - 0.15, y - r - 0.45), (x - 0.5, y - r - 0.12))
    beard = polygon((x + 0.06, y + 0.6 * r), (x + 0.22, y + 0.5 * r), (x + 0.12, y + r + 0.22))
    return [(ribbon(horn, taper(0.07, 0.025)), HORN), (beard, PALE)]


def _mane_ring(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    radius = r * np.where(np.arange(32) % 2, 2.2, 1.85)
    ring = np.stack([head[0] - 0.06 + radius * np.cos(turn), head[1] + radius * np.sin(turn)], 1)
    return [(ring, (122, 62, 26))]


def _mane(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    x, y = head
    shoulder = (0.5 * length, top - 0.9 * height)
    crest = curve((x - 0.02, y - 1.1 * r), (x - 0.28, y - 0.1), shoulder)
    return [(ribbon(crest, taper(0.07, 0.09)), DARK)]


def _wool(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    turn = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    puffs: list[Part] = [
        (circle((float(length * np.cos(t)), float(top + height * np.sin(t))), 0.16), "coat")
        for t in turn
    ]
    return [*puffs, (ellipse((0, top), length, height), "coat")]


def _hump(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [
        (ellipse((-0.22, top - height), 0.17, 0.27), "coat"),
        (ellipse((0.17, top - height), 0.17, 0.27), "coat"),
    ]


def _udder(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [(ellipse((-0.3 * length, top + 1.05 * height), 0.15, 0.12), ROSE)]


def _mask(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [(ellipse((head[0] + 0.2 * r, head[1] - 0.15 * r), 0.85 * r, 0.42 * r, 12), DARK)]


def _dark_face(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [
        (ellipse((head[0] + 0.3 * r, head[1] + 0.1 * r), 1.15 * r, 0.8 * r, 15), DARK),
        (circle((head[0] - 0.45 * r, head[1] - 0.7 * r), 0.6 * r), "coat"),
    ]


def _pig_snout(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [(ellipse((head[0] + 1.15 * r, head[1] + 0.25 * r), 0.09, 0.13), ROSE)]


def _whiskers(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    x, y = head[0] + 0.9 * r, head[1] + 0.35 * r
    return [(ribbon([(x, y), (x + 0.26, y + d)], [0.016, 0.012]), PALE) for d in (-0.08, 0.08)]


def _chest(length: float, height: float, top: float, head: Point, r: float) -> list[Part]:
    return [(ellipse((head[0] + 0.35 * r, head[1] + 0.45 * r), 0.75 * r, 0.4 * r, 20), PALE)]


BEHIND: dict[str, Feature] = {"antlers": _antlers, "hump": _hump}
MIDDLE: dict[str, Feature] = {
    "mane_ring": _mane_ring,
    "mane": _mane,
    "wool": _wool,
    "udder": _udder,
}
FRONT: dict[str, Feature] = {
    "horns": _horns,
    "swept_horns": _swept_horns,
    "mask": _mask,
    "dark_face": _dark_face,
    "pig_snout": _pig_snout,
    "whiskers": _whiskers,
    "chest": _chest,
}
