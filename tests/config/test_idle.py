"""Parts of a method that do nothing are said; where they do something, nothing is."""

import re

import pytest

from drift_pipeline.config.idle import idle_settings
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.train import Train


@pytest.fixture
def idle(configuration):
    def idle(method: dict | None = None, **train):
        given = Train.model_validate({**configuration["train"], **train})
        return idle_settings(MethodPreset.model_validate(method or {}), given, "tried")

    return idle


def test_the_projects_own_methods_are_not_idle(configuration):
    train = Train.model_validate(configuration["train"])
    for name, values in configuration["methods"].items():
        assert idle_settings(MethodPreset.model_validate(values), train, name) == []


SHAPING = {"shaping": {"ratio": 0.5}}


@pytest.mark.parametrize(
    ("method", "train", "message"),
    [
        (SHAPING, {"group_size": 2}, "train.group_size: the two images of a group have one dist"),
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
