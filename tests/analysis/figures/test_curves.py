"""How runs went."""

import numpy as np
import pandas as pd
from analysis import synthetic
from matplotlib.axes import Axes

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.figures import curves


def test_every_measured_seed_is_drawn(analyze, monkeypatch):
    """One of them is expected; the others only are there."""
    assert analyze.comparisons["main"].seeds == [42]
    plotted = []
    plot = Axes.plot
    monkeypatch.setattr(
        Axes, "plot", lambda *a, **k: plotted.append(k.get("color")) or plot(*a, **k)
    )
    orange = analyze.methods["drift"].colour
    training = pd.DataFrame(
        [
            {"run": run, "epoch": epoch, "reward_mean": 0.5}
            for run in ("drift-pickscore-s42", "drift-pickscore-s43", "drift-pickscore-sharp-s1")
            for epoch in (1, 2)
        ]
    )
    curves.draw_training(training, analyze, "pickscore")
    assert plotted.count(orange) == 2


def test_true_rewards_may_be_absent(analyze):
    table = make_checkpoints(synthetic.world(), analyze)
    assert curves.has_truth(table, "pickscore")
    assert not curves.has_truth(table.assign(true_reward=np.nan), "pickscore")
