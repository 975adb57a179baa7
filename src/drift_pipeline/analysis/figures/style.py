"""How figures look, and how one becomes a file: vectors for print, pixels for a screen."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from drift_pipeline.analysis.asked import IN_PERCENT
from drift_pipeline.analysis.figures.figure import DrawnFigure
from drift_pipeline.config.analysis import Analyze, MethodStyle

SETTINGS = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 1.6,
    # Ids that do not change from one drawing to the next, so that files can be compared.
    "svg.hashsalt": "drift",
}
PIXELS_AN_INCH = 160
GREY = "#555555"
DG_COLOUR, RG_COLOUR = "#0072B2", "#E69F00"
"""Blue and orange of Okabe and Ito; the paper draws DG blue and RG yellow."""

HOLLOW = f"hollow: off the prompt (below {IN_PERCENT} of the base)"
HOLLOW_CAPTION = (
    " Hollow markers are checkpoints whose share of images that show what was asked is below "
    f"{IN_PERCENT} of the base model's: images of something else are diverse, too."
)

Arguments = ParamSpec("Arguments")

_settings_in_use = threading.Lock()


def drawn(
    draw: Callable[Arguments, tuple[Figure, str]],
) -> Callable[Arguments, DrawnFigure]:
    """Let a function that returns a figure and its caption return a `DrawnFigure`.

    Matplotlib reads its settings while a figure is made and again while it is written, so both
    happen here, and the settings of whoever calls are as before afterwards. They are those of the
    whole process, so threads draw one after another.
    """

    @wraps(draw)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> DrawnFigure:
        with _settings_in_use, rc_context(SETTINGS):  # type: ignore[arg-type]
            figure, caption = draw(*args, **kwargs)
            svg, png = io.StringIO(), io.BytesIO()
            FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
            figure.set_dpi(PIXELS_AN_INCH)
            FigureCanvasAgg(figure).print_png(png)
        return DrawnFigure(svg.getvalue(), png.getvalue(), caption)

    return wrapper


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure, in inches, that belongs to nobody else."""
    return Figure(figsize=(width, height), layout="constrained")


def draw_hollow(axes: Axes, points: pd.DataFrame, x: str, y: str, look: MethodStyle) -> None:
    """Draw markers with a white face over those that are there, for checkpoints off the prompt."""
    if points.empty:
        return
    axes.plot(
        points[x], points[y], ls="none", marker=look.marker, ms=6, mfc="white", mec=look.colour,
        zorder=4.5,
    )  # fmt: skip


def name_hollow(axes: Axes) -> None:
    """Say in the legend what markers with a white face are."""
    axes.plot([], [], ls="none", marker="o", ms=6, mfc="white", mec=GREY, label=HOLLOW)


def legend_below(figure: Figure, axes: Axes, columns: int = 5) -> None:
    """Draw one legend for all panels, under them."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def reward_label(analyze: Analyze, reward: str) -> str:
    """Label the axis of normalised rewards, with its unit and which end is good."""
    return f"{analyze.rewards[reward].label}, normalised (share of its bounds) →"


def diversity_label(analyze: Analyze, measure: str) -> str:
    """Label the axis of a diversity measure, with its unit and which end is good."""
    units = {
        "recall": "share of the base's images",
        "vendi": "effective number of images",
        "bits": "bits within a prompt",
    }
    unit = units.get(analyze.measures[measure].metric, "mean squared distance")
    return f"{analyze.measures[measure].label} ({unit}) →"
