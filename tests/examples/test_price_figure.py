import pandas as pd
import pytest
from analysis import synthetic
from price_figure import draw


def test_points_are_what_was_gained_and_lost(project_path):
    analyze = synthetic.parameters(project_path)
    rows = [("base", "base", 0.5, 0.2), ("drift", "a", 0.4, 0.5), ("grpo", "b", 0.1, 0.7)]
    columns = ["method", "run", "dreamsim", "reward_normalised"]
    figure, caption = draw(pd.DataFrame(rows, columns=columns), analyze)
    (axes,) = figure.axes
    points = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert points == {
        "DRIFT": [pytest.approx([0.3, 20.0])],
        "GRPO": [pytest.approx([0.5, 80.0])],
    }
    assert caption.startswith("DreamSim diversity")
