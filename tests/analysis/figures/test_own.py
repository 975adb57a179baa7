"""Figures of one's own: what is asked of their functions, and what is said where they fail."""

import pytest
from analysis import synthetic
from matplotlib.figure import Figure

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.figures.own import draw_own
from drift_pipeline.common.errors import ConfigurationError

SEEN = []


@pytest.fixture
def checkpoints(project_path):
    return make_checkpoints(synthetic.world(), synthetic.parameters(project_path))


def seeing(checkpoints, analyze):
    SEEN.append(checkpoints)
    return Figure(), f"of {analyze.methods['drift'].label}"


def without_a_caption(checkpoints, analyze):
    return Figure()


def draw(project_path, checkpoints, path):
    analyze = synthetic.parameters(project_path, figures={"mine": path})
    return draw_own(checkpoints, analyze, "pickscore")


def test_a_function_sees_the_checkpoints_of_one_reward(project_path, checkpoints):
    SEEN.clear()
    drawn = draw(project_path, checkpoints, f"{__name__}.seeing")
    assert drawn["mine"].caption == "of DRIFT"
    assert drawn["mine"].svg.startswith("<?xml")
    (seen,) = SEEN
    assert {*seen["reward"]} == {"pickscore"}
    assert len(seen) == (checkpoints["reward"] == "pickscore").sum()
    seen["run"] = "changed"  # harms nobody
    assert "changed" not in {*checkpoints["run"]}


def test_without_trained_runs_there_is_nothing_to_draw(project_path, checkpoints):
    alone = checkpoints[checkpoints["method"] == "base"]
    assert draw(project_path, alone, f"{__name__}.without_a_caption") == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("without_a_caption", r"must return a Matplotlib figure and its caption; it returned Fig"),
        ("nowhere", r"analyze\.figures\.mine: cannot import"),
    ],
)
def test_what_is_no_figure_is_named(project_path, checkpoints, name, said):
    with pytest.raises(ConfigurationError, match=said) as error:
        draw(project_path, checkpoints, f"{__name__}.{name}")
    assert "\n" not in str(error.value)
