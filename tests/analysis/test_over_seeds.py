"""Intervals and tests over seeds, held against SciPy and against what they promise."""

import math

import numpy as np
import pytest
from scipy import stats

from drift_pipeline.analysis.over_seeds import over_seeds, sign_flip


def test_the_interval_is_scipys():
    values = np.array([0.1, 0.4, 0.25, -0.05, 0.3])
    found = over_seeds(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(values.mean()) and found.seeds == 5


def test_the_test_is_scipys():
    values = np.array([0.1, 0.4, 0.25, -0.05, 0.3, 0.02])
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert sign_flip(values) == pytest.approx(expected.pvalue)


def test_all_of_one_sign_is_as_sure_as_seeds_allow():
    assert sign_flip([0.3, 0.1, 0.2]) == 0.25
    assert sign_flip([-0.3, -0.1, -0.2, -0.1, -0.4, -0.5]) == pytest.approx(2 / 64)
    assert sign_flip([0.1, 0.1]) == 0.5 and sign_flip([0.0, 0.0]) == 1


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(0.2, 0.5, size=(2000, 3))
    covered = [(found := over_seeds(row)).low <= 0.2 <= found.high for row in samples]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_a_bootstrap_over_three_seeds_would_cover_far_less():
    rng = np.random.default_rng(1)
    samples = rng.normal(0.2, 0.5, size=(1000, 3))
    drawn = samples[:, rng.integers(3, size=(400, 3))].mean(axis=2)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=1)
    assert np.mean((low <= 0.2) & (high >= 0.2)) == pytest.approx(0.75, abs=0.04)


def test_missing_seeds_are_left_out_and_one_has_no_interval():
    assert over_seeds([0.1, math.nan, 0.3]).seeds == 2
    alone = over_seeds([math.nan, 0.2])
    assert alone.mean == 0.2 and math.isnan(alone.low) and alone.p == 1 and alone.seeds == 1
    none = over_seeds([math.nan])
    assert math.isnan(none.mean) and none.seeds == 0
