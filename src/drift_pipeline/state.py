"""The folder of a run: what is there, whether it can be continued, and how to start over."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from drift_pipeline.parameters import ConfigurationError
from drift_pipeline.runs import CODE
from drift_pipeline.whole import recover

logger = logging.getLogger(__name__)

START_OVER = "--params train.start_over=true"
FINISHED = "finished.json"
RESULTS = (FINISHED, "training_curve.*", "training_pictures.png", "lora", "lora_epoch_*")
"""What is made at a run's end, and again when the run is trained for longer; exported epochs."""
SET_ASIDE = "set_aside"
"""Folder, beside the runs, of those that were started over."""
SHOWN = 6


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        path: `<runs folder>/<run name>`.
    """

    path: Path

    def states(self) -> dict[int, Path]:
        """The policies that are there, by epoch."""
        found = self.path.glob("epoch_*/policy/state.json")
        return {int(path.parts[-3].removeprefix("epoch_")): path for path in sorted(found)}

    def last_epoch(self) -> int | None:
        """The last epoch whose policy is there; `None` where there is none."""
        return max(self.states(), default=None)

    def check(self, identity: dict[str, Any], epochs: int, same_code: bool = False) -> int:
        """Make sure that what is there was made with the same parameters.

        Args:
            identity: What the states of this run must have been made with.
            epochs: Epochs asked for.
            same_code: Refuse states that other code has made, too; otherwise it is only said.

        Returns:
            Epochs that are trained.

        Raises:
            ConfigurationError: With the parameters that differ, their old and new values; or
                where an epoch is missing between others, or a state cannot be read.
        """
        states = self.states()
        if not states:
            return 0
        last = max(states)
        missing = sorted(set(range(last)) - states.keys())
        if missing:
            raise ConfigurationError(
                f"{self.path.name} has a policy of epoch {last} but none of epoch {missing[0]}; "
                f"put epoch_{missing[0]:04d} back, or start over with {START_OVER}"
            )
        try:
            old = json.loads(states[last].read_text(encoding="utf-8"))["parameters"]
        except (OSError, ValueError, KeyError) as error:
            raise ConfigurationError(
                f"{states[last]} cannot be read ({error}); delete {states[last].parent} to train "
                f"that epoch again, or start over with {START_OVER}"
            ) from error
        new = json.loads(json.dumps(identity))
        if not same_code and old.get(CODE) != new.get(CODE):
            logger.warning("%s was begun with other code; going on with this one", self.path.name)
            old[CODE] = new.get(CODE)
        differing = [
            f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
        if differing:
            more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
            raise ConfigurationError(
                f"{self.path.name} was trained with other parameters "
                f"({'; '.join(differing[:SHOWN])}{more}); give the old values to go on, or start "
                f"over with {START_OVER}"
            )
        if last > epochs:
            raise ConfigurationError(
                f"{self.path.name} has {last} epochs, more than train.epochs={epochs}; ask for "
                f"{last} or more, or start over with {START_OVER}"
            )
        return last

    def finished(self, epochs: int) -> bool:
        """Whether the results at the run's end are there and cover so many epochs."""
        try:
            found = json.loads((self.path / FINISHED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(found == {"epochs": epochs})

    def tidy(self) -> None:
        """Remove what a killed process has left half-written, and bring back what it replaced."""
        for place in [self.path, *self.path.glob("epoch_*")]:
            for old in place.glob(".*.old"):
                recover(old.with_name(old.name.removeprefix(".").removesuffix(".old")))
            for pattern in (".*.part*", ".*.old"):
                for path in place.glob(pattern):
                    remove(path)

    def set_aside(self) -> Path | None:
        """Move everything that training has written here to a folder of its own.

        The newest epoch goes first. A process that is killed in between leaves the beginning of
        the run, which can be resumed or set aside in turn.

        Returns:
            `<runs folder>/set_aside/<run name>-<number>`; `None` where there was nothing.
        """
        epochs = sorted(self.path.glob("epoch_*"), key=lambda path: (len(path.name), path.name))
        results = [path for pattern in RESULTS for path in self.path.glob(pattern)]
        written = [*results, *reversed(epochs)]
        if not written:
            return None
        target = free_place(self.path.parent / SET_ASIDE / self.path.name)
        target.mkdir(parents=True)
        for path in written:
            path.rename(target / path.name)
        logger.warning("Set the earlier %s aside: %s", self.path.name, target)
        return target

    def forget_optimizers(self, before: int) -> None:
        """Remove the optimizer's memory from the policies of epochs before this one."""
        for epoch, path in self.states().items():
            if epoch < before:
                path.with_name("optimizer.safetensors").unlink(missing_ok=True)


def free_place(path: Path) -> Path:
    """The path with the first number, from 1, that nothing has yet: `<path>-<number>`."""
    return next(
        place
        for number in count(1)
        if not (place := path.with_name(f"{path.name}-{number}")).exists()
    )


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
