"""A training towards a goal, whoever trains; it needs no library, so any python can run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import nan
from time import perf_counter
from typing import Any


def train(epoch: Callable[[int], None], judge: Callable[[], float], task: dict[str, Any]) -> Any:
    """Train, and judge the policy now and then, outside the watch.

    Args:
        epoch: Trains for the epoch of this number, from 1.
        judge: Gives the policy's mean reward on the evaluation prompts.
        task: `epochs`: how many at most; `every`: epochs from one judgement to the next, 0 for
            none; `stop`: the reward that is enough, or None.

    Returns:
        One row per epoch, from 0, the untrained policy: `epoch`, `seconds` of training until then,
        and `reward`, None where it was not judged.
    """
    every, stop = task["every"], task["stop"]
    seconds = 0.0
    rows = [{"epoch": 0, "seconds": seconds, "reward": judge() if every else None}]
    for number in range(1, task["epochs"] + 1):
        start = perf_counter()
        epoch(number)
        seconds += perf_counter() - start
        reward = judge() if every and number % every == 0 else None
        rows.append({"epoch": number, "seconds": seconds, "reward": reward})
        if stop is not None and reward is not None and reward >= stop:
            break
    return rows


def reached(places: Sequence[float], rewards: Sequence[float], mark: float) -> float:
    """Say where a reward passes a mark for the first time, on straight lines between judgements.

    Args:
        places: Epochs or seconds of the judgements, increasing.
        rewards: The rewards there.
        mark: The reward to pass.

    Returns:
        A place, or NaN where the mark is not reached.

    Example:
        >>> reached([0, 2, 4], [6.0, 7.0, 9.0], 8.0)
        3.0
    """
    points = list(zip(places, rewards, strict=True))
    if points and points[0][1] >= mark:
        return points[0][0]
    for (start, low), (end, high) in pairwise(points):
        if high >= mark:
            return start + (mark - low) / (high - low) * (end - start)
    return nan
