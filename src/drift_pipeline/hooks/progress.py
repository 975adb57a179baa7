"""What a person sees of a training run: what was asked for, and how far it is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from drift_pipeline.runs.run import Run


class EpochBar:
    """A progress bar of epochs; log messages appear above it."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._redirect = ExitStack()

    @property
    def shown(self) -> bool:
        """Whether there is one."""
        return self._bar is not None

    def open(self, run: Run, trained: int, epochs: int | None = None) -> None:
        """Show the bar.

        Args:
            run: The run.
            trained: Epochs that are already there.
            epochs: Epochs in all, if not all of the run.
        """
        from tqdm.auto import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        self.close()
        self._redirect.enter_context(logging_redirect_tqdm())
        self._bar = tqdm(
            total=epochs or run.epochs,
            initial=trained,
            desc=run.name,
            unit="epoch",
            disable=None if run.train.progress else True,
        )

    def advance(self) -> None:
        """Count an epoch."""
        if self._bar is not None:
            self._bar.update(1)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._redirect.close()


def introduction(run: Run, prompts: int, folder: str, trained: int) -> list[str]:
    """Say what was asked for, in numbers.

    Args:
        run: The run.
        prompts: Number of training prompts.
        folder: Where it writes.
        trained: Epochs that are already there.
    """
    train = run.train
    drawn = train.groups_per_epoch * run.candidates
    kept = train.groups_per_epoch * train.group_size
    updates = train.optimization.updates_per_epoch
    lines = [f"Run {run.name} in {folder}"]
    if trained >= run.epochs:
        return [*lines, f"All {run.epochs} epochs are trained; raise train.epochs to continue"]
    lines.append(
        f"An epoch: {train.groups_per_epoch} groups of {prompts} prompts × {run.candidates} "
        f"candidates = {drawn} samples in {train.sampling.steps} steps; "
        f"{train.group_size} per group ({run.method.rule}) = {kept} trained in {updates} "
        f"gradient updates of {kept / updates:g} samples"
    )
    if trained:
        lines.append(f"Resuming after epoch {trained} of {run.epochs}")
    return lines
