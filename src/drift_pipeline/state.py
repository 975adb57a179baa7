"""The folder of a run: what is there, whether it can be continued, and how to start over."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_pipeline.parameters import ConfigurationError
from drift_pipeline.runs import CODE

logger = logging.getLogger(__name__)

START_OVER = "--params train.start_over=true"
RESULTS = ("training_curve.*", "training_pictures.png", "lora")
"""What is made at a run's end, and made anew when the run goes on."""
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

    def tidy(self, epochs: int) -> None:
        """Remove results of an earlier end and leftovers of a killed process.

        Args:
            epochs: Epochs asked for; results stay where all are there.
        """
        if (self.last_epoch() or 0) < epochs:
            for pattern in RESULTS:
                for path in self.path.glob(pattern):
                    remove(path)
        for pattern in (".*.part*", ".*.old"):
            for path in [*self.path.glob(pattern), *self.path.glob(f"epoch_*/{pattern}")]:
                remove(path)

    def clear(self) -> None:
        """Remove everything that training has written here, and nothing else.

        The newest epoch goes first, and each goes whole, by a rename. A process that is killed
        in between leaves the beginning of the old run, which can be continued or cleared.
        """
        for pattern in RESULTS:
            for path in self.path.glob(pattern):
                remove(path)
        old = self.path / ".epochs.old"
        remove(old)
        epochs = sorted(self.path.glob("epoch_*"), key=lambda path: (len(path.name), path.name))
        if epochs:
            old.mkdir()
        for path in reversed(epochs):
            path.rename(old / path.name)
        remove(old)

    def forget_optimizers(self, before: int) -> None:
        """Remove the optimizer's memory from the policies of epochs before this one."""
        for epoch, path in self.states().items():
            if epoch < before:
                path.with_name("optimizer.safetensors").unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
