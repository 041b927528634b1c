import numpy as np
import pytest

from sage import resampling, statistics

OPTIONS = {"resamples": 300, "seed": 3}


def make_samples(n: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors [4, n] with ties, one of them constant, a target [n], and covariates [n, 2], one of large values."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=n).round(1)
    predictors = np.stack([target + rng.normal(size=n), rng.integers(3, size=n), np.full(n, 0.37), rng.normal(size=n)])
    return predictors, target, np.stack([rng.normal(size=n), 1e6 + rng.normal(size=n)], 1)


def assert_same(drawn: np.ndarray, expected: statistics.Estimate) -> None:
    low, high = np.nanpercentile(drawn[1:], (2.5, 97.5)) if np.isfinite(drawn[0]) else (np.nan, np.nan)
    np.testing.assert_allclose(
        [drawn[0], low, high], [expected.value, expected.low, expected.high], rtol=1e-7, atol=1e-9
    )


def test_counts_are_of_the_bootstraps_resamples():
    counts = resampling.counts(5, resamples=20, seed=1)
    drawn = np.random.default_rng(1).integers(5, size=(20, 5))
    assert counts.shape == (21, 5) and (counts[0] == 1).all()
    for row, places in zip(counts[1:], drawn):
        assert [np.count_nonzero(places == network) for network in range(5)] == row.tolist()


@pytest.mark.parametrize("method", resampling.METHODS)
def test_many_at_once_are_as_each_alone(method):
    predictors, target, _ = make_samples()
    drawn = resampling.METHODS[method](resampling.counts(14, **OPTIONS), predictors, target)
    assert drawn.shape == (301, 4)
    for place, predictor in enumerate(predictors):
        assert_same(drawn[:, place], statistics.correlation(predictor, target, method=method, **OPTIONS))
    gain = statistics.difference(predictors[0], predictors[1], target, method=method, **OPTIONS)
    assert_same(drawn[:, 0] - drawn[:, 1], gain)


@pytest.mark.parametrize("method", resampling.METHODS)
def test_a_constant_target_has_no_correlation(method):
    predictors, target, _ = make_samples()
    drawn = resampling.METHODS[method](resampling.counts(14, **OPTIONS), predictors, 0 * target)
    expected = statistics.correlation(predictors[0], 0 * target, method=method, **OPTIONS)
    assert_same(drawn[:, 0], expected)


def test_partial_correlations_are_as_each_alone():
    predictors, target, covariates = make_samples()
    predictors = np.concatenate([predictors, 3 * covariates.T[:1] - 2])  # nothing is left of this one
    drawn = resampling.partial_correlation(resampling.counts(14, **OPTIONS), predictors, target, covariates)
    for place, predictor in enumerate(predictors):
        assert_same(drawn[:, place], statistics.partial_correlation(predictor, target, covariates, **OPTIONS))
    assert np.isnan(drawn[0, [2, 4]]).all() and np.isfinite(drawn[0, [0, 1, 3]]).all()


def test_covariates_that_say_the_same_count_once():
    predictors, target, covariates = make_samples()
    counts = resampling.counts(14, **OPTIONS)
    twice = np.column_stack([covariates, covariates[:, 0], np.ones(14)])
    np.testing.assert_allclose(
        resampling.partial_correlation(counts, predictors, target, twice)[0],
        resampling.partial_correlation(counts, predictors, target, covariates)[0],
    )
