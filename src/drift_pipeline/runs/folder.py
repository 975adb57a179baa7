"""The folder of a run: what is there, whether it can be continued, and how to start over."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from drift_pipeline.common.atomic import leftovers, recover
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import SUMS, DamagedError, read_sealed, verify
from drift_pipeline.common.versions import other_versions
from drift_pipeline.runs.agreement import differences

logger = logging.getLogger(__name__)

START_OVER = "--params train.start_over=true"
CONTINUE = "--params train.if_changed=continue"
FINISHED = "finished.json"
RESULTS = (FINISHED, SUMS, "training_curve.*", "training_pictures.png", "lora", "lora_epoch_*")
"""What is made at a run's end, and again when the run is trained for longer; exported epochs."""
SET_ASIDE = "set_aside"
"""Folder, beside the runs, of those that were started over."""
OPTIMIZER, STATE = "optimizer.safetensors", "state.json"
"""Files of a policy besides its adapter."""
REMEDY = (
    "put the epoch's folder back from a copy (`dvc checkout`, `git checkout`), or delete it to "
    f"train it again if it is the last one, or start over with {START_OVER}"
)
TABLES = ("candidates.parquet", "updates.parquet", "summary.json")
"""What an epoch's folder holds besides its policy and its images."""


def read_state(path: Path, alone: bool = False) -> dict[str, Any]:
    """Read a policy's `state.json`, and check the whole policy by its checksums.

    Args:
        path: The file; the optimizer's memory beside it may have been removed since.
        alone: Check only this file, not the tensors beside it.

    Raises:
        DamagedError: In one line, which file is damaged and what to do.
    """
    return read_sealed(path, REMEDY, optional=(OPTIMIZER,), alone=alone)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        path: `<runs folder>/<run name>`.
    """

    path: Path

    def states(self) -> dict[int, Path]:
        """Find the policies that are there, by epoch."""
        found = self.path.glob("epoch_*/policy/state.json")
        return {int(path.parts[-3].removeprefix("epoch_")): path for path in sorted(found)}

    def last_epoch(self) -> int | None:
        """Find the last epoch whose policy is there; `None` where there is none."""
        return max(self.states(), default=None)

    def check(self, identity: dict[str, Any], epochs: int, other_source: bool = False) -> int:
        """Make sure that what is there was made with the same parameters and by the same source.

        Args:
            identity: What the states of this run must have been made with.
            epochs: Epochs asked for.
            other_source: Continue where other source made them, and only say so.

        Returns:
            Epochs that are trained.

        Raises:
            ConfigurationError: In one line, what differs, is missing, damaged or of another run,
                and what to do about it.
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
        state = read_state(states[last])
        if not isinstance(state.get("parameters"), dict):
            raise ConfigurationError(f"{states[last]} has no parameters; {REMEDY}")
        self._compare(state["parameters"], identity, other_source)
        if last > epochs:
            raise ConfigurationError(
                f"{self.path.name} has {last} epochs, more than train.epochs={epochs}; ask for "
                f"{last} or more, or start over with {START_OVER}"
            )
        self._refuse_mixture(states, state["parameters"])
        self._refuse_damage(last)
        if last < epochs and (other := other_versions(state.get("versions", {}))):
            logger.warning("%s continues with other versions: %s", self.path.name, ", ".join(other))
        return last

    def _compare(self, old: dict[str, Any], new: dict[str, Any], other_source: bool) -> None:
        found = differences(old, new)
        if found.parameters:
            raise ConfigurationError(
                f"{self.path.name} was trained with other parameters ({found.listed}); give the "
                f"old values to continue, or start over with {START_OVER}"
            )
        if found.source and other_source:
            logger.warning(
                "%s continues by other source than before: %s",
                self.path.name,
                "; ".join(found.source),
            )
        elif found.source:
            raise ConfigurationError(
                f"{self.path.name} was trained by other source: {'; '.join(found.source)}; put the "
                f"old source back, continue by the new one with {CONTINUE}, or start over with "
                f"{START_OVER}"
            )

    def _refuse_mixture(self, states: dict[int, Path], expected: dict[str, Any]) -> None:
        """Refuse epochs that were copied in from another run, or stand under another number."""
        for epoch, path in states.items():
            state = read_state(path, alone=True)
            found = differences(state.get("parameters", {}), expected)
            if state.get("epoch", epoch) != epoch or found.parameters:
                what = found.listed or f"it holds epoch {state['epoch']}"
                raise ConfigurationError(
                    f"{path.parent.parent} is of another run or epoch ({what}); put its own folder "
                    f"back, or start over with {START_OVER}"
                )

    def _refuse_damage(self, last: int) -> None:
        """Refuse epochs without whole tables; those that can be made again by themselves pass."""
        for epoch in range(1, last + 1):
            folder = self.path / f"epoch_{epoch:04d}"
            # The update can be repeated only from a policy that has kept the optimizer's memory.
            before = self.path / f"epoch_{epoch - 1:04d}" / "policy" / OPTIMIZER
            for name in TABLES:
                file, again = folder / name, name == TABLES[0] or before.exists()
                remedy = f"delete {file}, which is then made again" if again else REMEDY
                if file.exists():
                    verify(file, remedy)
                    _refuse_truncated(file, remedy)
                elif not again:
                    raise ConfigurationError(f"{file} is missing; {REMEDY}")

    def finished(self, epochs: int) -> bool:
        """Return whether the results at the run's end are there and cover so many epochs."""
        try:
            found = json.loads((self.path / FINISHED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(found == {"epochs": epochs})

    def tidy(self) -> None:
        """Remove what a killed process has left half-written, and bring back what it replaced.

        Only for the process that holds the folder's lock.
        """
        for place in [self.path, *self.path.glob("epoch_*")]:
            for old in place.glob(".*.old"):
                recover(old.with_name(old.name.removeprefix(".").removesuffix(".old")))
            for path in [*leftovers(place, others=True), *place.glob(".*.old")]:
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
                path.with_name(OPTIMIZER).unlink(missing_ok=True)


def free_place(path: Path) -> Path:
    """Find the path with the first number, from 1, that nothing has yet: `<path>-<number>`."""
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


def _refuse_truncated(file: Path, remedy: str) -> None:
    """Refuse a table that has lost its end, as far as can be seen without reading it."""
    content = file.read_bytes()
    if file.suffix == ".json":
        try:
            json.loads(content)
            return
        except ValueError:
            pass
    elif len(content) > 8 and content[:4] == content[-4:] == b"PAR1":
        return
    raise DamagedError(f"{file} is damaged: it is not a whole file; {remedy}")
