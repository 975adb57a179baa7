"""How long an epoch's nodes take: measured around them, kept in its summary, shown on its line."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

TIMED = ("rollout", "score", "shape", "update")
"""Nodes of an epoch that take time; the last of them makes its summary."""
logger = logging.getLogger(__name__)


class TimingHooks:
    """Adds `seconds_<node>` to the summary of an epoch before it is saved, and logs its line."""

    def __init__(self) -> None:
        self._started = 0.0
        self._seconds: dict[str, dict[str, float]] = {}

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget an earlier run of this process."""
        self._seconds = {}

    @hook_impl
    def before_node_run(self) -> None:
        """Start the clock; nodes run one after another."""
        self._started = perf_counter()

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Stop it."""
        from drift_pipeline.training.records import SECONDS, epoch_line

        space, _, name = node.name.rpartition(".")
        if not space.startswith("training.") or name not in TIMED:
            return
        seconds = self._seconds.setdefault(space, {})
        seconds[SECONDS + name] = perf_counter() - self._started
        if name == TIMED[-1]:
            summary = outputs[f"{space}.summary"]
            summary.update(seconds)
            logger.info(epoch_line(summary, inputs["run"].epochs))
