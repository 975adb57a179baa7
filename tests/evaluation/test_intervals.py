"""The bootstrap over prompts."""

import numpy as np
import pytest
import torch
from scipy import stats

from drift_pipeline.evaluation.intervals import bootstrap_mean


def test_it_agrees_with_scipy():
    values = torch.from_numpy(np.random.default_rng(0).gamma(2.0, size=40))
    low, high = bootstrap_mean(values, 20000)
    reference = stats.bootstrap(
        (values.numpy(),), np.mean, method="percentile", n_resamples=20000, rng=1
    ).confidence_interval
    width = reference.high - reference.low
    assert low == pytest.approx(reference.low, abs=0.05 * width)
    assert high == pytest.approx(reference.high, abs=0.05 * width)


def test_the_same_values_have_the_same_interval():
    values = torch.rand(10, generator=torch.Generator().manual_seed(0))
    assert bootstrap_mean(values, 100) == bootstrap_mean(values, 100)
    assert bootstrap_mean(values, 100) != bootstrap_mean(values, 100, seed=1)


def test_no_prompts_are_refused():
    with pytest.raises(ValueError, match="no prompts"):
        bootstrap_mean(torch.empty(0), 10)
