"""Reward against diversity, and the lines of the gains."""

from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import compute_all_gains
from drift_pipeline.analysis.figures import fronts


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
