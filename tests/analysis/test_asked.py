"""Which checkpoints no longer show what was asked."""

import pandas as pd
import pytest
from analysis import synthetic
from pydantic import ValidationError

from drift_pipeline.analysis.asked import off_prompt
from drift_pipeline.analysis.checkpoints import make_checkpoints

POINTS = synthetic.trade(0.5, 0.8)


def marked(analyze, base=0.8, **shows) -> set[str]:
    rows = synthetic.base(shows=base)
    for method, share in shows.items():
        for reward in synthetic.SCORERS:
            rows += synthetic.path(method, reward, 42, POINTS, shows=share)
    table = make_checkpoints(pd.DataFrame(rows), analyze)
    return {*table.loc[off_prompt(table, analyze), "run"]}


def test_the_bound_is_a_share_of_the_base_models(analyze):
    expected = {"grpo-pickscore-s42", "grpo-hpsv2-s42"}
    assert marked(analyze, drift=0.73, grpo=0.71) == expected
    assert marked(analyze, base=0.7, drift=0.73, grpo=0.71) == set()


def test_what_was_not_measured_is_not_marked(analyze):
    nan = float("nan")
    assert marked(analyze, drift=0.1, grpo=nan) == {"drift-pickscore-s42", "drift-hpsv2-s42"}
    assert marked(analyze, base=nan, drift=0.1) == set()
    assert marked(analyze.model_copy(update={"asked": None}), drift=0.1) == set()
    rows = synthetic.path("drift", "pickscore", 42, POINTS, shows=0.1)
    alone = make_checkpoints(pd.DataFrame(rows), analyze)
    assert not off_prompt(alone, analyze).any()


def test_it_has_to_be_a_measure_that_is_there(project_path):
    with pytest.raises(ValidationError, match=r"asked: unknown 'shows'; known are: shows_prompt"):
        synthetic.parameters(project_path, asked="shows")
