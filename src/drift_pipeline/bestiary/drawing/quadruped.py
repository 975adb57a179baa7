"""How the four-legged animals of the bestiary are built: one row of numbers per animal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_pipeline.bestiary.drawing.body_parts import DARK, Part, eye
from drift_pipeline.bestiary.drawing.features import BEHIND, FRONT, MIDDLE, ears, tail
from drift_pipeline.bestiary.drawing.shapes import Point, Polygon, circle, ellipse, ribbon


@dataclass(frozen=True)
class Quadruped:
    """Body plan of a four-legged animal. Lengths in half frames, angles in degrees.

    Attributes:
        body: Half length and half height of the trunk.
        leg: Length of the legs below the trunk.
        leg_width: Half width of a leg.
        neck: Length of the neck.
        neck_angle: Angle of the neck above the horizontal.
        neck_width: Half width of the neck.
        head: Radius of the head.
        snout: Length of the snout in front of the head and its half width at the tip.
        snout_angle: Angle of the snout below the horizontal; negative points up.
        ears: "pointed", "round", "big", "long", "floppy", "leaf" or "none".
        tail: "long", "up", "hair", "bushy", "ringed", "brush", "short", "puff", "curl", "tuft",
            "bare" or "none".
        extras: Names of further parts, keys of `BEHIND`, `MIDDLE` and `FRONT` in `features`.
    """

    body: Point = (0.5, 0.24)
    leg: float = 0.4
    leg_width: float = 0.07
    neck: float = 0.25
    neck_angle: float = 40.0
    neck_width: float = 0.12
    head: float = 0.17
    snout: Point = (0.16, 0.06)
    snout_angle: float = 15.0
    ears: str = "pointed"
    tail: str = "long"
    extras: tuple[str, ...] = ()


def build_quadruped(plan: Quadruped) -> list[Part]:
    """Lay out the parts of a four-legged animal from back to front."""
    length, height = plan.body
    top = -0.5 * plan.leg
    foot = top + height + plan.leg
    start = (0.72 * length, top - 0.25 * height)
    angle = np.deg2rad(plan.neck_angle)
    head = (start[0] + plan.neck * np.cos(angle), start[1] - plan.neck * np.sin(angle))
    down = np.deg2rad(plan.snout_angle)
    reach = plan.head * 0.6 + plan.snout[0]
    nose = (head[0] + reach * np.cos(down), head[1] + reach * np.sin(down))

    parts: list[Part] = []
    parts += tail(plan.tail, (-0.92 * length, top - 0.2 * height), height)
    for x in (-0.5 * length, 0.82 * length):
        parts.append((_leg(x, top, foot - 0.04, plan.leg_width), "far"))
    for extra in plan.extras:
        if extra in BEHIND:
            parts += BEHIND[extra](length, height, top, head, plan.head)
    if plan.ears != "none":
        parts += ears(plan.ears, (head[0] - 0.08, head[1]), plan.head, far=True)
    parts.append((ellipse((0.0, top), length, height), "coat"))
    parts.append(
        (ribbon([start, head], [plan.neck_width * 1.35, plan.neck_width]), "coat"),
    )
    for x in (-0.72 * length, 0.6 * length):
        parts.append((_leg(x, top, foot, plan.leg_width), "coat"))
    for extra in plan.extras:
        if extra in MIDDLE:
            parts += MIDDLE[extra](length, height, top, head, plan.head)
    parts.append((circle(head, plan.head), "coat"))
    parts.append((ribbon([head, nose], [plan.head * 0.7, plan.snout[1]]), "coat"))
    parts.append((circle(nose, max(0.035, plan.snout[1] * 0.5)), DARK))
    parts += ears(plan.ears, head, plan.head, far=False)
    for extra in plan.extras:
        if extra in FRONT:
            parts += FRONT[extra](length, height, top, head, plan.head)
    parts += eye((head[0] + 0.25 * plan.head, head[1] - 0.25 * plan.head), plan.head * 0.3)
    return parts


def _leg(x: float, top: float, foot: float, width: float) -> Polygon:
    return ribbon([(x, top), (x, foot)], [width * 1.4, width])
