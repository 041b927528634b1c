import numpy as np
import pytest
from scipy import stats

from sage.analysis import bootstrap, estimates
from tests.support.one_by_one import (
    ALONE,
    OPTIONS,
    interval,
    one_by_one,
    partial_correlation,
)


def make_samples(n: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors [4, n] with ties, one of them constant, a target [n], and covariates [n, 2], one of large values."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=n).round(1)
    predictors = np.stack(
        [target + rng.normal(size=n), rng.integers(3, size=n), np.full(n, 0.37), rng.normal(size=n)]
    )
    return predictors, target, np.stack([rng.normal(size=n), 1e6 + rng.normal(size=n)], 1)


def test_counts_are_of_the_bootstraps_resamples():
    counts = bootstrap.counts(5, resamples=20, seed=1)
    drawn = np.random.default_rng(1).integers(5, size=(20, 5))
    assert counts.shape == (21, 5) and (counts[0] == 1).all()
    for row, places in zip(counts[1:], drawn):
        assert [np.count_nonzero(places == network) for network in range(5)] == row.tolist()


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_many_at_once_are_as_each_resample_alone(method):
    predictors, target, _ = make_samples()
    drawn = bootstrap.METHODS[method](bootstrap.counts(14, **OPTIONS), predictors, target)
    assert drawn.shape == (301, 4) and np.isnan(drawn[:, 2]).all()
    for place, predictor in enumerate(predictors):
        np.testing.assert_allclose(
            drawn[:, place],
            one_by_one(ALONE[method], predictor, target, **OPTIONS),
            rtol=1e-7,
            atol=1e-9,
        )


def test_intervals_are_those_of_the_bootstrap_of_one():
    predictors, target, _ = make_samples()
    drawn = bootstrap.pearson(bootstrap.counts(14, **OPTIONS), predictors, target)
    found = estimates.correlation(predictors[0], target, **OPTIONS)
    assert interval(drawn[:, 0]) == pytest.approx([found.value, found.low, found.high])


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_of_a_constant_target_there_is_no_correlation_and_no_regret(method):
    predictors, target, _ = make_samples()
    drawn = bootstrap.METHODS[method](bootstrap.counts(14, **OPTIONS), predictors, 0 * target)
    if method == "regret":
        assert (drawn[0, [0, 1, 3]] == 0).all() and np.isnan(drawn[:, 2]).all()
    else:
        assert np.isnan(drawn).all()


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_a_predictor_is_as_good_as_its_multiple_and_the_target_is_the_best(method):
    predictors, target, _ = make_samples()
    together = np.stack([predictors[3], 2 * predictors[3], target, -target])
    drawn = bootstrap.METHODS[method](bootstrap.counts(14, **OPTIONS), together, target)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1], atol=1e-12)
    if method == "regret":
        assert drawn[0, 2] == 0 and drawn[0, 3] == pytest.approx(max(target) - sorted(target)[4])
    else:
        assert drawn[0, 2:] == pytest.approx([1, -1])


def test_regret_by_hand():
    target = np.array([0.5, 0.9, 0.4, 0.7, 0.6, 0.1, 0.8])
    for predictor, expected in (
        ([9.0, 1, 8, 2, 7, 0, 3], 0.1),  # all but 0.9 and 0.1
        ([9.0, 8, 7, 6, 5, 0, 0], 0.0),
        ([3.0, 3, 3, 3, 3, 3, 0], 0.2),  # of six that tie all but the best
        ([0.0, 0, 3, 3, 3, 3, 0], 0.2),  # three are left for the fifth place, of which 0.5 is taken
    ):
        found = bootstrap.regret(np.ones((1, 7)), np.array([predictor]), target)
        assert found.item() == pytest.approx(expected), predictor


def test_partial_correlations_are_as_each_resample_alone():
    predictors, target, covariates = make_samples()
    predictors = np.concatenate(
        [predictors, 3 * covariates.T[:1] - 2]
    )  # nothing is left of this one
    drawn = bootstrap.partial_correlation(
        bootstrap.counts(14, **OPTIONS), predictors, target, covariates
    )
    assert np.isnan(drawn[:, [2, 4]]).all()
    for place in (0, 1, 3):
        expected = one_by_one(
            partial_correlation, predictors[place], target, covariates - [0, 1e6], **OPTIONS
        )
        np.testing.assert_allclose(drawn[:, place], expected, rtol=1e-6, atol=1e-6)


def test_partial_correlation_by_the_formula_for_one_covariate():
    predictors, target, covariates = make_samples()
    x, z = predictors[0], covariates[:, 0]
    xy, xz, yz = (stats.pearsonr(*pair).statistic for pair in ((x, target), (x, z), (target, z)))
    found = bootstrap.partial_correlation(np.ones((1, 14)), x[None], target, z[:, None])
    assert found.item() == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


def test_covariates_that_say_the_same_count_once():
    predictors, target, covariates = make_samples()
    counts = bootstrap.counts(14, **OPTIONS)
    twice = np.column_stack([covariates, covariates[:, 0], np.ones(14)])
    np.testing.assert_allclose(
        bootstrap.partial_correlation(counts, predictors, target, twice)[0],
        bootstrap.partial_correlation(counts, predictors, target, covariates)[0],
    )
