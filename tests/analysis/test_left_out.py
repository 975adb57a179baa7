"""Measured runs that no comparison takes are named, with what would take them in."""

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.left_out import left_out


@pytest.fixture
def analyze(project_path):
    return synthetic.parameters(project_path)


def test_nothing_is_said_where_everything_is_compared(analyze):
    assert left_out(synthetic.world(seeds=(42, 43)), analyze) == []
    assert left_out(pd.DataFrame(), analyze) == []


@pytest.mark.parametrize(
    ("method", "reward", "remedy"),
    [
        ("drift", "mine", "add `mine: {label: mine}` to analyze.rewards."),
        ("noise", "hpsv2", "add hpsv2 to analyze.comparisons.noise.rewards."),
        ("gardo", "pickscore", 'add `gardo: {label: gardo, colour: "#000000", marker: "o"}` to '
                               "analyze.methods, and gardo to a comparison's `also`, such as "
                               "analyze.comparisons.main"),
    ],
)  # fmt: skip
def test_a_run_that_is_left_out_is_named_with_what_to_add(analyze, method, reward, remedy):
    points = {5: (0.5, 0.2, 0.3, 40.0, 0.6)}
    rows = [row for seed in (1, 2) for row in synthetic.path(method, reward, seed, points)]
    metrics = pd.concat([synthetic.world(), pd.DataFrame(rows)], ignore_index=True)
    (line,) = left_out(metrics, analyze)
    names = f"{method}-{reward}-s1, {method}-{reward}-s2"
    assert line.startswith(f"{names}: left out of the report; to take it in, {remedy}"), line
