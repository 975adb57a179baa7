"""Which checkpoint to take: the most reward among those that keep enough diversity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from drift_pipeline.analysis.asked import off_prompt
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.analysis import Analyze

By = Literal["low", "value"]
ENDS = ("", "_low", "_high")
"""How the columns of a value and of its interval end."""


@dataclass(frozen=True)
class Wish:
    """What a checkpoint has to keep, and which ones may be taken.

    Attributes:
        keep: Share of the base model's diversity, above 0.
        measure: Which diversity, a name in `analyze.measures`.
        by: `low` asks it of the lower end of the checkpoint's interval, `value` of its value.
        off_prompt: Also take checkpoints that no longer show what was asked.
        method: Take a run of this method alone.
        seed: Count runs of this training seed alone.
    """

    keep: float
    measure: str
    by: By = "low"
    off_prompt: bool = False
    method: str | None = None
    seed: int | None = None

    @property
    def column(self) -> str:
        """The column that has to be at least `keep`."""
        return share_column(self.measure) + ("_low" if self.by == "low" else "")


@dataclass(frozen=True)
class Candidates:
    """The checkpoints of one method, or of all that may be taken.

    Attributes:
        best: The row with the most reward that keeps enough; `None` where nothing does.
        most: The row that keeps the most, whether or not that is enough.
        count: Checkpoints.
        kept: How many of them keep enough.
        highest: The largest share that any of them has by its value, without its interval.
    """

    best: dict[str, Any] | None
    most: dict[str, Any]
    count: int
    kept: int
    highest: float


@dataclass(frozen=True)
class Choice:
    """What was found for a wish.

    Attributes:
        picked: Of those that may be taken.
        others: By method, of the other methods that have any.
        base: The base model's row.
        off_prompt: Checkpoints left out since they no longer show what was asked.
    """

    picked: Candidates
    others: dict[str, Candidates]
    base: dict[str, Any]
    off_prompt: int


def share_column(measure: str) -> str:
    """Name the column of what a checkpoint has of a measure, as a share of the base model's."""
    return f"{measure}_of_base"


def taking_all(analyze: Analyze, metrics: pd.DataFrame) -> Analyze:
    """Have every measured method and reward compared, whatever the report compares.

    Args:
        analyze: With the presets of all rewards and methods.
        metrics: What was measured, with a column `method`.
    """
    main = analyze.comparisons[analyze.main]
    known = {analyze.base, *main.methods}
    others = [name for name in dict.fromkeys(metrics.get("method", ())) if name not in known]
    main = main.model_copy(update={"own": [*main.own, *others], "rewards": None})
    return analyze.model_copy(update={"comparisons": {**analyze.comparisons, analyze.main: main}})


def pick(checkpoints: pd.DataFrame, analyze: Analyze, reward: str, wish: Wish) -> Choice:
    """Find the checkpoint with the most reward that keeps enough diversity.

    Equal rewards go to the one that keeps more, then to the earlier epoch. The base model's value
    counts as it is, without its interval.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        analyze: What was measured.
        reward: The reward that the runs were trained on, which also ranks them.
        wish: What is asked for.

    Returns:
        The choice; its rows have `<measure>_of_base`, `…_low` and `…_high` for every diversity.

    Raises:
        ConfigurationError: Where the base model was not measured so, or no checkpoint can be
            taken; the message is one line.
    """
    if wish.measure not in analyze.measures:
        raise ConfigurationError(
            f"--measure: {wish.measure!r} was not measured, or is no diversity; there are: "
            f"{', '.join(analyze.measures)}"
        )
    shown = off_prompt(checkpoints, analyze) & (not wish.off_prompt)
    mine = checkpoints["reward"] == reward
    base = checkpoints[mine & (checkpoints["method"] == analyze.base)]
    if base.empty or not base[wish.measure].iloc[0] > 0:
        raise ConfigurationError(
            f"there is no {wish.measure} of the base model to compare with; run kedro run "
            "--pipelines=measure"
        )
    table = _with_shares(checkpoints[mine], base.iloc[0], analyze)
    table = table[(table["method"] != analyze.base) & table["reward_raw"].notna()]
    _refuse_unmeasured(table, reward, wish)
    if wish.seed is not None:
        table = table[table["seed"] == wish.seed]
    table = table[table[wish.column].notna()]
    usable = table[~shown.loc[table.index]]
    taken = usable if wish.method is None else usable[usable["method"] == wish.method]
    if taken.empty:
        why = f"was measured by {wish.measure}" if table.empty else "still shows what was asked"
        hint = "" if table.empty else " (--off-prompt takes them all the same)"
        raise ConfigurationError(f"none of these checkpoints {why}{hint}")
    picked = _candidates(taken, wish)
    own = picked.best["method"] if picked.best else wish.method
    others = {
        str(method): _candidates(rows, wish)
        for method, rows in usable.groupby("method", sort=False)
        if method != own
    }
    return Choice(picked, others, _row(base.iloc[0]), len(table) - len(usable))


def _with_shares(table: pd.DataFrame, base: pd.Series, analyze: Analyze) -> pd.DataFrame:
    shares = {
        share_column(name) + end: table[name + end] / (base[name] if base[name] > 0 else np.nan)
        for name in analyze.measures
        for end in ENDS
    }
    return table.assign(**shares)


def _candidates(table: pd.DataFrame, wish: Wish) -> Candidates:
    enough = table[table[wish.column] >= wish.keep]
    best = enough.sort_values(
        ["reward_raw", wish.column, "epoch", "run"], ascending=[False, False, True, True]
    )
    most = table.sort_values(
        [wish.column, "reward_raw", "epoch", "run"], ascending=[False, False, True, True]
    )
    return Candidates(
        best=None if best.empty else _row(best.iloc[0]),
        most=_row(most.iloc[0]),
        count=len(table),
        kept=len(enough),
        highest=float(table[share_column(wish.measure)].max()),
    )


def _row(row: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _refuse_unmeasured(table: pd.DataFrame, reward: str, wish: Wish) -> None:
    """Refuse a reward, a method or a seed that no measured run has, with those that there are."""
    if table.empty:
        raise ConfigurationError(f"no run was measured that was trained on {reward}")
    for column, wanted in (("method", wish.method), ("seed", wish.seed)):
        known = sorted(table[column].unique())
        if wanted is not None and wanted not in known:
            raise ConfigurationError(
                f"--{column}: no run of {column} {wanted} was measured that was trained on "
                f"{reward}; there are: {', '.join(map(str, known))}"
            )
        if wanted is not None:
            table = table[table[column] == wanted]
