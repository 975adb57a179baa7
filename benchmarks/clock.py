"""What the parts of an epoch take: seconds, or floating-point operations, as they go by.

Not for a person: `limit.py` uses it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch
from own_worker import Trainer

from drift_pipeline.common.threads import Map, side_by_side
from drift_pipeline.pipelines.train import nodes
from drift_pipeline.training import rollout, trajectories, update

PHASES = ("rollout", "score", "select", "shape", "update")
"""Nodes of an epoch, one after another."""
Parts = dict[tuple[str, str], float]
"""By phase and part."""


class Clock:
    """Adds up what parts take; what parts within a part take counts for those alone.

    The workers share a machine, so what a part takes in one of them is divided by their number:
    the parts of a phase add up to the phase.

    Args:
        workers: Batches computed at the same time.
        now: What is measured, as a total so far: seconds, or operations.
    """

    def __init__(self, workers: int, now: Callable[[], float] = perf_counter) -> None:
        self.parts: Parts = defaultdict(float)
        self.phases: dict[str, float] = defaultdict(float)
        self._workers, self._now, self.current = workers, now, ""
        self._stacks, self._lock = threading.local(), threading.Lock()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase; parts belong to the one they occur in."""
        self.current, start = name, self._now()
        yield
        self.phases[name] += self._now() - start

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part, in whichever thread."""
        stack = self._stacks.__dict__.setdefault("open", [])
        stack.append(0.0)
        start = self._now()
        try:
            yield
        finally:
            took = self._now() - start
            within = stack.pop()
            if stack:
                stack[-1] += took
            alone = threading.current_thread() is threading.main_thread()
            with self._lock:
                self.parts[self.current, name] += (took - within) / (1 if alone else self._workers)

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function that is the same, as a part."""

        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return call(*args, **kwargs)

        return watched

    def rest(self) -> Parts:
        """Say what is left of each phase that is no part: idle workers, and the main thread."""
        counted: dict[str, float] = defaultdict(float)
        for (phase, _), value in self.parts.items():
            counted[phase] += value
        return {(phase, "the rest"): whole - counted[phase] for phase, whole in self.phases.items()}


@contextmanager
def watching(trainer: Trainer, clock: Clock) -> Iterator[None]:
    """Measure the epochs that a trainer trains within this context."""
    policy, unet = trainer.policy, trainer.policy.unet

    def forward(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            reference = clock.current == "update" and not torch.is_grad_enabled()
            with clock.part("UNet, reference" if reference else "UNet, forward"):
                return call(*args, **kwargs)

        return watched

    @contextmanager
    def shared_out(workers: int) -> Iterator[Map]:
        with side_by_side(workers) as mapped:
            yield lambda call, *batches: mapped(clock.watch("bookkeeping", call), *batches)

    def phase(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            with clock.phase(name):
                return call(*args, **kwargs)

        return watched

    parts: list[tuple[Any, str, str]] = [
        (policy, "decode", "decoding"),
        (policy, "embed", "bookkeeping"),
        (policy, "step", "DDIM"),
        (policy, "log_prob", "DDIM"),
        (trainer.method, "perturb", "perturbing prompts"),
        (rollout, "keyed_normal", "keyed noise"),
        (trajectories, "keyed_normal", "keyed noise of prompts"),
        (trainer, "scorer", "scoring"),
        (trainer, "encoder", "embedding"),
        (torch.autograd, "grad", "UNet, backward"),
        (torch.optim.AdamW, "step", "optimizer"),
        (torch.nn.utils, "clip_grad_norm_", "optimizer"),
        (update, "restore_optimizer", "optimizer"),
        (update, "capture", "optimizer"),
        (policy, "load_adapter", "loading the adapter"),
    ]
    with ExitStack() as patches:

        def replace(owner: Any, name: str, by: Any) -> None:
            patches.enter_context(patch.object(owner, name, by))

        for owner, name, part in parts:
            replace(owner, name, clock.watch(part, getattr(owner, name)))
        replace(unet, "forward", forward(unet.forward))
        for module in (rollout, update):
            replace(module, "side_by_side", shared_out)
        for name in PHASES:
            replace(nodes, name, phase(name, getattr(nodes, name)))
        yield
