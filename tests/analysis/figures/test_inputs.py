"""Which checkpoints the figures show."""

from drift_pipeline.analysis.figures.inputs import spread


def test_epochs_are_spread_to_the_last():
    assert spread([1, 2, 3, 4, 5, 6], 3) == [2, 4, 6]
    assert spread([5, 10], 3) == [5, 10]
    assert spread([], 3) == []
