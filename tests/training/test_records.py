"""What an epoch leaves for people: its line in the log, its remarks, its row of the curve."""

import math

import pytest

from drift_pipeline.training.records import curve_table, epoch_line, epoch_remarks

SUMMARY = {
    "epoch": 3, "reward_mean": 0.5, "reward_std": 0.25, "diversity": None, "kl": 1e-4,
    "clip_fraction": 0.125, "ratio_max_dev_first": 2e-7, "zero_variance_groups": 1, "groups": 4,
}  # fmt: skip


def test_the_line_has_the_times_that_are_known():
    bare = epoch_line(SUMMARY, 12)
    assert bare.startswith("epoch  3/12  reward 0.5000 ± 0.2500  diversity nan  KL 1.00e-04")
    assert bare.endswith("zero-variance groups 1/4")
    timed = epoch_line({**SUMMARY, "seconds_rollout": 1.25, "seconds_update": 2.0}, 12)
    assert timed == bare + "  rollout 1.2 s, update 2.0 s"


@pytest.mark.parametrize(
    ("moved", "precision", "said"),
    [
        (2e-7, "fp32", False),
        (0.05, "fp32", True),
        (0.05, "bf16", False),
        (0.5, "fp16", True),
        (None, "fp32", True),
    ],
)
def test_an_update_that_does_not_repeat_the_rollout_is_said(moved, precision, said):
    found = epoch_remarks({**SUMMARY, "ratio_max_dev_first": moved}, precision)
    assert bool(found) is said
    assert all("does not repeat what the rollout has drawn" in line for line in found)


def test_the_curve_has_one_row_per_epoch():
    curve = curve_table("mine", [SUMMARY, {**SUMMARY, "epoch": 4, "diversity": 0.5}])
    assert curve["run"].tolist() == ["mine", "mine"]
    assert curve["epoch"].tolist() == [3, 4]
    assert math.isnan(curve["diversity"][0])
