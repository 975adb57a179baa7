"""The bootstrap over prompts."""

import numpy as np
import pytest
import torch

from drift_pipeline.evaluation.intervals import bootstrap_mean


def test_it_agrees_with_a_loop():
    values = np.random.default_rng(0).gamma(2.0, size=40)
    low, high = bootstrap_mean(torch.from_numpy(values), 20000)
    random = np.random.default_rng(1)
    means = np.sort([values[random.integers(40, size=40)].mean() for _ in range(20000)])
    width = means[19500] - means[500]
    assert low == pytest.approx(means[500], abs=0.05 * width)
    assert high == pytest.approx(means[19500], abs=0.05 * width)


def test_the_same_values_have_the_same_interval():
    values = torch.rand(10, generator=torch.Generator().manual_seed(0))
    first = bootstrap_mean(values, 100)
    np.random.rand()
    torch.rand(1)
    assert bootstrap_mean(values, 100) == first
    assert bootstrap_mean(values, 101) != first


def test_all_measures_see_the_same_samples_of_prompts():
    """So measures that are linear in each other have intervals that are, too."""
    values = torch.rand(10, generator=torch.Generator().manual_seed(0)).double()
    assert bootstrap_mean(3 * values + 1, 100) == pytest.approx(
        [3 * end + 1 for end in bootstrap_mean(values, 100)]
    )


def test_one_prompt_has_no_spread():
    assert bootstrap_mean(torch.tensor([0.25]), 100) == (0.25, 0.25)


def test_no_prompts_are_refused():
    with pytest.raises(ValueError, match="no prompts"):
        bootstrap_mean(torch.empty(0), 10)
