"""How do the seconds and the memory of an epoch grow with its settings?

    python benchmarks/growth.py --out growth.parquet

One setting at a time differs from the defaults: denoising steps, groups, the adapter's rank, rows
of a micro-batch, the side of the images. Each point is a process of its own, which warms up with a
quarter of an epoch and measures one; MiB is its peak of resident memory, libraries included. The
points of all settings take turns.

Where the work is proportional to a setting, the seconds should lie on a straight line: `off the
line` is how far they are, in percent, from the line through the first and the last point. Images of
another size come from a copy of the pipeline whose UNet names another `sample_size`, on which no
weight depends: what they show means nothing, their cost does. Nothing else may run beside it.
`--groups 4 --factors steps` shows in a minute that everything works.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from alternating import alternate, medians, report
from own_worker import changed_copy, read_run
from peer import by_library

NAN = float("nan")


@dataclass(frozen=True)
class Factor:
    """A setting and its values, one of which is the default.

    Attributes:
        setting: Its name in `train`, dotted.
        values: In ascending order.
        line: Whether the work is proportional to it.
        power: Of the value, to which the work is proportional.
    """

    setting: str
    values: tuple[int, ...]
    line: bool = True
    power: int = 1


LATENTS = "side of the latents"
FACTORS = {
    "steps": Factor("sampling.steps", (4, 8, 16)),
    "groups": Factor("groups_per_epoch", (8, 16, 32)),
    "rank": Factor("lora.rank", (2, 8, 32), line=False),
    "micro-batch": Factor("optimization.micro_batch_size", (16, 32, 64, 128), line=False),
    LATENTS: Factor("base_model", (8, 12, 16), power=2),
}


def off_the_line(places: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Say how far values are from the straight line through the first and the last, in percent."""
    slope = (seconds[-1] - seconds[0]) / (places[-1] - places[0])
    line = [seconds[0] + slope * (place - places[0]) for place in places]
    return [100 * (found / value - 1) for found, value in zip(seconds, line, strict=True)]


def nested(name: str, value: Any) -> dict[str, Any]:
    """Turn a dotted name and its value into dictionaries."""
    first, _, others = name.partition(".")
    return {first: nested(others, value) if others else value}


def points(factors: Sequence[str], groups: int, folder: Path) -> dict[str, dict[str, Any]]:
    """List the parameters of each point, by `<factor> <value>`; the default is one point for all.

    Args:
        factors: Names in `FACTORS`.
        groups: Per epoch, where they are not the factor.
        folder: For pipelines of other sizes.
    """
    run = read_run({"method": "drift"})
    default = {"groups_per_epoch": groups}
    found = {"default": {"method": "drift", "train": default}}
    for name in factors:
        factor = FACTORS[name]
        for value in factor.values:
            if is_default(name, value):
                continue
            given: Any = value
            if name == LATENTS:
                pipeline = run.root / run.train.base_model
                given = changed_copy(
                    pipeline, folder / str(value), "unet/config.json", sample_size=value
                )
            changed = {**default, **nested(factor.setting, given)}
            found[f"{name} {value}"] = {"method": "drift", "train": changed}
    return found


def is_default(name: str, value: int) -> bool:
    """Whether a factor's value is the one of conf/base."""
    if name == LATENTS:
        return value == 8
    settings: Any = read_run({"method": "drift"}).train
    for part in FACTORS[name].setting.split("."):
        settings = getattr(settings, part)
    return bool(settings == value)


def table_of(measured: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Put the points of each factor below each other.

    Args:
        measured: One row per point, from `medians`.
        factors: Names in `FACTORS`.
    """
    by_point = measured.set_index("program")
    rows: list[dict[str, Any]] = []
    for name in factors:
        factor = FACTORS[name]
        keys = ["default" if is_default(name, v) else f"{name} {v}" for v in factor.values]
        chosen = by_point.loc[keys]
        places = [value**factor.power for value in factor.values]
        off = off_the_line(places, list(chosen["epoch"])) if factor.line else [NAN] * len(places)
        for value, (_, row), percent in zip(factor.values, chosen.iterrows(), off, strict=True):
            measures = {key: row[key] for key in ("rollout", "update", "epoch", "MiB")}
            shown = "" if percent != percent else f"{percent:+.0f} %"
            rows.append({"factor": name, "value": value, **measures, "off the line": shown})
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=1, help="rounds")
    parser.add_argument("--groups", type=int, default=16, help="fewer for a quick look")
    parser.add_argument("--factors", nargs="+", default=list(FACTORS), choices=FACTORS)
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs = {
            name: partial(by_library, parameters, epochs=1)
            for name, parameters in points(args.factors, args.groups, Path(folder)).items()
        }
        measured = medians(alternate(programs, args.repeat), "epoch")
    report(table_of(measured, args.factors), args.out)


if __name__ == "__main__":
    main()
