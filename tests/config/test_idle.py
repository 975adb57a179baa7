"""Parts of a method that do nothing are said; where they do something, nothing is."""

import re

import pytest
import torch

from drift_pipeline.config.idle import idle_epoch, idle_settings
from drift_pipeline.parameters import Method, Shaping
from drift_pipeline.rl.credit import assign
from drift_pipeline.runs import Run


@pytest.fixture
def idle(configuration):
    def idle(method: dict | None = None, **train):
        parameters = {**configuration, "method": "tried", "methods": {"tried": method or {}}}
        parameters["train"] = {**parameters["train"], "epochs": 1, **train}
        return idle_settings(Run.from_parameters(parameters))

    return idle


def test_the_projects_own_methods_are_not_idle(configuration):
    for name in configuration["methods"]:
        assert idle_settings(Run.from_parameters({**configuration, "method": name})) == []


SHAPING = {"shaping": {"ratio": 0.5}}


@pytest.mark.parametrize(
    ("method", "train", "message"),
    [
        (SHAPING, {"group_size": 2}, "train.group_size: the two pictures of a group have one dist"),
        ({"shaping": {"ratio": 0.5, "merge": "reward"}}, {"group_size": 2}, "do.* nothing"),
        ({"shaping": {"sigma": 0.1}}, {}, "methods.tried.shaping.sigma: has no effect"),
        ({"selection": "concentrated"}, {}, "methods.tried.selection: .* nothing to choose from"),
        ({"advantage": "batch"}, {"groups_per_epoch": 1}, "methods.tried.advantage: "),
        ({"prompt_noise": True}, {"prompt_noise": {"scale": 0}}, "scale: 0 adds no noise"),
        ({"prompt_noise": True}, {"prompt_noise": {"tau1": 0.95}}, "tau1: the first of 8 steps"),
        ({"prompt_noise": True}, {"sampling": {"steps": 1}}, "tau1: the first of 1 steps"),
        ({}, {"sampling": {"guidance": 0}}, "train.sampling.guidance: 0 leaves the prompts out"),
        ({}, {"optimization": {"clip_range": 1.0}}, "optimization.clip_range: 1 lets"),
        ({}, {"optimization": {"learning_rate": 0.5}}, "optimization.learning_rate: 0.5 moves"),
        ({}, {"optimization": {"advantage_clip": 0.01}}, "optimization.advantage_clip: "),
    ],
)
def test_what_does_nothing_is_said(idle, method, train, message):
    (line,) = idle(method, **train)
    assert re.search(message, line)
    assert "\n" not in line


def test_what_does_something_is_not_said(idle):
    assert idle(SHAPING, group_size=3) == []
    assert idle({**SHAPING, "advantage": "batch"}, group_size=2) == []  # groups differ
    assert idle({}, group_size=2) == []
    assert idle({}, prompt_noise={"scale": 0}) == []  # the method asks for none
    assert idle({"prompt_noise": True}, prompt_noise={"tau1": 0.85}) == []
    assert idle({"selection": "contrasted", "candidates": 2}) == []


def test_two_pictures_have_one_distance():
    """What the warning says: with two of a group the diversity changes no advantage."""
    rewards, diversity = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.7, 0.7]])
    plain, shaped = Method(), Method(shaping=Shaping(ratio=0.5))
    for merge in ("advantage", "reward"):
        method = Method(shaping=Shaping(ratio=0.5, merge=merge))
        assert torch.equal(
            assign(rewards, diversity, method).total, assign(rewards, diversity, plain).total
        )
    assert shaped.shaping.merge == "advantage"


def test_an_epoch_in_which_nothing_differs_is_said():
    method = Method(shaping=Shaping(ratio=0.5, sigma=0.1))
    rewards, diversity = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0.7, 0.5, 0.6]])
    (line,) = idle_epoch(assign(rewards, diversity, method), method, "mine")
    assert "methods.mine.shaping.sigma (0.1)" in line
    wide = Method(shaping=Shaping(ratio=0.5))
    assert idle_epoch(assign(rewards, diversity, wide), wide, "mine") == []
    (line,) = idle_epoch(assign(rewards * 0, diversity, wide), wide, "mine")
    assert "all rewards of each group are equal" in line
