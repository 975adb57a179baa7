"""Reward against diversity, and the lines of the gains."""

from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import REWARD, compute_all_gains
from drift_pipeline.analysis.figures import fronts, style


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


def of_main(checkpoints, analyze):
    gains = compute_all_gains(checkpoints, analyze, "pickscore")
    main = gains[gains["comparison"] == "main"]
    return fronts.draw_fronts(checkpoints, main, analyze.comparisons["main"], analyze, "pickscore")


def test_checkpoints_off_the_prompt_are_hollow_in_every_panel(analyze, white_faces):
    metrics = synthetic.world()
    # The second is on GRPO's front, the last is below both in reward and diversity.
    off = (metrics["run"] == "grpo-pickscore-s42") & metrics["epoch"].isin([20, 40])
    metrics.loc[off & (metrics["encoder"] == "shows_prompt"), "value"] = 0.5
    last = off & (metrics["epoch"] == 40)
    metrics.loc[last & (metrics["encoder"] == "pickscore"), "value"] = 0.1
    checkpoints = make_checkpoints(metrics, analyze)
    grpo = checkpoints[(checkpoints["method"] == "grpo") & (checkpoints["reward"] == "pickscore")]
    grpo = grpo[grpo["epoch"].isin([20, 40])]
    drawn = of_main(checkpoints, analyze)
    assert white_faces(analyze.methods["grpo"].colour) == [
        point
        for measure in analyze.measures
        for point in zip(grpo[REWARD], grpo[measure], strict=True)
    ]
    assert len(white_faces()) == 2 * len(analyze.measures)
    assert white_faces(label=style.HOLLOW) == 1
    assert style.HOLLOW_CAPTION in drawn.caption


def test_a_table_from_before_is_drawn_as_it_was(analyze, white_faces):
    """Without the bits and without the share that shows what was asked."""
    checkpoints = make_checkpoints(synthetic.world(), analyze)
    later = ("bits", "shows_prompt")
    old = checkpoints.drop(columns=[c for c in checkpoints if c.startswith(later)])
    measures = {name: measure for name, measure in analyze.measures.items() if name != "bits"}
    earlier = analyze.model_copy(update={"measures": measures})
    gains = compute_all_gains(old, earlier, "pickscore")
    gains = gains[gains["comparison"] == "main"]
    main = analyze.comparisons["main"]
    drawn, expected = (
        fronts.draw_fronts(old, gains, main, settings, "pickscore")
        for settings in (analyze, earlier)
    )
    assert drawn == expected
    assert "Hollow" not in drawn.caption
    assert white_faces() == []


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
