"""Doing the same to several batches at once, on a CPU.

On a few cores it is faster to give each core a batch of its own than to split every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

Map = Callable[..., Iterator[Any]]


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
