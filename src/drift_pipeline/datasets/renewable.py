"""Outputs that may be out of date: they are made again without being deleted first."""

from __future__ import annotations

from typing import Any


class Renewable:
    """Mixin for datasets: an outdated output counts as missing until it is saved again.

    Kedro skips a node whose outputs exist. What a hook finds outdated must not be skipped, but
    deleting it would lose it if the run fails before it is made again. So it is only marked: the
    node runs, and saving replaces the old output with the new one.

    Attributes:
        outdated: Whether the output belongs to other inputs than the ones at hand. Found anew at
            the start of every run and never stored.
    """

    outdated: bool = False

    def _exists(self) -> bool:
        return not self.outdated and bool(super()._exists())  # type: ignore[misc]

    def _saved(self) -> None:
        """Note that the output is up to date; to be called at the end of `save`."""
        self.outdated = False


def mark_outdated(dataset: Any) -> None:
    """Have a dataset made again.

    Args:
        dataset: One of ours, or one of Kedro's own that a user's catalog puts in its place.
    """
    if isinstance(dataset, Renewable):
        dataset.outdated = True
    else:
        dataset._exists = lambda: False
