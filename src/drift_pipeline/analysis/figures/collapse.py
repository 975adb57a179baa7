"""Figure 2: how the embeddings of a prompt's images draw together while a model is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from drift_pipeline.analysis.figures import style
from drift_pipeline.config.analysis import MethodStyle

GRID = 90
"""Points per side at which the density is computed."""
MASSES = (0.9, 0.5)
"""Shares of the images that the contours enclose."""


@dataclass(frozen=True)
class Projection:
    """Two directions in which the base model's images of one prompt vary most.

    Attributes:
        centres: Mean embedding of the base model by prompt, each `(d,)`.
        axes: Principal directions, `(2, d)`, orthonormal.
    """

    centres: dict[str, np.ndarray]
    axes: np.ndarray

    @classmethod
    def fit(cls, base: pd.DataFrame) -> Projection:
        """Fit it to the base model's embeddings.

        What differs from prompt to prompt is taken away first: animals lie far apart, and it is
        the variety within a prompt that collapses.

        Args:
            base: One row per image: `prompt`, `vector`.
        """
        centres = {
            str(prompt): np.stack(list(group)).mean(axis=0)
            for prompt, group in base.groupby("prompt")["vector"]
        }
        rest = _stack(base) - np.stack([centres[str(p)] for p in base["prompt"]])
        directions = np.linalg.svd(rest, full_matrices=False)[2]
        return cls(centres, directions[:2])

    def __call__(self, embeddings: pd.DataFrame) -> np.ndarray:
        """Project embeddings of any model, `(n, 2)`; prompts that the base lacks are left out."""
        known = embeddings[embeddings["prompt"].isin([*self.centres])]
        if known.empty:
            return np.empty((0, 2))
        return (_stack(known) - np.stack([self.centres[str(p)] for p in known["prompt"]])) @ (
            self.axes.T
        )


def region_area(density: np.ndarray | None, mass: float, box: np.ndarray) -> float:
    """Compute the area of the smallest region that holds a share of an estimated density.

    Args:
        density: As `estimate_density` gives it.
        mass: The share, in (0, 1).
        box: Lower and upper corner of the area that the density covers, `(2, 2)`.

    Returns:
        The area in squared units of the box; 0 where there is no density.
    """
    if density is None:
        return 0.0
    cell = float(np.prod((box[1] - box[0]) / (GRID - 1)))
    return cell * int((density >= _level(density, mass)).sum())


def estimate_density(points: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """Estimate the density of points with Gaussian kernels.

    Args:
        points: `(n, 2)`.
        box: Lower and upper corner of the area that is covered, `(2, 2)`.

    Returns:
        The density on a grid over the box, `(GRID, GRID)`; None where the points lie on one point
        or line.
    """
    from scipy.stats import gaussian_kde

    try:
        estimate = gaussian_kde(points.T)
    except (np.linalg.LinAlgError, ValueError):
        return None
    x, y = (np.linspace(box[0, i], box[1, i], GRID) for i in (0, 1))
    grid = np.stack([part.ravel() for part in np.meshgrid(x, y)])
    values: np.ndarray = estimate(grid)
    return values.reshape(GRID, GRID)


@style.drawn
def draw_collapse(
    rows: list[tuple[MethodStyle, list[tuple[str, pd.DataFrame]]]], base: pd.DataFrame, encoder: str
) -> tuple[Figure, str]:
    """Draw density contours, one row per method and one column per checkpoint.

    Args:
        rows: The methods' styles and their checkpoints: a title and one row per image
            (`prompt`, `vector`), in order of training.
        base: The same of the base model.
        encoder: Name of the encoder.
    """
    project = Projection.fit(base)
    start = project(base)
    clouds = [[(title, project(table)) for title, table in points] for _, points in rows]
    box = _box([start, *(cloud for row in clouds for _, cloud in row)])
    columns = 1 + max(len(row) for row in clouds)
    figure = style.new_figure(2.6 * columns, 2.7 * len(rows) + 0.3)
    panels = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    first = estimate_density(start, box)
    whole = region_area(first, MASSES[0], box)
    for (look, _), row, line in zip(rows, clouds, panels, strict=True):
        for axes, (title, cloud) in zip(line, [("base model", start), *row], strict=False):
            density = first if cloud is start else estimate_density(cloud, box)
            _contours(axes, start, first, box, style.GREY, filled=False)
            _contours(axes, cloud, density, box, look.colour, filled=True)
            share = region_area(density, MASSES[0], box) / whole if whole else np.nan
            axes.set_title(f"{title}\narea {share:.2f}", fontsize=9)
            axes.grid(visible=False)
        for axes in line[1 + len(row) :]:
            axes.set_axis_off()
        line[0].set_ylabel(f"{look.label}\nsecond component")
    for axes in panels[-1]:
        axes.set_xlabel("first component")
    return figure, (
        f"Embeddings ({encoder}) of all prompts' images, each less the base model's mean for its "
        "prompt, projected on the base model's first two principal components. Contours of a "
        "Gaussian kernel density enclose 50 % and 90 % of it; grey lines are the base model's. "
        "“area” is that of the 90 % region as a share of the base model's: less is collapse."
    )


def _stack(table: pd.DataFrame) -> np.ndarray:
    return np.stack(list(table["vector"])).astype(np.float64)


def _box(clouds: list[np.ndarray]) -> np.ndarray:
    points = np.concatenate(clouds)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * np.maximum(high - low, 1e-6)
    return np.stack([low - margin, high + margin])


def _level(density: np.ndarray, mass: float) -> float:
    """Find the height above which the grid holds this share of the density."""
    heights = np.sort(density.ravel())[::-1]
    held = np.cumsum(heights) / heights.sum()
    return float(heights[int(np.searchsorted(held, mass))])


def _contours(
    axes: Axes, points: np.ndarray, density: np.ndarray | None, box: np.ndarray, colour: str,
    filled: bool,
) -> None:  # fmt: skip
    x, y = (np.linspace(box[0, i], box[1, i], GRID) for i in (0, 1))
    levels = [] if density is None else [_level(density, mass) for mass in MASSES]
    if density is None or not levels[0] < levels[1] < density.max():
        # Too narrow for the grid, or no density at all: show where the images lie.
        axes.plot(points[:, 0], points[:, 1], ".", color=colour)
        return
    if filled:
        axes.contourf(
            x, y, density, [*levels, density.max()], colors=[f"{colour}55", f"{colour}bb"]
        )
    axes.contour(
        x, y, density, levels, colors=colour, linewidths=1.2 if filled else 0.8,
        linestyles="solid" if filled else "dashed",
    )  # fmt: skip
