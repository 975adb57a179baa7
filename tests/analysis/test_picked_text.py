"""What is said of a pick: its numbers, other methods', and what to ask for where nothing keeps."""

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.picked_text import describe, say_nothing_keeps
from drift_pipeline.analysis.picking import Wish, pick


@pytest.fixture
def checkpoints(analyze):
    rows = synthetic.base()
    for method, kept, reward, shows in (
        ("drift", 0.9, 0.8, 0.95), ("grpo", 0.51, 0.9, 0.96), ("noise", 0.951, 0.6, 0.97),
        ("ddpo", 0.9, 0.99, 0.3),
    ):  # fmt: skip
        has = {name: kept * synthetic.BASE[name] for name in synthetic.DIVERSITY}
        rows += synthetic.checkpoint(
            method, "pickscore", 42, 12, {**has, "reward": reward}, shows=shows
        )
    return make_checkpoints(pd.DataFrame(rows), analyze)


def test_a_pick_is_said_with_all_its_numbers(analyze, checkpoints):
    wish = Wish(0.85, "dreamsim")
    lines = describe(pick(checkpoints, analyze, "pickscore", wish), analyze, "pickscore", wish)
    assert lines[0] == (
        "drift-pickscore-s42, epoch 12: of 3 checkpoints, 2 keep 85 % (lower end of the interval) "
        "of the base model's DreamSim diversity, and this one has the most reward"
    )
    said = {line[2:].split("  ")[0]: line.split("  ")[-1].strip() for line in lines[1:]}
    assert said["reward (PickScore)"] == "9.68, normalised 0.800 (base model 4.675, 0.250)"
    for label in ("DreamSim diversity", "CLIP diversity", "Vendi score"):
        assert said[label] == "90.0 % of the base model's (88.2 to 91.8)"
    asked = said["Share that shows what was asked"]
    assert asked == "95.0 % of its images (base model 97.0 %)"
    assert lines[-4] == "Of other methods, the most reward that keeps as much:"
    assert lines[-3].startswith("  noise-pickscore-s42, epoch 12  7.86, normalised 0.600; Dream")
    assert lines[-3].endswith("; DreamSim diversity 95.1 % of the base model's (93.2 to 97.0)")
    few = (
        "  grpo                           nothing; the most is 49.9 %, grpo-pickscore-s42, epoch 12"
    )
    assert lines[-2] == few
    assert lines[-1] == "Left out: 1 checkpoint that no longer shows what was asked."


def test_what_was_not_measured_is_said(analyze, checkpoints):
    wish = Wish(0.85, "dreamsim", "value")
    gone = checkpoints.assign(shows_prompt=float("nan"), clip=float("nan"))
    lines = describe(pick(gone, analyze, "pickscore", wish), analyze, "pickscore", wish)
    assert "3 keep 85 % of the base" in lines[0] and lines[0].startswith("ddpo-")
    missing = [line.split("  ")[1] for line in lines if line.endswith("  not measured")]
    assert missing == ["CLIP diversity", "Share that shows what was asked"]


def test_where_nothing_keeps_enough_the_advice_holds(analyze, checkpoints):
    def line(keep, **wish):
        asked = Wish(keep, "dreamsim", **wish)
        return say_nothing_keeps(pick(checkpoints, analyze, "pickscore", asked), analyze, asked)

    text = line(0.97)
    assert text == (
        "none of the 3 checkpoints keeps 97 % (lower end of the interval) of the base model's "
        "DreamSim diversity: the most is 93.1 %, noise-pickscore-s42, epoch 12; give --keep 0.931 "
        "or less (left out: 1 checkpoint that no longer shows what was asked)"
    )
    assert pick(checkpoints, analyze, "pickscore", Wish(0.931, "dreamsim")).picked.best
    assert "; give --keep 0.931 or less, or take the value for it with --by value (" in line(0.94)
    assert "the most is 95.1 %" in line(0.97, by="value") and "--by" not in line(0.97, by="value")
