import pytest
from analysis import synthetic
from matplotlib.axes import Axes


@pytest.fixture
def analyze(project_path):
    """The project's own parameters."""
    return synthetic.parameters(project_path)


@pytest.fixture
def white_faces(monkeypatch):
    """Where markers with a white face were drawn, of one colour or all; or under which label."""
    drawn, plot = [], Axes.plot

    def noted(axes, x, y, *rest, **how):
        if how.get("mfc") == "white":
            drawn.append((how, [*zip(x, y, strict=True)]))
        return plot(axes, x, y, *rest, **how)

    def found(colour=None, label=None):
        if label is not None:
            return sum(how.get("label") == label for how, _ in drawn)
        return [point for how, points in drawn if colour in (None, how["mec"]) for point in points]

    monkeypatch.setattr(Axes, "plot", noted)
    return found
