"""Who judges a run: what the parameters name, and its own reward in any case."""

import pytest
import torch
from brightness import Brightness

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.evaluation.judges import Judges

ENCODERS = {"dreamsim": {"encoder": "torch.nn.Identity"}, "unused": {"encoder": "torch.nn.ReLU"}}
REWARDS = {
    "mine": {"scorer": "brightness.Brightness", "options": {"weight": 2.0}},
    "known": {"scorer": "brightness.Brightness", "truth": "torch.mean"},
    "read": {
        "scorer": "brightness.Brightness",
        "truth": f"{__name__}.Contrast",
        "truth_options": {"weight": 3.0},
    },
    "unused": {"scorer": "brightness.Brightness"},
}


class Contrast:
    def __init__(self, weight, device):
        self.weight, self.device = weight, device


def load(run, rewards=("known",), presets=REWARDS) -> Judges:
    measure = Measure(encoders=("dreamsim",), rewards=rewards, features="f", reports="r")
    return Judges.load(run, measure, ENCODERS, presets)


def test_the_named_ones_and_the_runs_own_reward_judge(run):
    judges = load(run)
    assert {*judges.encoders} == {*judges.encoder_digests} == {"dreamsim"}
    assert {*judges.scorers} == {*judges.reward_digests} == {"known", "mine"}
    assert isinstance(judges.scorers["mine"], Brightness)
    assert judges.scorers["mine"].weight == 2
    assert judges.truths == {"known": torch.mean}


def test_a_true_reward_is_made_where_it_is_a_class(run):
    truth = load(run, rewards=("read",)).truths["read"]
    assert isinstance(truth, Contrast)
    assert (truth.weight, truth.device) == (3, "cpu")


def test_one_that_cannot_be_made_is_named(run):
    broken = {**REWARDS, "known": {"scorer": "brightness.Darkness"}}
    with pytest.raises(ConfigurationError, match=r"rewards.known.scorer: cannot import"):
        load(run, presets=broken)
    with pytest.raises(ConfigurationError, match="pickscor"):
        load(run, rewards=("pickscor",))
