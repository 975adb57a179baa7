"""A figure: what each checkpoint paid in diversity for the reward that it gained."""

import pandas as pd
from matplotlib.figure import Figure

from drift_pipeline.analysis.figures.style import legend_below, new_figure
from drift_pipeline.config.analysis import Analyze


def draw(checkpoints: pd.DataFrame, analyze: Analyze) -> tuple[Figure, str]:
    """Draw diversity lost against reward gained, one line per run.

    Args:
        checkpoints: Of one reward, one row per run and epoch, with a column for each measure.
        analyze: What methods and measures are called, and their colours.

    Returns:
        The figure, and its caption.
    """
    measure = analyze.measures[analyze.anchor].label
    base = checkpoints[checkpoints["method"] == analyze.base].iloc[0]
    figure = new_figure(6.4, 4.5)
    axes = figure.subplots()
    for _, run in checkpoints[checkpoints["method"] != analyze.base].groupby("run", sort=False):
        gained = run["reward_normalised"] - base["reward_normalised"]
        lost = 100 * (1 - run[analyze.anchor] / base[analyze.anchor])
        look = analyze.methods[run["method"].iloc[0]]
        axes.plot(gained, lost, color=look.colour, marker=look.marker, label=look.label)
    axes.set_xlabel("reward gained over the base model, normalised →")
    axes.set_ylabel(f"{measure} lost (%)")
    legend_below(figure, axes)
    return figure, f"{measure} that each checkpoint lost, against the reward that it gained."
