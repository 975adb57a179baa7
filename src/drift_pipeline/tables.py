"""The tables that training writes, and the line it prints an epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from torch import Tensor

    from drift_pipeline.rl.credit import Credit
    from drift_pipeline.rl.rollout import Trajectories


def candidates_table(
    batch: Trajectories, rewards: Tensor, selected: Tensor, diversity: Tensor, credit: Credit
) -> pd.DataFrame:
    """One row a candidate; what only selected ones have is missing for the others.

    Args:
        batch: The selected trajectories, which know prompts, epoch and seed.
        rewards: `(groups · c,)`, of all candidates.
        selected: `(groups, g)`, indices into `rewards`.
        diversity: `(groups, g)`.
        credit: Advantages of the selected.
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
    measured = {
        "diversity": diversity,
        "intrinsic": credit.intrinsic,
        "advantage": credit.advantage,
        "advantage_intrinsic": credit.advantage_intrinsic,
        "advantage_total": credit.total,
    }
    for name, values in measured.items():
        table[name] = pd.Series(values.flatten().tolist(), index=rows, dtype=float)
    return table


def updates_table(epoch: int, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a gradient update."""
    table = pd.DataFrame(rows)
    table.insert(0, "epoch", epoch)
    return table


def epoch_summary(
    candidates: pd.DataFrame, updates: pd.DataFrame, seconds: dict[str, float]
) -> dict[str, Any]:
    """An epoch in one row.

    Args:
        candidates: As `candidates_table` makes it.
        updates: As `updates_table` makes it.
        seconds: Time spent, by node.
    """
    chosen = candidates[candidates["selected"]]
    spread = chosen.groupby("group")["reward"].agg(lambda group: group.max() - group.min())
    return {
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
        **seconds,
    }


def epoch_line(summary: dict[str, Any], epochs: int) -> str:
    """What a person wants to know of an epoch, on one line."""
    return (
        f"epoch {summary['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  reward {summary['reward_mean']:.4f} ± {summary['reward_std']:.4f}"
        f"  diversity {summary['diversity']:.4f}"
        f"  KL {summary['kl']:.2e}"
        f"  clipped {summary['clip_fraction']:.0%}"
        f"  |ratio-1| at start {summary['ratio_max_dev_first']:.0e}"
        f"  zero-variance groups {summary['zero_variance_groups']}/{summary['groups']}"
        f"  rollout {summary['seconds_rollout']:.1f} s,"
        f" score {summary['seconds_score']:.1f} s, shape {summary['seconds_shape']:.1f} s,"
        f" update {summary['seconds_update']:.1f} s"
    )


def without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON, which knows no NaN and no infinity: `None` stands for them."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
