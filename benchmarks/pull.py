"""How much of a reward's pull the advantages carry, by how candidates are chosen and how it errs.

    python benchmarks/pull.py

A group's true rewards are drawn from a normal distribution of deviation 1, and what is seen is that
plus `error` times a Student's t of 2 degrees of freedom. The candidates that are trained on are
chosen by what is seen, and its advantages are normalised within the group, as GRPO's are. The pull
is the mean of advantage times true reward: the gradient is a sum of scores, each of the same size
whatever the reward, weighted by the advantages, so this is what is left of the direction in which
the true reward rises, where 1 is the most that is possible. Noise does not shrink with it: half the
pull needs four times the images for the same signal-to-noise ratio.
"""

from __future__ import annotations

import argparse

import pandas as pd
import torch
from alternating import markdown

from drift_pipeline.drift.selection import SELECTIONS
from drift_pipeline.rl.advantages import group_advantages

CASES = {
    "all (GRPO)": ("all", 1),
    "concentrated, 2 G": ("concentrated", 2),
    "concentrated, 4 G": ("concentrated", 4),
    "contrasted, 2 G": ("contrasted", 2),
}
ERRORS = (0.0, 0.25, 0.5, 1.0, 2.0)


def pull(selection: str, candidates: int, error: float, groups: int, size: int) -> float:
    """Return the mean of advantage times true reward over many groups.

    Args:
        selection: How candidates are chosen.
        candidates: Drawn, as a multiple of the group's size.
        error: Scale of the error.
        groups: How many groups are drawn.
        size: G.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = groups, candidates * size
    true = torch.randn(drawn, generator=generator)
    normal, chi = torch.randn(drawn, generator=generator), torch.empty(drawn)
    chi.exponential_(0.5, generator=generator)  # χ² of 2 degrees of freedom
    seen = true + error * normal / (chi / 2).sqrt()
    rows = torch.stack([SELECTIONS[selection](rewards, size) for rewards in seen])
    chosen, kept = seen.gather(1, rows), true.gather(1, rows)
    return float((group_advantages(chosen) * kept).mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=4000)
    parser.add_argument("--size", type=int, default=8, help="G")
    args = parser.parse_args()
    rows = [
        {
            "trained on": name,
            **{f"error {e:g}": round(pull(*case, e, args.groups, args.size), 3) for e in ERRORS},
        }
        for name, case in CASES.items()
    ]
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
