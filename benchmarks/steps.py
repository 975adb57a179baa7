"""What the weights of the denoising steps give: reward against KL divergence, on the bestiary.

    python benchmarks/steps.py --out steps.parquet

Question: one step of Stable Diffusion's schedule of eight has 90 % of the squared score norm. Does
GRPO learn more for the same divergence from the base model where that step counts less, or not at
all, or where the schedule is even? Ways: all steps alike, as the paper; by σ; all alike but the
loud step, which is left out (all three with Stable Diffusion's schedule, in a copy of the base
model); and all alike in the bestiary's own schedule, with trailing timesteps that end at the image,
where no step is loud.

Measure: an epoch's mean reward (PickScore, 128 images as drawn for training), and the mean KL
divergence per dimension over the steps that are not loud, after 12 epochs at a learning rate of
1e-3; the loud step's own divergence beside it, where it is trained. Seeds: 1 and 2.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from alternating import markdown
from own_worker import Trainer, changed_copy, read_run

LOUD = 6
"""The last step but one, from 0."""
WITHOUT = [1.0] * LOUD + [0.0, 1.0]
SCHEDULE = "scheduler/scheduler_config.json"
STABLE_DIFFUSION = {"timestep_spacing": "leading", "set_alpha_to_one": False, "steps_offset": 1}


def train(changes: dict[str, Any], seed: int, epochs: int, groups: int) -> list[dict[str, Any]]:
    """Train GRPO, and return the summaries of its epochs."""
    optimization = {"learning_rate": 1e-3, "measure_kl_rows": 64, **changes.pop("optimization", {})}
    given = {"groups_per_epoch": groups, "optimization": optimization, **changes}
    run = read_run({"method": "grpo", "seed": seed, "train": given})
    loaded = Trainer(run)
    state, found = loaded.policy.initial_state(seed), []
    for _ in range(epochs):
        state, _, summary = loaded.epoch(run, state)
        found.append(summary)
    return found


def describe(summaries: list[dict[str, Any]], loud: int | None) -> dict[str, float]:
    """Sum a run up: reward at the start and at the end, divergence and gradient by step."""
    last = summaries[-1]
    kl, share = (
        np.array([np.nan if value is None else value for value in last[name]], dtype=float)
        for name in ("kl_by_step", "gradient_share_by_step")
    )
    quiet = np.delete(kl, loud) if loud is not None else kl
    return {
        "first reward": summaries[0]["reward_mean"],
        "last reward": last["reward_mean"],
        "diversity": last["diversity"],
        "KL": float(np.nanmean(quiet)),
        "KL of the loud step": float("nan") if loud is None else float(kl[loud]),
        "largest share of the gradient": float(np.nanmax(share)),
        "clipped": last["clip_fraction"],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--groups", type=int, default=16, help="fewer for a quick look")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    base = read_run({"method": "grpo"}).train.base_model
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        with_loud_step = changed_copy(base, Path(folder) / "loud", SCHEDULE, **STABLE_DIFFUSION)
        ways: dict[str, tuple[dict[str, Any], int | None]] = {
            "all alike": ({}, LOUD),
            "by σ": ({"optimization": {"step_weights": "std"}}, LOUD),
            "without the loud step": ({"optimization": {"step_weights": WITHOUT}}, LOUD),
            "an even schedule": ({}, None),
        }
        for changes, step in ways.values():
            changes["base_model"] = base if step is None else with_loud_step
        for seed in args.seeds:
            for name, (changes, loud) in ways.items():
                summaries = train(dict(changes), seed, args.epochs, args.groups)
                rows.append({"steps": name, "seed": str(seed), **describe(summaries, loud)})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).sort_values(["steps", "seed"], kind="stable")
    print(markdown(table))
    if args.out:
        table.to_parquet(args.out)


if __name__ == "__main__":
    main()
