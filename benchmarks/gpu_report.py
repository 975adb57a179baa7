"""Results as they come: a line for each, a file that is whole at any moment, and a last table."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import torch

from drift_pipeline.common.atomic import replacing

Verdict = Literal[
    "ok", "failed", "measured", "not possible", "out of memory", "error", "not measured"
]
BAD: tuple[Verdict, ...] = ("failed", "error")
"""What makes the run itself fail."""


class ImpossibleError(Exception):
    """This device cannot do it; the message says why."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has ended; the libraries below torch say it otherwise."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "ALLOC_FAILED" in str(error)


@dataclass(frozen=True)
class Result:
    """What one check or one measurement has found.

    Attributes:
        name: What was looked at.
        verdict: `ok` and `failed` for what has a goal, `measured` for what has none.
        value: The number, in `unit`.
        unit: Its unit; empty for a ratio.
        goal: The largest value that is good.
        note: A sentence on it.
        details: Further numbers, for the file.
    """

    name: str
    verdict: Verdict
    value: float | None = None
    unit: str = ""
    goal: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def held(name: str, value: float, goal: float, note: str = "", **details: Any) -> Result:
    """Hold a value against the largest that is good; one that is not a number fails."""
    verdict: Verdict = "ok" if value <= goal else "failed"
    return Result(name, verdict, value, goal=goal, note=note, details=details)


def measured(name: str, value: float, unit: str, note: str = "", **details: Any) -> Result:
    """Report a value that has no goal."""
    return Result(name, "measured", value, unit, note=note, details=details)


@dataclass(frozen=True)
class Task:
    """A check or a measurement.

    Attributes:
        name: For the list of what was not measured.
        call: Gives results one by one, so that what comes before an error is kept.
        needs: Seconds that must be left for it to start.
        until: Share of the budget after which it does not start.
    """

    name: str
    call: Callable[[], Iterator[Result]]
    needs: float = 0.0
    until: float = 0.95


class Report:
    """Prints results, and writes them to a file as they come.

    Args:
        out: The JSON file.
        minutes: The budget.
        about: The machine and the settings, for the head of the file.
        now: The clock, in seconds.
    """

    def __init__(
        self,
        out: Path,
        minutes: float,
        about: dict[str, Any],
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self.out, self.budget, self.about, self.now = out, 60 * minutes, about, now
        self.results: list[Result] = []
        self.seconds: list[float] = []
        self._start = now()
        self._write(complete=False)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.now() - self._start

    def left(self) -> float:
        """Seconds of the budget that are left; negative where it is spent."""
        return self.budget - self.elapsed()

    def add(self, result: Result) -> None:
        """Print a result, and write the file anew with it."""
        self.results.append(result)
        self.seconds.append(self.elapsed())
        print(f"{self.elapsed():6.0f} s  {_line(result)}", flush=True)
        self._write(complete=False)

    def run(self, task: Task, free: Callable[[], None]) -> None:
        """Run a task to its end; its errors are results like others, and the next one goes on.

        Args:
            task: What to run.
            free: Lets go of memory, after it.
        """
        if self.elapsed() > task.until * self.budget or self.left() < task.needs:
            note = f"{max(0, self.left()):.0f} s of the time were left"
            self.add(Result(task.name, "not measured", note=note))
            return
        failure: Result | None = None
        try:
            for result in task.call():
                self.add(result)
        except ImpossibleError as reason:
            failure = Result(task.name, "not possible", note=str(reason))
        except Exception as error:
            verdict: Verdict = "out of memory" if out_of_memory(error) else "error"
            details = {"traceback": traceback.format_exc()}
            note = f"{type(error).__name__}: {_first_line(error)}"
            failure = Result(task.name, verdict, note=note, details=details)
        # Only now has the error let go of the frames that hold the tensors.
        free()
        if failure:
            self.add(failure)

    def finish(self) -> int:
        """Print the table and what is missing; the exit status."""
        self._write(complete=True)
        print(f"\n{self.table()}\n")
        for verdict in ("not measured", "not possible", "out of memory", "error", "failed"):
            names = [result.name for result in self.results if result.verdict == verdict]
            if names:
                print(f"{verdict}: {'; '.join(names)}")
        print(f"{self.elapsed():.0f} s; all numbers are in {self.out}")
        return int(any(result.verdict in BAD for result in self.results))

    def table(self) -> str:
        """Set all results under each other."""
        rows = [("", "verdict", "value", "goal", "unit", "note")]
        rows += [
            (result.name, result.verdict, _number(result.value), _number(result.goal), result.unit,
             result.note[:60])
            for result in self.results
        ]  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(6)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join(lines)

    def _write(self, complete: bool) -> None:
        results = [
            {**asdict(result), "after_seconds": round(seconds, 1)}
            for result, seconds in zip(self.results, self.seconds, strict=True)
        ]
        content = {**self.about, "complete": complete, "results": results}
        with replacing(self.out) as part:
            part.write_text(json.dumps(_plain(content), indent=1) + "\n", encoding="utf-8")


def _line(result: Result) -> str:
    value = _number(result.value)
    value += f" {result.unit}" if result.unit else ""
    value += f" (goal {_number(result.goal)})" if result.goal is not None else ""
    note = f"  [{result.note}]" if result.note else ""
    return f"{result.verdict:13} {result.name}: {value}{note}".rstrip(": ")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if 100 <= abs(value) < 1e7 else f"{value:.3g}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]


def _plain(value: Any) -> Any:
    """Prepare values for JSON, which knows no NaN and no infinity: they become `None`."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
