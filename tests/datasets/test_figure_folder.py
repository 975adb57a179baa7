"""A folder of figures holds what was saved last."""

from drift_pipeline.analysis.figures.figure import DrawnFigure
from drift_pipeline.datasets import FiguresDataset


def test_figures_leave_no_old_ones(tmp_path):
    figures = FiguresDataset(filepath=str(tmp_path / "figures"))
    old, new = DrawnFigure("<svg/>", b"1", "Old."), DrawnFigure("<svg/>", b"2", "New: λ.")
    figures.save({"old": old})
    figures.save({"new": new})
    assert figures.load() == {"new": new}
    assert sorted(path.name for path in tmp_path.glob("figures/*/*")) == ["new.png", "new.svg"]
