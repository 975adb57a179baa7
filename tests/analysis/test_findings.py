import pandas as pd
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import compute_all_gains
from drift_pipeline.analysis.findings import find

GOOD = {10: (0.7, 0.25, 0.9, 70.0, 0.4), 40: (0.6, 0.22, 0.7, 65.0, 0.95)}
POOR = {10: (0.6, 0.20, 0.6, 60.0, 0.35), 40: (0.4, 0.10, 0.2, 40.0, 0.80)}


def found(analyze, drift=GOOD, grpo=POOR, **options):
    """What is found of the main comparison under PickScore with two runs."""
    rows = [
        *synthetic.base(true=0.4 if options else None),
        *synthetic.path("drift", "pickscore", 42, drift),
        *synthetic.path("grpo", "pickscore", 42, grpo, **options),
    ]
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    gains = pd.concat([compute_all_gains(table, analyze, r) for r in analyze.rewards])
    return [f for f in find(table, gains, analyze) if f.reward != "hpsv2"]


def texts(findings, kind):
    return [finding.text for finding in findings if finding.kind == kind]


def test_a_clear_win_gives_no_loss(analyze):
    findings = found(analyze)
    assert {finding.kind for finding in findings} == {"missing", "caution"}


def test_missing_runs_are_listed(analyze):
    (text,) = texts(found(analyze), "missing")
    assert text.startswith("6 of the 9 runs")
    assert "ddpo-pickscore-s42" in text and "grpo_kl-hpsv2-s42" in text
    assert "drift-pickscore-s42" not in text


def test_a_measure_below_the_baseline_is_a_loss(analyze):
    worse = {**GOOD, 40: (0.6, 0.22, 0.1, 65.0, 0.95)}
    (text,) = texts(found(analyze, drift=worse), "loss")
    assert text.startswith("DRIFT against GRPO: at equal reward, or diversity, below the baseline")
    assert "Generalized recall in seed 42 (worst -50.00 %)" in text and "Vendi" not in text


def test_a_baseline_that_went_farther_is_named(analyze):
    slow = {10: (0.7, 0.25, 0.9, 70.0, 0.3), 40: (0.6, 0.22, 0.7, 65.0, 0.7)}
    findings = found(analyze, drift=slow)
    (text,) = texts(findings, "beyond")
    assert "GRPO comes to a normalised reward that DRIFT never has (0.8000" in text
    assert "DRIFT has 0.7000 at most" in text and "where GRPO has 0.3500" in text


def test_a_baseline_that_fell_back_is_named_by_where_it_had_been(analyze):
    """It ends within our reach, and had gone beyond it before."""
    findings = found(
        analyze,
        drift={40: (0.6, 0.22, 0.7, 65.0, 0.7)},
        grpo={
            10: (0.6, 0.2, 0.5, 60.0, 0.6),
            20: (0.4, 0.1, 0.3, 40.0, 0.9),
            40: (0.3, 0.1, 0.2, 30.0, 0.65),
        },
    )
    (text,) = texts(findings, "beyond")
    assert "(0.9000, where" in text and "compared where GRPO has 0.6500" in text
    within = found(
        analyze,
        drift={40: (0.6, 0.22, 0.7, 65.0, 0.7)},
        grpo={
            10: (0.6, 0.2, 0.5, 60.0, 0.6),
            20: (0.5, 0.2, 0.4, 50.0, 0.65),
            40: (0.3, 0.1, 0.2, 30.0, 0.5),
        },
    )
    assert texts(within, "beyond") == []


def test_a_reward_that_no_checkpoint_reaches_is_an_absent_gain(analyze):
    findings = found(analyze, drift={40: (0.6, 0.22, 0.7, 65.0, 0.3)})
    (absent,) = texts(findings, "absent gain")
    assert "no DRIFT checkpoint reaches" in absent and "0.8000" in absent and "0.3000" in absent
    (loss,) = texts(findings, "loss")
    assert "normalised reward in seed 42 (worst -14.29 %)" in loss


def test_overlapping_intervals_are_noise(analyze):
    close = {**GOOD, 40: (0.6, 0.22, 0.7, 40.1, 0.95)}
    (text,) = texts(found(analyze, drift=close), "within noise")
    assert "Vendi" in text and "+0.25 %" in text


def test_seeds_are_said_together(analyze):
    """Twelve runs and not a sentence more than with one seed."""
    rows = synthetic.base()
    for seed in range(6):
        recall = 0.1 if seed < 2 else 0.7
        drift = {**GOOD, 40: (0.6, 0.22, recall, 40.1, 0.95)}
        rows += synthetic.path("drift", "pickscore", seed, drift)
        rows += synthetic.path("grpo", "pickscore", seed, POOR)
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    findings = find(table, compute_all_gains(table, analyze, "pickscore"), analyze)
    findings = [one for one in findings if one.reward == "pickscore"]
    (loss,) = texts(findings, "loss")
    assert "Generalized recall in 2 of 6 seeds (0, 1) (worst -50.00 %)" in loss
    (noise,) = texts(findings, "within noise")
    assert "Vendi score in each seed (best +0.25 %)" in noise


def test_a_run_that_learned_nothing_is_named(analyze):
    findings = found(analyze, grpo={40: (0.7, 0.25, 0.9, 75.0, 0.2)})
    assert any("grpo-pickscore-s42 ends with" in text for text in texts(findings, "loss"))


def test_a_single_seed_is_a_caution(analyze):
    seeds = (42, 43)
    table = make_checkpoints(synthetic.world(seeds=seeds), analyze)
    alone = table[~table["run"].isin(["ddpo-pickscore-s43", "drift-hpsv2-s43"])]
    without = table[~table["method"].isin(["ddpo"]) & (table["reward"] == "pickscore")]
    for checkpoints, expected in (
        (table, []),
        # Of the main comparison, and of shaping's.
        (alone, [("hpsv2", "DDPO, GRPO, GRPO-KL"), *[("pickscore", "DDPO")] * 2]),
        (without, []),  # a run that is missing is no single seed
    ):
        gains = pd.concat([compute_all_gains(checkpoints, analyze, r) for r in analyze.rewards])
        said = [f for f in find(checkpoints, gains, analyze) if "single training seed" in f.text]
        assert sorted((f.reward, f.text.split(", over ")[1].split(", on ")[0]) for f in said) == (
            expected
        )


def test_unequal_training_is_a_caution(analyze):
    findings = found(analyze, grpo={30: POOR[40]})
    assert any("(epoch 30: GRPO; epoch 40: DRIFT)" in text for text in texts(findings, "caution"))


def test_bounds_that_are_too_narrow_are_a_caution(analyze):
    findings = found(analyze, drift={40: (0.6, 0.22, 0.7, 65.0, 1.02)})
    assert any("leaves [0, 1]" in text for text in texts(findings, "caution"))


def test_a_gamed_reward_is_a_caution(analyze):
    metrics = pd.DataFrame(
        [
            *synthetic.base(true=0.4),
            *synthetic.path("grpo", "pickscore", 42, {10: POOR[10]}, true=0.8),
            *synthetic.path("grpo", "pickscore", 42, {40: POOR[40]}, true=0.6),
        ]
    )
    for rows, expected in ((metrics, 1), (metrics.assign(value=0.5, low=0.4, high=0.6), 0)):
        table = make_checkpoints(rows, analyze)
        gains = compute_all_gains(table, analyze, "pickscore")
        cautions = texts(find(table, gains, analyze), "caution")
        assert sum("games its reward" in text for text in cautions) == expected


def test_what_was_not_measured_is_missing(analyze):
    rows = pd.DataFrame([*synthetic.base(), *synthetic.path("drift", "pickscore", 42, GOOD)])
    table = make_checkpoints(rows[rows["metric"] != "clip"], analyze)
    gains = compute_all_gains(table, analyze, "pickscore")
    missing = texts(find(table, gains, analyze), "missing")
    assert any("CLIP diversity was not measured for base, drift-" in text for text in missing)
