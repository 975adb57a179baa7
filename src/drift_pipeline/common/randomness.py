"""Random numbers keyed by what they are for, never by the order in which they are drawn.

A number belongs to a key such as `(seed, "step noise", epoch, group, candidate, step)`. So it
does not depend on the batch or the process that draws it, and a resumed run needs no saved
generator state.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import SupportsIndex

import torch
from torch import Tensor


def generator(seed: int, *keys: SupportsIndex | str) -> torch.Generator:
    """Return a CPU generator that belongs to `(seed, *keys)` alone.

    The key is hashed (BLAKE2b) to a seed of 63 bits, the same in every process and Python
    version. 1 and "1" are different keys, and so are ("a", "b") and ("ab",).

    Args:
        seed: the run's seed.
        *keys: what the numbers are for: text and integers (also NumPy's and torch's).

    Returns:
        A fresh generator.

    Raises:
        TypeError: a key is neither text nor an integer.

    Example:
        >>> first = torch.rand(2, generator=generator(42, "latents", 3))
        >>> bool((first == torch.rand(2, generator=generator(42, "latents", 3))).all())
        True
    """
    parts = [key if isinstance(key, str) else int(operator.index(key)) for key in (seed, *keys)]
    digest = blake2b(json.dumps(parts, ensure_ascii=True).encode(), digest_size=8).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "big") >> 1)


@contextmanager
def seeded(seed: int, *keys: SupportsIndex | str) -> Iterator[None]:
    """Within this context torch's own random numbers belong to a key, whoever draws them.

    For code that is not ours. Numbers that others draw outside go on as if nothing had been.

    Args:
        seed: the run's seed.
        *keys: what the numbers are for.
    """
    with torch.random.fork_rng():
        torch.manual_seed(generator(seed, *keys).initial_seed())
        yield


def keyed_normal(
    shape: Sequence[int],
    seed: int,
    *keys: SupportsIndex | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw standard normal noise for a key.

    The numbers are drawn on the CPU in float32 and moved afterwards, so that every device and
    precision gets the same ones (rounded where the precision is lower).

    Args:
        shape: shape of the result.
        seed: the run's seed.
        *keys: what the noise is for.
        device: device of the result.
        dtype: dtype of the result.

    Returns:
        Noise of the given shape.

    Raises:
        TypeError: a key is neither text nor an integer.
    """
    noise = torch.randn(tuple(shape), generator=generator(seed, *keys), dtype=torch.float32)
    return noise.to(device=device, dtype=dtype)


def keyed_integers(high: int, count: int, seed: int, *keys: SupportsIndex | str) -> Tensor:
    """Draw `count` integers below `high` with replacement for a key.

    Args:
        high: exclusive upper bound, positive.
        count: how many.
        seed: the run's seed.
        *keys: what the integers are for.

    Returns:
        Integers from 0 to `high` - 1, int64, shape `(count,)`.
    """
    return torch.randint(high, (count,), generator=generator(seed, *keys))


def keyed_permutation(count: int, seed: int, *keys: SupportsIndex | str) -> Tensor:
    """Draw a permutation for a key.

    Args:
        count: number of elements.
        seed: the run's seed.
        *keys: what the order is for.

    Returns:
        The integers from 0 to `count` - 1 in random order, int64, shape `(count,)`.
    """
    return torch.randperm(count, generator=generator(seed, *keys))
