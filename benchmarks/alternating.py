"""Programs that take turns, each run a process of its own, and the table of their medians."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
ENVIRONMENT = dict(os.environ)
"""The reader's. This project's settings, once imported, have OpenMP's threads sleep while they
wait, and the programs of others must not inherit that; so import this module first."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """What is left of a process.

    Attributes:
        printed: Its output.
        mib: The most memory it had at once, resident, in MiB.
    """

    printed: str
    mib: float

    @property
    def said(self) -> Any:
        """The last line of its output, which is JSON."""
        return json.loads(self.printed.splitlines()[-1])


def finish(command: Sequence[str | Path], **variables: str) -> Finished:
    """Run a program in the project's folder to its end.

    Its memory counts as at least that of this process, which therefore imports nothing heavy.

    Args:
        command: The program and its arguments.
        **variables: Of its environment, besides those of this process.

    Raises:
        SystemExit: Where it fails, with what it wrote.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=ENVIRONMENT | variables, stdout=output, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.stderr.write(output.read() + errors.read())
            raise SystemExit(f"failed ({process.returncode}): {' '.join(map(str, command))}")
        # macOS counts in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        return Finished(output.read(), usage.ru_maxrss * unit / 2**20)


def alternate(programs: Mapping[str, Callable[[], list[Row]]], repeat: int) -> pd.DataFrame:
    """Let programs take turns: all of them once, then all of them again.

    Args:
        programs: By name; each call is a process, and gives one row per epoch that it measured.
        repeat: Rounds.

    Returns:
        All rows, with `program` and `round` in front.
    """
    rows = []
    for turn in range(1, repeat + 1):
        for name, run in programs.items():
            start = perf_counter()
            rows += [{"program": name, "round": turn, **row} for row in run()]
            took = perf_counter() - start
            print(f"round {turn}/{repeat}: {name}, {took:.0f} s", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def medians(rows: pd.DataFrame, spread: str) -> pd.DataFrame:
    """Sum the rounds up: one row per program, in the order of their turns.

    Args:
        rows: From `alternate`.
        spread: A column whose smallest and largest values are added, as `<column> low` and `high`.

    Returns:
        The medians, the spread, and `n`, how many rows they are of.
    """
    by_program = rows.drop(columns="round").groupby("program", sort=False)
    table = by_program.median()
    place = list(table).index(spread) + 1
    table.insert(place, f"{spread} low", by_program[spread].min())
    table.insert(place + 1, f"{spread} high", by_program[spread].max())
    table["n"] = by_program.size()
    return table.reset_index()


def report(table: pd.DataFrame, out: Path | None) -> None:
    """Print a table, under what the machine gave, and write it as Parquet where asked to."""
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS {threads}\n\n{markdown(table)}")
    if out:
        table.to_parquet(out)


def markdown(table: pd.DataFrame) -> str:
    """Write a table as Markdown: whole numbers from 100 on, else three digits."""
    lines: list[list[Any]] = [list(table), ["---"] * table.shape[1], *table.values.tolist()]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isnan(value):
        return "—"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
