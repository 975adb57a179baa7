"""Figures of one's own: functions that YAML names, drawn beside the project's."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from drift_pipeline.analysis.figures import style
from drift_pipeline.analysis.figures.figure import DrawnFigure
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.analysis import Analyze
from drift_pipeline.config.classes import find


def draw_own(checkpoints: pd.DataFrame, analyze: Analyze, reward: str) -> dict[str, DrawnFigure]:
    """Draw the figures of `analyze.figures`; none for a reward that no run was trained on.

    Args:
        checkpoints: As `make_checkpoints` makes them; a function gets those of this reward alone.
        analyze: Names the functions, and says what methods and measures are called.
        reward: The reward that the runs were trained on.

    Raises:
        ConfigurationError: Where a function is not there, or gives something else than a figure
            and its caption.
    """
    mine = checkpoints[checkpoints["reward"] == reward].reset_index(drop=True)
    if (mine["method"] == analyze.base).all():
        return {}
    return {
        name: _draw(find(path, f"analyze.figures.{name}"), mine.copy(), analyze, name)
        for name, path in analyze.figures.items()
    }


@style.drawn
def _draw(draw: Any, checkpoints: pd.DataFrame, analyze: Analyze, name: str) -> tuple[Figure, str]:
    # A copy: what one figure does to its settings is nothing to the others.
    drawn = draw(checkpoints, analyze.model_copy(deep=True))
    match drawn:
        case (Figure(), str()):
            return drawn
    kind = type(drawn).__name__
    if isinstance(drawn, tuple):
        kind = f"({', '.join(type(part).__name__ for part in drawn)})"
    raise ConfigurationError(
        f"analyze.figures.{name}: {analyze.figures[name]} must return a Matplotlib figure and its "
        f"caption; it returned {kind}"
    )
