"""Refusals shared by the numerical functions, and the precision they work in."""

from __future__ import annotations

import torch
from torch import Tensor


def require_finite(name: str, values: Tensor) -> None:
    """Refuse NaN and infinity, which would otherwise spread through a whole batch unseen.

    Args:
        name: what the values are, for the message.
        values: tensor of any shape.

    Raises:
        ValueError: an entry is NaN or infinite.
    """
    bad = values.numel() - int(torch.isfinite(values).sum())
    if bad:
        raise ValueError(f"{name}: {bad} of {values.numel()} values are NaN or infinite")


def require_same_shape(**tensors: Tensor) -> None:
    """Refuse tensors that would broadcast against each other instead of pairing up.

    Args:
        **tensors: the tensors, by the names the message should use.

    Raises:
        ValueError: two of the shapes differ.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"shapes differ: {listed}")


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Return the working precision for `dtype`: halves and integers become float32."""
    return torch.promote_types(dtype, torch.float32)
