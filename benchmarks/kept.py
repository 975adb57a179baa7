"""Short runs that are judged as they train and kept as small tables, so that a study can go on.

Not for a person: `tune.py` and `why.py` run many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from own_worker import read_run
from trial import train, with_params

from drift_pipeline.common.atomic import replacing
from drift_pipeline.common.values import fingerprint, flat
from drift_pipeline.evaluation.judges import Judges

SETTINGS = "settings"


@dataclass(frozen=True)
class Budget:
    """What every run of a study gets.

    Attributes:
        epochs: Epochs trained.
        every: How many lie between two judgements.
        prompts: The evaluation's first prompts.
        each: Images of each.
    """

    epochs: int
    every: int
    prompts: int
    each: int


def kept_run(
    file: Path,
    changes: Mapping[str, Any],
    params: Mapping[str, Any],
    budget: Budget,
    judges: Judges | None,
    judged_by: str | None = None,
) -> pd.DataFrame | None:
    """Return the table of a run, one row per judged epoch, the base model first.

    Args:
        file: Where it is kept.
        changes: Nested parameters: method, reward, seed.
        params: Further ones by their dotted names.
        budget: How long it trains and how it is judged.
        judges: With which a missing run is trained and judged; None reads what is there.
        judged_by: The reward in the table; None the one trained on.

    Raises:
        SystemExit: Where the table is of a run with other settings.
    """
    everything = with_params(dict(changes), [f"{name}={value}" for name, value in params.items()])
    settings = settings_of(everything, budget)
    if judges is not None and not file.exists():
        print(file.stem, flush=True)
        how = (budget.epochs, budget.every, budget.prompts, budget.each)
        rows, _ = train(everything, *how, judges, judged_by)
        table = pd.DataFrame(rows).drop(columns="KL by step").round(5)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part:
            table.assign(**{SETTINGS: settings}).to_csv(part, index=False)
    if not file.exists():
        return None
    table = pd.read_csv(file, dtype={SETTINGS: str})  # some are all digits
    if {*table[SETTINGS]} != {settings}:
        raise SystemExit(f"{file} is of a run with other settings; move it away and run again")
    return table.drop(columns=SETTINGS)


def settings_of(changes: Mapping[str, Any], budget: Budget) -> str:
    """Name what a run is made with, besides models and code."""
    run = read_run(changes)
    shown = {"batch_size", "decode_batch_size", "micro_batch_size", "workers", "progress", "store"}
    trained = flat(run.train.model_dump(mode="json"))
    values = {
        "method": run.method.arithmetic(),
        "reward": run.reward.model_dump(mode="json"),
        "seed": run.seed,
        "train": {key: v for key, v in trained.items() if key.rpartition(".")[2] not in shown},
        "budget": vars(budget),
    }
    return fingerprint(values)[:12]
