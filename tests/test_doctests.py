"""The examples in the docstrings of the numerical modules run as written."""

import doctest
import importlib

import pytest

MODULES = [
    "drift.selection",
    "drift.prompting",
    "drift.shaping",
    "rl.advantages",
    "rl.ddim",
    "rl.objective",
    "common.randomness",
    "diversity.entropy",
    "diversity.pairwise",
    "diversity.recall",
    "diversity.vendi",
    "analysis.gains",
    "analysis.pareto",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    outcome = doctest.testmod(importlib.import_module(f"drift_pipeline.{name}"))
    assert outcome.attempted
    assert not outcome.failed
