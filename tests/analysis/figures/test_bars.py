"""Gains as bars."""

import io

from analysis import synthetic
from matplotlib import rcParams
from PIL import Image

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import compute_all_gains
from drift_pipeline.analysis.figures import style
from drift_pipeline.analysis.figures.bars import draw_bars


def test_figures_leave_matplotlib_as_it_was_and_come_out_the_same(analyze):
    checkpoints = make_checkpoints(synthetic.world(), analyze)
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = analyze.comparisons["main"]
    before = rcParams["font.size"], rcParams["svg.hashsalt"]
    first, second = (draw_bars(gains[gains["comparison"] == "main"], main, analyze) for _ in "12")
    assert first == second
    assert (rcParams["font.size"], rcParams["svg.hashsalt"]) == before
    assert Image.open(io.BytesIO(first.png)).size[0] == 10 * style.PIXELS_AN_INCH


def test_whiskers_show_every_measured_seed(analyze):
    """One of them is expected; the others only are there."""
    assert analyze.comparisons["main"].seeds == [42]
    checkpoints = make_checkpoints(synthetic.world(seeds=(42, 43)), analyze)
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = gains[gains["comparison"] == "main"]
    drawn = draw_bars(main, analyze.comparisons["main"], analyze)
    assert "whiskers from the smallest to the largest" in drawn.caption
    one = draw_bars(main[main["seed"] == 42], analyze.comparisons["main"], analyze)
    assert "whiskers" not in one.caption
