"""Doing the same to several batches at once, on a CPU.

On a few cores it is faster to give each core a batch of its own than to split every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Map = Callable[..., Iterator[Any]]


def shares(rows: Tensor, size: int, workers: int) -> tuple[Tensor, ...]:
    """Split rows into equal batches, as many as keep all workers busy to the end.

    Args:
        rows: `(n, ...)`.
        size: Rows of a batch, at most.
        workers: Batches computed at the same time.

    Returns:
        The batches, in order, whose sizes differ by one at most; none where there are no rows.
    """
    rounds = -(-len(rows) // (size * workers))
    return rows.tensor_split(min(rounds * workers, len(rows))) if len(rows) else ()


@contextmanager
def side_by_side(workers: int) -> Iterator[Map]:
    """Give a `map` whose calls run in so many threads; its results come in order.

    The cores are divided among the threads. With one worker it is the built-in `map`.

    Args:
        workers: Number of threads.
    """
    if workers == 1:
        yield map
        return
    cores = torch.get_num_threads()
    each = max(1, cores // workers)
    try:
        # OpenMP counts its threads for each thread that calls it.
        options: dict[str, Any] = {"initializer": torch.set_num_threads, "initargs": (each,)}
        with ThreadPoolExecutor(workers, **options) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(cores)
