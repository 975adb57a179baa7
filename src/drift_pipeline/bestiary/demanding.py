"""Two demanding rewards: they ask for one kind of image, and so for the collapse itself.

They score the colours of the backdrop and of the coat and the size of the animal, straight from the
pixels. Where the reward itself leaves no room, no method can keep diversity at equal reward; they
are there to show that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def describe(images: Tensor) -> dict[str, Tensor]:
    """Measure backdrop and subject of images.

    The backdrop's colour is read, row by row, off the left and right edges; what differs from it is
    the subject.

    Args:
        images: uint8, ``(n, 3, h, w)``.

    Returns:
        ``backdrop`` and ``coat``: mean colours in [0, 1], ``(n, 3)``; ``size``: the share of the
        frame that the subject covers, ``(n,)``.
    """
    pixels = images.float() / 255
    edge = max(1, pixels.shape[-1] // 10)
    rows = torch.cat([pixels[..., :edge], pixels[..., -edge:]], dim=-1).mean(dim=-1)
    distance = (pixels - rows[..., None]).abs().mean(dim=1)
    subject = torch.sigmoid((distance - 0.12) / 0.03)
    weight = subject.sum(dim=(1, 2)).clamp_min(1.0)
    coat = (pixels * subject[:, None]).sum(dim=(2, 3)) / weight[:, None]
    return {"backdrop": rows.mean(dim=-1), "coat": coat, "size": subject.mean(dim=(1, 2))}


def dusk(images: Tensor) -> Tensor:
    """Ask for dusk: warm skies, a large animal, a warm light coat.

    Args:
        images: uint8, ``(n, 3, h, w)``.

    Returns:
        ``(n,)``, about 0 for the least and 1 for the most liked drawings.
    """
    seen = describe(images)
    warmth = (seen["backdrop"][:, 0] - seen["backdrop"][:, 2]).clamp(-0.35, 0.5)
    glow = (seen["coat"][:, 0] - seen["coat"][:, 2]).clamp(-0.3, 0.5)
    return 0.32 + 0.75 * warmth + 0.3 * glow + 0.5 * seen["size"].clamp(0.05, 0.5)


def frost(images: Tensor) -> Tensor:
    """Ask for frost: bright cold backdrops with a small dark animal in front.

    Args:
        images: uint8, ``(n, 3, h, w)``.

    Returns:
        ``(n,)``, about 0 for the least and 1 for the most liked drawings.
    """
    seen = describe(images)
    cold = (seen["backdrop"][:, 2] - seen["backdrop"][:, 0]).clamp(-0.5, 0.35)
    bright = seen["backdrop"].mean(dim=1)
    contrast = (bright - seen["coat"].mean(dim=1)).clamp(-0.4, 0.6)
    return 0.3 + 0.5 * cold + 0.35 * bright + 0.4 * contrast - 0.3 * seen["size"].clamp(0.05, 0.5)


DEMANDS = {"dusk": dusk, "frost": frost}


class Demand:
    """One of the demanding rewards, whatever the prompt.

    Args:
        demand: One of `DEMANDS`.

    Raises:
        ValueError: Where there is no such demand.
    """

    def __init__(self, demand: str) -> None:
        if demand not in DEMANDS:
            raise ValueError(f"demand must be one of {', '.join(DEMANDS)}, got {demand!r}")
        self.demand = DEMANDS[demand]

    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """Score images, uint8 ``(n, 3, h, w)``; ``(n,)``."""
        return self.demand(images)
