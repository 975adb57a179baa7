"""The 45 animals of the paper's Table 3: each one's body plan and usual colours, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from drift_pipeline.bestiary.drawing import birds, crawlers, swimmers, uprights
from drift_pipeline.bestiary.drawing.body_parts import Part
from drift_pipeline.bestiary.drawing.quadruped import Quadruped, build_quadruped


@dataclass(frozen=True)
class Plan:
    """What an animal looks like, whatever its breed and pose.

    Attributes:
        build: Makes the parts from back to front, looking right.
        coats: Usual coat colours.
        pattern: A pattern that belongs to the species and overrides the breed's.
        tilt_factor: By how much it tilts more than others; swimmers and insects turn freely.
    """

    build: Callable[[], list[Part]]
    coats: tuple[str, ...]
    pattern: str | None = None
    tilt_factor: float = 1.0


def _legs(coats: tuple[str, ...], pattern: str | None = None, **numbers: object) -> Plan:
    shape = Quadruped(**numbers)  # type: ignore[arg-type]
    return Plan(lambda: build_quadruped(shape), coats, pattern)


FUR = ("brown", "black", "grey", "white", "golden")
FARM = ("white", "brown", "black", "grey")

# fmt: off
PLANS: dict[str, Plan] = {
    "cat": _legs(FUR, body=(0.42, 0.2), leg=0.3, neck=0.12, head=0.21, snout=(0.04, 0.07), tail="long", extras=("whiskers",)),
    "dog": _legs(FUR, body=(0.46, 0.21), leg=0.36, neck=0.2, head=0.19, snout=(0.22, 0.09), ears="floppy", tail="up"),
    "horse": _legs(("brown", "black", "white", "golden"), body=(0.46, 0.22), leg=0.5, leg_width=0.055, neck=0.46, neck_angle=55, head=0.14, snout=(0.26, 0.08), snout_angle=40, tail="hair", extras=("mane",)),
    "monkey": Plan(uprights.monkey, ("brown", "golden", "grey")),
    "rabbit": _legs(("white", "grey", "brown"), body=(0.38, 0.3), leg=0.1, leg_width=0.1, neck=0.14, head=0.2, snout=(0.04, 0.07), ears="long", tail="puff"),
    "zebra": _legs(("white",), "striped", body=(0.46, 0.23), leg=0.46, leg_width=0.055, neck=0.4, neck_angle=50, head=0.14, snout=(0.22, 0.08), snout_angle=40, tail="tuft", extras=("mane",)),
    "spider": Plan(crawlers.spider, ("black", "brown", "red", "grey"), tilt_factor=2.5),
    "bird": Plan(birds.songbird, ("blue", "red", "golden", "green")),
    "sheep": _legs(("white", "grey", "black"), body=(0.42, 0.26), leg=0.3, leg_width=0.05, neck=0.16, neck_angle=20, head=0.17, snout=(0.1, 0.09), ears="leaf", tail="none", extras=("wool", "dark_face")),
    "deer": _legs(("brown", "golden"), body=(0.42, 0.19), leg=0.5, leg_width=0.045, neck=0.38, neck_angle=60, head=0.13, snout=(0.18, 0.06), ears="leaf", tail="short", extras=("antlers",)),
    "cow": _legs(FARM, body=(0.55, 0.3), leg=0.34, leg_width=0.08, neck=0.2, neck_angle=15, head=0.18, snout=(0.16, 0.13), snout_angle=30, ears="leaf", tail="tuft", extras=("udder", "horns")),
    "goat": _legs(FARM, body=(0.4, 0.22), leg=0.36, leg_width=0.055, neck=0.26, neck_angle=50, head=0.15, snout=(0.18, 0.07), snout_angle=25, ears="leaf", tail="up", extras=("swept_horns",)),
    "lion": _legs(("golden", "brown"), body=(0.48, 0.22), leg=0.34, leg_width=0.08, neck=0.2, head=0.2, snout=(0.1, 0.1), ears="round", tail="tuft", extras=("mane_ring",)),
    "tiger": _legs(("golden", "red"), "striped", body=(0.54, 0.22), leg=0.32, leg_width=0.085, neck=0.16, neck_angle=20, head=0.21, snout=(0.08, 0.11), ears="round", tail="long", extras=("chest", "whiskers")),
    "bear": _legs(("brown", "black", "white"), body=(0.52, 0.36), leg=0.26, leg_width=0.13, neck=0.14, neck_angle=10, neck_width=0.2, head=0.22, snout=(0.13, 0.09), ears="round", tail="none"),
    "raccoon": _legs(("grey", "brown"), body=(0.4, 0.25), leg=0.2, neck=0.16, neck_angle=25, head=0.2, snout=(0.13, 0.05), ears="round", tail="ringed", extras=("mask",)),
    "fox": _legs(("red", "golden", "grey"), body=(0.42, 0.18), leg=0.28, leg_width=0.05, neck=0.16, neck_angle=30, head=0.17, snout=(0.24, 0.03), ears="pointed", tail="bushy", extras=("chest",)),
    "wolf": _legs(("grey", "black", "white"), body=(0.48, 0.21), leg=0.42, leg_width=0.06, neck=0.3, neck_angle=60, neck_width=0.15, head=0.16, snout=(0.28, 0.06), snout_angle=-55, ears="pointed", tail="brush"),
    "lizard": Plan(crawlers.lizard, ("green", "brown", "golden")),
    "beetle": Plan(crawlers.beetle, ("black", "red", "green", "blue"), tilt_factor=2.5),
    "ant": Plan(crawlers.ant, ("black", "red", "brown")),
    "butterfly": Plan(crawlers.butterfly, ("blue", "red", "golden", "pink"), tilt_factor=2.5),
    "fish": Plan(swimmers.fish, ("golden", "red", "blue", "pink"), tilt_factor=2.0),
    "shark": Plan(swimmers.shark, ("grey", "blue"), tilt_factor=1.5),
    "whale": Plan(swimmers.whale, ("blue", "grey", "black")),
    "dolphin": Plan(swimmers.dolphin, ("grey", "blue"), tilt_factor=2.0),
    "squirrel": Plan(uprights.squirrel, ("red", "brown", "grey")),
    "mouse": _legs(("grey", "white", "brown"), body=(0.34, 0.24), leg=0.1, leg_width=0.05, neck=0.2, neck_angle=10, head=0.18, snout=(0.14, 0.03), ears="big", tail="bare"),
    "rat": _legs(("grey", "black", "brown"), body=(0.58, 0.2), leg=0.12, leg_width=0.06, neck=0.14, neck_angle=0, head=0.16, snout=(0.26, 0.025), snout_angle=10, ears="round", tail="bare", extras=("whiskers",)),
    "snake": Plan(crawlers.snake, ("green", "golden", "red", "brown")),
    "turtle": Plan(crawlers.turtle, ("green", "brown")),
    "frog": Plan(crawlers.frog, ("green", "red", "blue")),
    "chicken": Plan(birds.chicken, ("white", "brown", "red", "black")),
    "duck": Plan(birds.duck, ("golden", "white", "brown", "green")),
    "goose": Plan(birds.goose, ("white", "grey", "brown")),
    "bee": Plan(crawlers.bee, ("golden",), tilt_factor=2.0),
    "pig": _legs(("pink", "white", "black"), body=(0.5, 0.32), leg=0.2, leg_width=0.08, neck=0.16, neck_angle=10, neck_width=0.18, head=0.22, snout=(0.1, 0.1), ears="pointed", tail="curl", extras=("pig_snout",)),
    "turkey": Plan(birds.turkey, ("brown", "black", "red")),
    "fly": Plan(crawlers.fly, ("black", "green", "blue"), tilt_factor=2.5),
    "llama": _legs(("white", "brown", "golden"), body=(0.38, 0.24), leg=0.38, leg_width=0.065, neck=0.6, neck_angle=82, neck_width=0.12, head=0.14, snout=(0.14, 0.08), ears="pointed", tail="short", extras=("wool",)),
    "camel": _legs(("golden", "brown"), body=(0.46, 0.22), leg=0.46, leg_width=0.055, neck=0.46, neck_angle=48, neck_width=0.08, head=0.13, snout=(0.2, 0.08), ears="leaf", tail="tuft", extras=("hump",)),
    "bat": Plan(birds.bat, ("black", "brown", "grey"), tilt_factor=2.0),
    "gorilla": Plan(uprights.gorilla, ("black", "grey", "brown")),
    "hedgehog": Plan(uprights.hedgehog, ("brown", "grey", "golden")),
    "kangaroo": Plan(uprights.kangaroo, ("brown", "red", "grey")),
}
# fmt: on
ANIMALS = tuple(PLANS)


@cache
def parts_of(animal: str) -> tuple[Part, ...]:
    """Build the parts of an animal from back to front, centred and scaled to fill the unit frame."""
    parts = PLANS[animal].build()
    corners = np.concatenate([points for points, _ in parts])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = 1.9 / float((high - low).max())
    return tuple(((points - (low + high) / 2) * scale, paint) for points, paint in parts)
