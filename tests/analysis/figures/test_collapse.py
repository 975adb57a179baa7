"""How the embeddings draw together: the area they take, and the plane they are shown in."""

import numpy as np
import pandas as pd
import pytest

from drift_pipeline.analysis.figures.collapse import Projection, estimate_density, region_area

BOX = np.array([[-8.0, -8.0], [8.0, 8.0]])


def area_of(points, mass):
    return region_area(estimate_density(points, BOX), mass, BOX)


def test_the_region_of_a_gaussian_has_its_known_area():
    points = np.random.default_rng(0).normal(size=(4000, 2))
    # Half of a standard normal's mass lies within r² = 2 ln 2.
    assert area_of(points, 0.5) == pytest.approx(2 * np.pi * np.log(2), rel=0.12)
    assert area_of(points / 2, 0.5) == pytest.approx(np.pi * np.log(2) / 2, rel=0.12)


def test_coinciding_pictures_have_no_area():
    assert area_of(np.ones((20, 2)), 0.9) == 0.0


def test_the_projection_keeps_the_base_models_main_directions():
    random = np.random.default_rng(0)
    spreads = np.array([0.1, 3.0, 0.1, 1.0])
    rows = [
        {"prompt": prompt, "vector": 50 * centre + spreads * random.normal(size=4)}
        for prompt, centre in (("cat", np.eye(4)[0]), ("dog", np.eye(4)[2]))
        for _ in range(300)
    ]
    table = pd.DataFrame(rows)
    project = Projection.fit(table)
    # Prompts lie far apart along the first and third axis, which must not matter.
    assert np.abs(project.axes[0]) == pytest.approx([0, 1, 0, 0], abs=0.1)
    assert np.abs(project.axes[1]) == pytest.approx([0, 0, 0, 1], abs=0.1)
    assert project(table).mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert project(table).std(axis=0) == pytest.approx([3, 1], rel=0.1)
    assert project(table.assign(prompt="fox")).shape == (0, 2)
