"""Runs that were measured and that no comparison takes: said, with what would take them in."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.config.analysis import Analyze


def left_out(metrics: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Say which measured runs the report leaves out, and what to add.

    Args:
        metrics: One row per run, epoch and metric, as `measure` writes them.
        analyze: What is compared.

    Returns:
        One sentence per reward or method that is not compared.
    """
    if not {"run", "method", "reward"}.issubset(metrics.columns):
        return []
    runs = metrics[["run", "method", "reward"]].drop_duplicates()
    others = runs[
        [
            method != analyze.base and (method, reward) not in analyze.compared()
            for method, reward in zip(runs["method"], runs["reward"], strict=True)
        ]
    ]
    found = []
    for (method, reward), rows in others.groupby(["method", "reward"], sort=False):
        names = ", ".join(sorted(rows["run"].unique()))
        found.append(
            f"{names}: left out of the report; {_remedy(str(method), str(reward), analyze)}."
        )
    return found


def _remedy(method: str, reward: str, analyze: Analyze) -> str:
    """Say what to add to `parameters_analyze.yml`, in conf/base or an environment of one's own."""
    steps = []
    if reward not in analyze.rewards:
        steps.append(f"`{reward}: {{label: {reward}}}` to analyze.rewards")
    if method not in analyze.methods:
        look = f'{{label: {method}, colour: "#000000", marker: "o"}}'
        steps.append(f"`{method}: {look}` to analyze.methods")
    comparisons = {name for name, c in analyze.comparisons.items() if method in c.methods}
    if not comparisons:
        steps.append(
            f"{method} to a comparison's `also`, such as analyze.comparisons.{analyze.main}"
        )
    if not any(analyze.comparisons[name].made_under(reward) for name in comparisons):
        place = analyze.main if analyze.main in comparisons or not comparisons else min(comparisons)
        steps.append(f"{reward} to analyze.comparisons.{place}.rewards")
    return "to take it in, add " + ", and ".join(steps)
