"""The fronts that need no training, beside the checkpoints that did."""

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import REWARD, compute_all_gains
from drift_pipeline.analysis.figures import fronts, references
from drift_pipeline.analysis.free import make_free


@pytest.fixture
def checkpoints(analyze):
    return make_checkpoints(synthetic.world(), analyze)


def blended(points, seed=42):
    """Rows of GRPO's last checkpoint, blended; `points` maps names to DreamSim and reward."""
    tables = []
    for name, (dreamsim, reward) in points.items():
        values = {**synthetic.BASE, "dreamsim": dreamsim, "reward": reward}
        rows = synthetic.checkpoint("grpo", "pickscore", seed, 40, values)
        tables.append(pd.DataFrame(rows).assign(blend=name))
    return pd.concat(tables, ignore_index=True)


POINTS = {"anneal_1": (0.4, 0.7), "from_3": (0.6, 0.5), "from_1": (0.35, 0.6)}


def test_a_front_goes_from_the_base_model_to_the_checkpoint_itself(checkpoints, analyze):
    free = make_free(blended(POINTS), checkpoints, analyze)
    assert free["blend"].tolist() == ["", "from_3", "from_1", "anneal_1", ""]
    assert free[REWARD].tolist() == pytest.approx([0.25, 0.5, 0.6, 0.7, 0.88])
    last = checkpoints[(checkpoints["run"] == "grpo-pickscore-s42") & (checkpoints["epoch"] == 40)]
    assert free["dreamsim"].tolist() == pytest.approx(
        [0.75, 0.6, 0.35, 0.4, last["dreamsim"].iloc[0]]
    )
    assert {*free["method"]} == {"grpo"} and {*free["seed"]} == {42}
    assert free["vendi"].notna().all() and free["shows_prompt"].notna().all()


def test_blends_of_an_earlier_checkpoint_are_left_out_and_said_to_be(checkpoints, analyze, caplog):
    earlier = blended(POINTS).assign(epoch=30)
    assert make_free(earlier, checkpoints, analyze).empty
    assert "not of its last epoch" in caplog.text


@pytest.mark.parametrize("missing", ["everything", "reward_normalised"])
def test_without_blends_or_their_rewards_there_is_none(checkpoints, analyze, missing):
    table = blended(POINTS)
    table = pd.DataFrame() if missing == "everything" else table[table["metric"] != missing]
    free = make_free(table, checkpoints, analyze)
    assert free.empty
    assert draw(checkpoints, analyze, free) == draw(checkpoints, analyze, None)


def draw(checkpoints, analyze, free):
    return drawn_for("main", checkpoints, analyze, free)


def test_the_line_joins_what_none_dominates(checkpoints, analyze, monkeypatch):
    lines = []

    class Axes:
        def get_legend_handles_labels(self):
            return [], []

        def plot(self, x, y, label=None, ls="-", **look):
            lines.append(([*x], [*y], label, ls))

    free = make_free(blended(POINTS), checkpoints, analyze)
    references.draw_free(Axes(), free, "dreamsim", analyze)
    points, line = lines
    assert points[0] == pytest.approx([0.25, 0.5, 0.6, 0.7, 0.88]) and points[3] == "none"
    assert line[0] == pytest.approx([0.25, 0.5, 0.7, 0.88]) and line[3] == ":"
    assert line[2] == "GRPO, blended with the base"
    assert "needs no training" in draw(checkpoints, analyze, free).caption


def test_noise_while_drawing_is_shown_where_the_compared_method_has_it(checkpoints, analyze):
    of_grpo = blended({**POINTS, "noisy": (0.38, 0.86)})
    of_noise = blended({"noisy": (0.4, 0.8)}).assign(method="noise", run="noise-pickscore-s42")
    free = make_free(pd.concat([of_grpo, of_noise]), checkpoints, analyze)
    main, noise = (analyze.comparisons[name] for name in ("main", "noise"))
    blends, crosses = references.apart(free, main)
    assert {*blends["blend"]} == {"", *POINTS} and crosses.empty
    blends, crosses = references.apart(free, noise)
    assert {*blends["method"]} == {"grpo"} and len(blends) == len(POINTS) + 2
    # Each method's last checkpoint without and with noise; the base model is not among them.
    assert crosses.groupby("method")["blend"].agg(set).to_dict() == {
        "grpo": {"", "noisy"},
        "noise": {"", "noisy"},
    }
    assert "Figure 9" in drawn_for("noise", checkpoints, analyze, free).caption
    assert "Figure 9" not in draw(checkpoints, analyze, free).caption


def drawn_for(name, checkpoints, analyze, free):
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    gains = gains[gains["comparison"] == name]
    comparison = analyze.comparisons[name]
    return fronts.draw_fronts(checkpoints, gains, comparison, analyze, "pickscore", None, free)
