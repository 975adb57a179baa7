"""The best front beside the checkpoints."""

import math

import numpy as np
import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.best import SURE, agreeing, best_at, make_best, with_share_of_best
from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import REWARD, compute_all_gains
from drift_pipeline.analysis.figures import fronts, references
from drift_pipeline.analysis.report.text_tables import table_1_as_text
from drift_pipeline.analysis.table_1 import make_table


def estimated(protocol="p1", best_for="pickscore") -> pd.DataFrame:
    """A straight front: DreamSim falls from 0.75 by half of what the reward rises from 0.25."""
    rows = []
    for beta, effective, reward in (
        (4.0, 300, 0.25),
        (1.0, 100, 0.45),
        (0.5, 20, 0.65),
        (0.2, 4, 0.85),
    ):
        known = {"best_for": best_for, "beta": beta, "effective": effective, "protocol": protocol}
        values = {
            ("dreamsim", "dreamsim"): 0.75 - 0.5 * (reward - 0.25),
            ("clip", "openclip"): 0.3 - 0.2 * (reward - 0.25),
            ("bits", "all"): 5.0,
            ("bits", "coat"): 1.0,
            ("reward_normalised", "pickscore"): reward,
            ("reward_normalised", "hpsv2"): 0.3,
        }
        rows += [
            {**known, "metric": metric, "encoder": encoder, "value": value}
            for (metric, encoder), value in values.items()
        ]
    return pd.DataFrame(rows)


@pytest.fixture
def checkpoints(analyze):
    return make_checkpoints(synthetic.world(), analyze)


def test_a_point_has_the_columns_of_a_checkpoint(checkpoints, analyze):
    best = make_best(estimated(), analyze)
    assert best["reward"].unique().tolist() == ["pickscore"]
    assert best[REWARD].tolist() == [0.25, 0.45, 0.65, 0.85]
    assert best["dreamsim"].tolist() == pytest.approx([0.75, 0.65, 0.55, 0.45])
    assert best["bits"].tolist() == [5.0] * 4
    assert "recall" not in best and "vendi" not in best


def test_between_points_it_is_straight_and_beyond_the_sure_ones_unknown(checkpoints, analyze):
    best = make_best(estimated(), analyze)
    found = best_at(best, "dreamsim", pd.Series([0.1, 0.25, 0.55, 0.66], index=[7, 8, 9, 10]))
    assert found.index.tolist() == [7, 8, 9, 10]
    assert found.iloc[:3].tolist() == pytest.approx([0.75, 0.75, 0.6])
    assert math.isnan(found.iloc[3])
    assert best_at(best, "vendi", pd.Series([0.5])).isna().all()


def test_a_checkpoint_knows_its_share_of_the_best(checkpoints, analyze):
    shared = with_share_of_best(checkpoints, make_best(estimated(), analyze), analyze)
    mine = shared[(shared["reward"] == "pickscore") & (shared[REWARD] <= 0.65)]
    expected = mine["dreamsim"] / (0.75 - 0.5 * (mine[REWARD] - 0.25).clip(lower=0))
    assert mine["of_best"].tolist() == pytest.approx(expected.tolist())
    assert shared.loc[shared["reward"] == "hpsv2", "of_best"].isna().all()
    gains = compute_all_gains(shared, analyze, "pickscore")
    header = table_1_as_text(make_table(shared, gains, analyze, "pickscore"), analyze).header
    assert any("best front" in name for name in header)
    other = table_1_as_text(make_table(shared, gains, analyze, "hpsv2"), analyze).header
    assert not any("best front" in name for name in other)


@pytest.fixture
def judged():
    """Metrics and an estimate that say by whom they were judged."""
    told = {"judge": "j", "base": "b"}
    return synthetic.world().assign(**told), estimated().assign(**told)


def test_an_estimate_made_as_the_runs_were_is_kept(judged, caplog):
    metrics, best = judged
    assert agreeing(best, metrics, "it").equals(best)
    # tables from before judges were noted agree by their protocol
    assert agreeing(best, metrics.drop(columns=["judge", "base"]), "it").equals(best)
    assert agreeing(pd.DataFrame(), metrics, "it").empty
    assert not caplog.text


@pytest.mark.parametrize("column", ["judge", "base", "protocol"])
def test_an_estimate_by_others_is_left_out_and_said_to_be(judged, column, caplog):
    metrics, best = judged
    one = best.copy()
    one.loc[one.index[0], column] = "another"
    assert agreeing(one, metrics, "it").empty
    assert "it was measured with other prompts" in caplog.text


def test_what_no_run_was_measured_by_needs_no_agreement(judged):
    metrics, best = judged
    extra = best.iloc[:1].assign(metric="distance_other", judge="another")
    both = pd.concat([best, extra], ignore_index=True)
    assert len(agreeing(both, metrics, "it")) == len(both)


def test_without_an_estimate_there_is_none(checkpoints, analyze):
    best = make_best(pd.DataFrame(), analyze)
    assert best.empty
    assert with_share_of_best(checkpoints, best, analyze)["of_best"].isna().all()
    drawn, without = (draw(checkpoints, analyze, given) for given in (best, None))
    assert drawn == without and "best front" not in drawn.caption


def draw(checkpoints, analyze, best):
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = gains[gains["comparison"] == "main"]
    return fronts.draw_fronts(
        checkpoints, main, analyze.comparisons["main"], analyze, "pickscore", best
    )


def test_fronts_draw_it_dashed_where_few_images_carry_it(checkpoints, analyze):
    lines = []

    class Axes:
        def plot(self, x, y, label=None, ls="-", **look):
            lines.append((np.round(x, 2).tolist(), np.round(y, 3).tolist(), label, ls))

    best = make_best(estimated(), analyze)
    references.draw_best(Axes(), best, "dreamsim")
    (solid, dashed) = lines
    assert solid[:2] == ([0.25, 0.45, 0.65], [0.75, 0.65, 0.55]) and "best front" in solid[2]
    assert dashed[:2] == ([0.65, 0.85], [0.55, 0.45]) and dashed[3] != "-"
    drawn = draw(checkpoints, analyze, best)
    assert "Eq. 4" in drawn.caption and f"{SURE:g} images" in drawn.caption
