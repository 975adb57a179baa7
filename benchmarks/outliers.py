"""A reward with outliers: another reward, and an error of heavy tails that belongs to the image.

Section 5.1 says that reward-concentrated sampling guards against such errors; `why.py` trains on
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Outliers:
    """A reward plus `scale` times a Student's t: the same error whenever the same image is scored.

    Args:
        scorer: Dotted path of the reward's class.
        options: What its constructor gets.
        scale: Of the error, in the reward's units.
        freedom: Degrees of freedom; of 2, one image in twenty is off by 4.3 times the scale or
            more.
    """

    def __init__(
        self, scorer: str, options: Mapping[str, Any], scale: float, freedom: float = 2.0
    ) -> None:
        module, _, name = scorer.rpartition(".")
        self.clean = getattr(import_module(module), name)(**options)
        self.scale, self.freedom = scale, freedom

    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """Score images `(n, 3, h, w)`, uint8."""
        scores = torch.as_tensor(self.clean(images, prompts))
        errors = [_generator(image).standard_t(self.freedom) for image in images]
        return scores + self.scale * torch.tensor(errors, dtype=scores.dtype)


def _generator(image: Tensor) -> np.random.Generator:
    """Return random numbers that belong to an image."""
    digest = blake2b(image.contiguous().cpu().numpy().tobytes(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
