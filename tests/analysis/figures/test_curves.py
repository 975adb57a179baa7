"""How runs went."""

import numpy as np
import pandas as pd
import pytest
from analysis import synthetic
from matplotlib.axes import Axes

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.figures import curves, style


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
    checkpoints = make_checkpoints(synthetic.world(), analyze)
    curves.draw_training(training, checkpoints, analyze, "pickscore")
    assert plotted.count(orange) == 2


def strayed(shows: float) -> pd.DataFrame:
    """GRPO's last of two checkpoints shows what was asked in a share of its images."""
    points = synthetic.trade(0.4, 0.8, epochs=(1, 2))
    rows = [
        *synthetic.base(true=0.4),
        *synthetic.path("drift", "pickscore", 42, points, true=0.5),
        *synthetic.path("grpo", "pickscore", 42, {1: points[1]}, true=0.5),
        *synthetic.path("grpo", "pickscore", 42, {2: points[2]}, true=0.6, shows=shows),
    ]
    return pd.DataFrame(rows)


TRAINING = pd.DataFrame(
    [
        {"run": f"{method}-pickscore-s42", "epoch": epoch, "diversity": 1 / epoch}
        for method in ("grpo", "drift")
        for epoch in (1, 2, 3)
    ]
)


def draw(what, checkpoints, analyze):
    if what == "training":
        return curves.draw_training(TRAINING, checkpoints, analyze, "pickscore")
    return getattr(curves, f"draw_{what}")(checkpoints, analyze, "pickscore")


@pytest.mark.parametrize("what", ["training", "costs", "truth"])
def test_checkpoints_off_the_prompt_are_hollow(analyze, white_faces, what):
    checkpoints = make_checkpoints(strayed(0.5), analyze)
    last = checkpoints[(checkpoints["method"] == "grpo") & (checkpoints["epoch"] == 2)].iloc[0]
    reward, diversity = last["reward_normalised"], last["dreamsim"]
    expected = {
        "training": [(2, 1 / 2)],
        "costs": [(cost, y) for y in (reward, diversity) for cost in (512, 17.0)],
        "truth": [(reward, 0.6), (reward, 0.5)],
    }
    drawn = draw(what, checkpoints, analyze)
    assert white_faces(analyze.methods["grpo"].colour) == expected[what]
    assert white_faces(analyze.methods["drift"].colour) == []
    assert white_faces(label=style.HOLLOW) == 1
    assert style.HOLLOW_CAPTION in drawn.caption


@pytest.mark.parametrize("what", ["training", "costs", "truth"])
def test_nothing_is_hollow_above_the_bound_or_where_nobody_knows(analyze, white_faces, what):
    kept = make_checkpoints(strayed(0.9 * 0.97 + 0.001), analyze)
    assert style.HOLLOW_CAPTION in draw(what, kept, analyze).caption
    unknown = kept.drop(columns=["shows_prompt"])
    assert style.HOLLOW_CAPTION not in draw(what, unknown, analyze).caption
    unasked = analyze.model_copy(update={"asked": None})
    assert style.HOLLOW_CAPTION not in draw(what, kept, unasked).caption
    assert white_faces() == [] and white_faces(label=style.HOLLOW) == 0


def test_true_rewards_may_be_absent(analyze):
    table = make_checkpoints(synthetic.world(), analyze)
    assert curves.has_truth(table, analyze, "pickscore")
    untold = table.assign(true_reward=np.nan)
    assert curves.has_truth(untold, analyze, "pickscore")  # by what was asked
    one_panel, two_panels = (draw("truth", one, analyze).svg for one in (untold, table))
    assert "true reward" in two_panels and "true reward" not in one_panel
    assert not curves.has_truth(untold.assign(shows_prompt=np.nan), analyze, "pickscore")
    unasked = analyze.model_copy(update={"asked": None})
    assert not curves.has_truth(untold, unasked, "pickscore")
