"""Biases of a judge, on judges whose faults are known."""

import pandas as pd
import pytest
import torch

from drift_pipeline.bestiary.training.bias import bias, biases, mean_by

COUNT = 20_000


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_means_are_those_of_each_group(generator):
    values = torch.randn(200, generator=generator)
    index = torch.randint(7, (200,), generator=generator)
    table = pd.DataFrame({"value": values.double(), "index": index})
    expected = table.groupby("index")["value"].transform("mean")
    assert mean_by(values, index).tolist() == pytest.approx(expected.tolist())


def test_a_judge_who_favours_a_kind_has_that_bias_and_no_other(generator):
    truth = torch.randn(COUNT, generator=generator)
    prompts, kinds, other = (torch.randint(n, (COUNT,), generator=generator) for n in (9, 4, 3))
    favour = torch.tensor([1.0, -1.0, 1.0, -1.0])[kinds]
    # What a judge thinks of a prompt is no error: images of one prompt alone are compared.
    found = biases(
        truth + favour + 5.0 * prompts, truth, prompts, {"background": kinds, "coat": other}
    )
    # Half of the scores' variance is favour.
    assert found["bias_background"] == pytest.approx(0.5**0.5, abs=0.02)
    assert found["bias_coat"] < 0.03
    assert found["correlation"] == pytest.approx(0.5**0.5, abs=0.02)


def test_a_judge_who_is_right_in_other_units_has_none(generator):
    truth = torch.randn(COUNT, generator=generator)
    prompts, kinds = (torch.randint(n, (COUNT,), generator=generator) for n in (9, 4))
    found = biases(3 * truth + 2, truth, prompts, {"coat": kinds})
    assert found["correlation"] == pytest.approx(1.0)
    assert found["bias_coat"] == pytest.approx(0.0, abs=1e-6)


def test_the_bias_of_equal_errors_is_their_size_whatever_the_kinds():
    assert bias(torch.full((6,), -0.25), torch.tensor([0, 0, 1, 5, 5, 5])) == 0.25
