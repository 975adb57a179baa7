"""The tables that training writes, and the line it prints for each epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from drift_pipeline.common.values import without_nan
from drift_pipeline.drift.shaping import intra_group_diversity
from drift_pipeline.training.by_step import COLUMNS

if TYPE_CHECKING:
    from torch import Tensor

    from drift_pipeline.methods.base import Credit
    from drift_pipeline.training.trajectories import Trajectories

SECONDS = "seconds_"
"""How the names of the times begin that a summary has for each node."""

MOST_AT_START = {"fp32": 1e-2, "bf16": 0.2, "fp16": 0.2}
"""How far rounding may move an importance ratio from 1, by precision."""


def candidates_table(
    batch: Trajectories, rewards: Tensor, selected: Tensor, embeddings: Tensor, credit: Credit
) -> pd.DataFrame:
    """Return one row per candidate; what only selected ones have is missing for the others.

    Args:
        batch: The selected trajectories, which know prompts, epoch and seed.
        rewards: `(groups · c,)`, of all candidates.
        selected: `(groups, g)`, indices into `rewards`.
        embeddings: `(groups, g, d)`, of the selected.
        credit: What the selected are worth.
    """
    groups, size = selected.shape
    count = len(rewards) // groups
    rows = selected.flatten().tolist()
    table = pd.DataFrame(
        {
            "epoch": batch.epoch,
            "group": [row // count for row in range(len(rewards))],
            "prompt": [batch.prompts[row // count * size] for row in range(len(rewards))],
            "candidate": [row % count for row in range(len(rewards))],
            "seed": batch.seed,
            "reward": rewards.tolist(),
            "selected": False,
        }
    )
    table.loc[rows, "selected"] = True
    diversity = intra_group_diversity(embeddings)
    measured = {"diversity": diversity, **credit.parts, "advantage_total": credit.total}
    for name, values in measured.items():
        table[name] = pd.Series(values.flatten().tolist(), index=rows, dtype=float)
    return table


def updates_table(epoch: int, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row per gradient update."""
    table = pd.DataFrame(rows)
    table.insert(0, "epoch", epoch)
    return table


def epoch_summary(candidates: pd.DataFrame, updates: pd.DataFrame) -> dict[str, Any]:
    """Sum an epoch up in one row, for JSON: what is not finite is `None`.

    Args:
        candidates: As `candidates_table` makes it.
        updates: As `updates_table` makes it.
    """
    chosen = candidates[candidates["selected"]]
    spread = chosen.groupby("group")["reward"].agg(lambda group: group.max() - group.min())
    row = {
        "epoch": int(candidates["epoch"].iloc[0]),
        "reward_mean": float(candidates["reward"].mean()),
        "reward_std": float(candidates["reward"].std(ddof=0)),
        "reward_min": float(candidates["reward"].min()),
        "reward_max": float(candidates["reward"].max()),
        "selected_reward_mean": float(chosen["reward"].mean()),
        "diversity": float(chosen["diversity"].mean()),
        "zero_variance_groups": int((spread == 0).sum()),
        "groups": len(spread),
        "loss": float(updates["loss"].mean()),
        "kl": float(updates["kl"].mean()),
        "clip_fraction": float(updates["clip_fraction"].mean()),
        "ratio_max_dev_first": float(updates["ratio_max_dev"].iloc[0]),
        "grad_norm": float(updates["grad_norm"].mean()),
    }
    return {**without_nan(row), **{name: _mean_by_step(updates[name]) for name in COLUMNS}}


def _mean_by_step(lists: pd.Series) -> list[float | None]:
    """Average the updates of an epoch, step by step; `None` for a step that none has rows of."""
    table = pd.DataFrame(lists.tolist())
    return [None if math.isnan(value) else float(value) for value in table.mean()]


def epoch_remarks(summary: dict[str, Any], precision: str) -> list[str]:
    """List what an epoch's numbers say to be wrong, one sentence each.

    Args:
        summary: From `epoch_summary`.
        precision: Of the policy: in half of it, rounding alone moves a ratio by some percent.
    """
    moved, most = summary["ratio_max_dev_first"], MOST_AT_START[precision]
    if moved is not None and moved <= most:
        return []
    return [
        f"before anything was learned an importance ratio was {moved} away from 1 (in {precision} "
        f"rounding explains {most:g}): the update does not repeat what the rollout has drawn, so "
        "its gradient is of another policy"
    ]


def curve_table(run: str, summaries: list[dict[str, Any]]) -> pd.DataFrame:
    """Put the summaries of a run's epochs together, one row per epoch; null becomes NaN."""
    rows = [{k: math.nan if v is None else v for k, v in row.items()} for row in summaries]
    table = pd.DataFrame(rows)
    table.insert(0, "run", run)
    return table


def epoch_line(summary: dict[str, Any], epochs: int) -> str:
    """Say on one line what a person wants to know of an epoch.

    Args:
        summary: From `epoch_summary`, to which `seconds_<node>` may have been added.
        epochs: Epochs of the run.
    """
    clocks = [key for key in summary if key.startswith(SECONDS)]
    times = ", ".join(f"{key.removeprefix(SECONDS)} {summary[key]:.1f} s" for key in clocks)

    def shown(name: str, form: str) -> str:
        value = summary[name]
        return format(math.nan if value is None else value, form)

    return (
        f"epoch {summary['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  reward {shown('reward_mean', '.4f')} ± {shown('reward_std', '.4f')}"
        f"  diversity {shown('diversity', '.4f')}"
        f"  KL {shown('kl', '.2e')}"
        f"  clipped {shown('clip_fraction', '.0%')}"
        f"  |ratio-1| at start {shown('ratio_max_dev_first', '.0e')}"
        f"  zero-variance groups {summary['zero_variance_groups']}/{summary['groups']}"
        + (f"  {times}" if times else "")
    )
