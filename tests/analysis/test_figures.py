import io

import numpy as np
import pandas as pd
import pytest
from analysis import synthetic
from matplotlib import rcParams
from matplotlib.axes import Axes
from PIL import Image

from drift_pipeline.analysis import curves, fronts, style
from drift_pipeline.analysis.bars import draw_bars
from drift_pipeline.analysis.collapse import Projection, region_area
from drift_pipeline.analysis.comparison import compute_all_gains
from drift_pipeline.analysis.grids import draw_grid, pick_checkpoints, pick_prompts, row_label
from drift_pipeline.analysis.measured import make_checkpoints
from drift_pipeline.analysis.shown import spread

BOX = np.array([[-8.0, -8.0], [8.0, 8.0]])


def test_the_region_of_a_gaussian_has_its_known_area():
    points = np.random.default_rng(0).normal(size=(4000, 2))
    # Half of a standard normal's mass lies within r² = 2 ln 2.
    assert region_area(points, 0.5, BOX) == pytest.approx(2 * np.pi * np.log(2), rel=0.12)
    assert region_area(points / 2, 0.5, BOX) == pytest.approx(np.pi * np.log(2) / 2, rel=0.12)


def test_coinciding_pictures_have_no_area():
    assert region_area(np.ones((20, 2)), 0.9, BOX) == 0.0


def test_the_projection_keeps_the_base_models_main_directions():
    random = np.random.default_rng(0)
    spreads = np.array([0.1, 3.0, 0.1, 1.0])
    rows = [
        {"prompt": prompt, "vector": 50 * centre + spreads * random.normal(size=4)}
        for prompt, centre in (("cat", np.eye(4)[0]), ("dog", np.eye(4)[2]))
        for _ in range(300)
    ]
    table = pd.DataFrame(rows)
    project = Projection.fit(table)
    # Prompts lie far apart along the first and third axis, which must not matter.
    assert np.abs(project.axes[0]) == pytest.approx([0, 1, 0, 0], abs=0.1)
    assert np.abs(project.axes[1]) == pytest.approx([0, 0, 0, 1], abs=0.1)
    assert project(table).mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert project(table).std(axis=0) == pytest.approx([3, 1], rel=0.1)
    assert project(table.assign(prompt="fox")).shape == (0, 2)


def test_epochs_are_spread_to_the_last():
    assert spread([1, 2, 3, 4, 5, 6], 3) == [2, 4, 6]
    assert spread([5, 10], 3) == [5, 10]
    assert spread([], 3) == []


def test_grids_take_the_checkpoints_of_like_reward(analyze):
    rows = [
        *synthetic.base(),
        *synthetic.path("grpo", "pickscore", 42, {
            10: (0.6, 0.2, 0.5, 60.0, 0.5), 20: (0.5, 0.2, 0.5, 50.0, 0.72),
            30: (0.4, 0.2, 0.5, 40.0, 0.9),
        }),
        *synthetic.path("drift", "pickscore", 42, {
            10: (0.7, 0.2, 0.5, 60.0, 0.4), 20: (0.6, 0.2, 0.5, 50.0, 0.7),
        }),
    ]  # fmt: skip
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    chosen = pick_checkpoints(table, analyze.comparisons["main"], "pickscore")
    assert [*zip(chosen["method"], chosen["epoch"], strict=True)] == [("grpo", 20), ("drift", 20)]
    assert row_label(chosen.iloc[1], analyze) == "DRIFT\nepoch 20, reward 0.700"
    assert pick_checkpoints(table, analyze.comparisons["main"], "hpsv2").empty


def test_prompts_that_are_not_there_are_replaced_only_where_none_is():
    assert pick_prompts(["a", "b", "c"], ["c", "x"]) == ["c"]
    assert pick_prompts(["a", "b", "c"], ["x", "y"]) == ["a", "b"]


def picture(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": "x.png"}


def test_a_grid_shows_the_same_seeds_in_every_row():
    red, blue = (213, 10, 20), (20, 10, 213)
    rows = {
        "base": pd.DataFrame({"seed": [3, 1, 2], "image": [picture(red)] * 3}),
        "drift": pd.DataFrame({"seed": [2, 3, 9], "image": [picture(blue)] * 3}),
    }
    drawn = draw_grid({"a cat": rows}, {"base": "Base", "drift": "DRIFT"}, images=8)
    pixels = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB")).astype(int)
    area = [int((np.abs(pixels - colour).max(axis=2) < 12).sum()) for colour in (red, blue)]
    side = style.PIXELS_AN_INCH * 0.92 * 32 / 34  # a pixel of white on each side
    # Seeds 2 and 3 are in both rows: two pictures each.
    assert area == pytest.approx([2 * side**2] * 2, rel=0.05)


def test_figures_leave_matplotlib_as_it_was_and_come_out_the_same(analyze):
    checkpoints = make_checkpoints(synthetic.world(), analyze)
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = analyze.comparisons["main"]
    before = rcParams["font.size"], rcParams["svg.hashsalt"]
    first, second = (draw_bars(gains[gains["comparison"] == "main"], main, analyze) for _ in "12")
    assert first == second
    assert (rcParams["font.size"], rcParams["svg.hashsalt"]) == before
    assert Image.open(io.BytesIO(first.png)).size[0] == 10 * style.PIXELS_AN_INCH


def test_fronts_draw_the_lines_of_the_most_rewarded_baseline(analyze, monkeypatch):
    said = []
    monkeypatch.setattr(fronts, "_say", lambda axes, text, *place: said.append(text))
    checkpoints = make_checkpoints(synthetic.world(), analyze)
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    mine = gains[gains["comparison"] == "main"]
    drawn = fronts.draw_fronts(checkpoints, mine, analyze.comparisons["main"], analyze, "pickscore")
    over_grpo = mine[mine["baseline"] == "grpo"].set_index("measure")["gain"]
    expected = {f"DG {100 * over_grpo[measure]:+.1f} %" for measure in analyze.measures}
    assert {*said} == expected | {f"RG {100 * over_grpo['reward_normalised']:+.1f} %"}
    assert "GRPO (seed 42)" in drawn.caption


def test_every_measured_seed_is_drawn(analyze, monkeypatch):
    """One of them is expected; the others only are there."""
    assert analyze.comparisons["main"].seeds == [42]
    checkpoints = make_checkpoints(synthetic.world(seeds=(42, 43)), analyze)
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
    plotted.clear()
    curves.draw_training(training, analyze, "pickscore")
    assert plotted.count(orange) == 2
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = gains[gains["comparison"] == "main"]
    drawn = draw_bars(main, analyze.comparisons["main"], analyze)
    assert "whiskers from the smallest to the largest" in drawn.caption
    one = draw_bars(main[main["seed"] == 42], analyze.comparisons["main"], analyze)
    assert "whiskers" not in one.caption


def test_fronts_without_gains_say_so(analyze):
    metrics = synthetic.world()
    metrics = metrics[~metrics["method"].isin(["drift"])]
    checkpoints = make_checkpoints(metrics, analyze)
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    drawn = fronts.draw_fronts(
        checkpoints, gains[gains["comparison"] == "main"], analyze.comparisons["main"], analyze,
        "pickscore",
    )  # fmt: skip
    assert "no DG or RG line is drawn" in drawn.caption


def test_true_rewards_may_be_absent(analyze):
    table = make_checkpoints(synthetic.world(), analyze)
    assert curves.has_truth(table, "pickscore")
    assert not curves.has_truth(table.assign(true_reward=np.nan), "pickscore")
