import functools

import numpy as np
import pytest
from scipy import stats

from sage import statistics

OPTIONS = {"resamples": 2000, "seed": 0}


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, x + rng.normal(size=n)


@pytest.mark.parametrize(
    "method, scipy", [("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)]
)
def test_correlations_agree_with_scipy(method, scipy):
    x, y = np.round(correlated(40), 1)  # with ties
    assert statistics.METHODS[method](x, y) == pytest.approx(scipy(x, y).statistic, abs=1e-12)
    assert statistics.correlation(x, y, method=method, **OPTIONS).value == pytest.approx(scipy(x, y).statistic)


def test_interval_agrees_with_scipys_bootstrap():
    x, y = correlated(60)
    found = statistics.correlation(x, y, resamples=20_000, seed=0)
    expected = stats.bootstrap(
        (x, y), statistics.pearson, paired=True, n_resamples=20_000, method="percentile", rng=1
    )
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.01)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.01)


def test_interval_covers_the_truth_about_19_times_in_20():
    covered = 0
    for seed in range(200):
        x, y = correlated(50, seed)
        found = statistics.correlation(x, y, resamples=500, seed=seed)
        covered += found.low <= np.sqrt(0.5) <= found.high
    assert 175 <= covered <= 199


def test_small_numbers_correlate_as_large_ones():
    x, y = correlated(30)
    assert statistics.pearson(1e-9 * x, y) == pytest.approx(statistics.pearson(x, y))


def test_kendall_along_either_axis_and_broadcast():
    rng = np.random.default_rng(0)
    x, y = rng.integers(5, size=(12, 7)), rng.normal(size=(12, 1))
    expected = [stats.kendalltau(column, y[:, 0]).statistic for column in x.T]
    np.testing.assert_allclose(statistics.kendall(x, y, axis=0), expected, atol=1e-12)
    np.testing.assert_allclose(statistics.kendall(x.T, y.T), expected, atol=1e-12)


@pytest.mark.parametrize("method", statistics.METHODS)
def test_resamples_are_measured_one_by_one(method):
    x, y = np.round(correlated(20), 1)
    drawn = np.random.default_rng(3).integers(20, size=(300, 20))
    by_one = [float(statistics.METHODS[method](x[rows], y[rows])) for rows in drawn]
    found = statistics.correlation(x, y, method=method, resamples=300, seed=3)
    assert (found.low, found.high) == pytest.approx(np.percentile(by_one, (2.5, 97.5)))


@pytest.mark.parametrize("method", statistics.METHODS)
def test_a_predictor_is_as_good_as_itself_by_every_method(method):
    x, y = correlated(40)
    same = statistics.difference(x, 2 * x, y, method=method, **OPTIONS)
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0), abs=1e-12)
    better = statistics.difference(y, -y, y, method=method, **OPTIONS)
    assert better.value == pytest.approx(-statistics.regret(-y, y) if method == "regret" else 2)
    constant = statistics.correlation(np.full(40, 0.1), y, method=method, **OPTIONS)
    assert np.isnan([constant.value, constant.low, constant.high]).all()


def test_regret_by_hand():
    target = np.array([0.5, 0.9, 0.4, 0.7, 0.6, 0.1])
    predictor = np.array([9.0, 1.0, 8.0, 2.0, 7.0, 0.0])
    for top, expected in ((1, 0.4), (2, 0.4), (3, 0.3), (4, 0.2), (5, 0.0), (6, 0.0), (7, 0.0)):
        assert statistics.regret(predictor, target, top=top) == pytest.approx(expected)
    tied = np.array([3.0, 3.0, 3.0, 0.0, 0.0, 0.0])  # the lowest two of 0.5, 0.9 and 0.4
    assert statistics.regret(tied, target, top=2) == pytest.approx(0.4)
    assert statistics.regret(tied, target, top=3) == 0
    with pytest.raises(ValueError, match="top is 0, expected 1 or more"):
        statistics.regret(predictor, target, top=0)


def test_regret_agrees_with_a_loop():
    rng = np.random.default_rng(0)
    predictor, target = rng.integers(6, size=(50, 15)), rng.normal(size=(50, 15))
    for top in (1, 5):
        expected = []
        for row, values in zip(predictor, target):
            left, best = list(range(15)), -np.inf
            for _ in range(top):
                highest = [i for i in left if row[i] == max(row[j] for j in left)]
                worst = min(highest, key=lambda i: values[i])
                left.remove(worst)
                best = max(best, values[worst])
            expected.append(max(values) - best)
        np.testing.assert_allclose(statistics.regret(predictor, target, top=top), expected)
        np.testing.assert_allclose(statistics.regret(predictor.T, target.T, axis=0, top=top), expected)


def test_statistics_of_ones_own_have_intervals_too():
    x, y = correlated(40)
    found = statistics.bootstrap(functools.partial(statistics.regret, top=1), (x, y), **OPTIONS)
    assert found.value == statistics.regret(x, y, top=1) and found.low <= found.value <= found.high and found.n == 40


@pytest.mark.parametrize("method, scipy", [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)])
def test_partial_correlation_by_the_formula_for_one_covariate(method, scipy):
    x, y = np.round(correlated(40), 1)
    z = x + np.random.default_rng(1).normal(size=40)
    xy, xz, yz = (scipy(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    found = statistics.partial_correlation(x, y, 100 + 1e-3 * z[:, None], method=method, **OPTIONS)
    assert found.value == pytest.approx(expected) and found.low < expected < found.high and found.n == 40


def test_partial_correlation_is_of_residuals_and_resampled_with_them():
    x, y = correlated(30)
    rng = np.random.default_rng(1)
    covariates = rng.normal(size=(30, 2)) + x[:, None]

    def by_least_squares(rows):
        design = np.column_stack([np.ones(len(rows)), covariates[rows]])
        rest = [v[rows] - design @ np.linalg.lstsq(design, v[rows], rcond=None)[0] for v in (x, y)]
        return stats.pearsonr(*rest).statistic

    found = statistics.partial_correlation(x, y, covariates, resamples=200, seed=5)
    assert found.value == pytest.approx(by_least_squares(np.arange(30)))
    drawn = np.random.default_rng(5).integers(30, size=(200, 30))
    expected = np.percentile([by_least_squares(rows) for rows in drawn], (2.5, 97.5))
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_covariates_that_tell_nothing_new_change_nothing(method):
    x, y = correlated(30)
    z = np.random.default_rng(1).normal(size=30)
    plain, one = statistics.correlation(x, y, method=method, **OPTIONS), np.column_stack([z])
    for covariates in (np.empty((30, 0)), np.full((30, 1), 0.37)):
        found = statistics.partial_correlation(x, y, covariates, method=method, **OPTIONS)
        assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))
    expected = statistics.partial_correlation(x, y, one, method=method, **OPTIONS)
    again = statistics.partial_correlation(x, y, np.column_stack([z, 5 - 2e3 * z]), method=method, **OPTIONS)
    assert (again.value, again.low, again.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_partial_correlation_of_what_covariates_explain_is_no_number():
    x, y = correlated(30)
    for predictor in (3 * x + 1, np.full(30, 0.1)):
        found = statistics.partial_correlation(predictor, y, x[:, None], **OPTIONS)
        assert np.isnan([found.value, found.low, found.high]).all() and found.n == 30
    x[0] = np.nan
    assert statistics.partial_correlation(y, y, x[:, None], **OPTIONS).n == 29
    with pytest.raises(ValueError, match="'kendall', expected one of pearson, spearman"):
        statistics.partial_correlation(x, y, x[:, None], method="kendall", **OPTIONS)
    with pytest.raises(ValueError, match=r"shape \(30,\), expected \[n, k\]"):
        statistics.partial_correlation(x, y, x, **OPTIONS)


def test_seed_ceiling_of_shrout_and_fleiss():
    """Their table 2: six targets, four judges, ICC(1,1) = .17."""
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])
    found = statistics.seed_ceiling(ratings, **OPTIONS)
    assert found.value**2 == pytest.approx(0.17, abs=0.005) and found.n == 6
    means, within = ratings.mean(1), np.mean([np.var(row, ddof=1) for row in ratings])
    between = 4 * np.var(means, ddof=1)
    assert found.value**2 == pytest.approx((between - within) / (between + 3 * within))
    shifted = statistics.seed_ceiling(0.01 * ratings + 5, **OPTIONS)
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx((found.value, found.low, found.high))


def test_seed_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(0)
    expected_accuracy = rng.normal(size=3000)
    accuracy = expected_accuracy[:, None] + 0.7 * rng.normal(size=(3000, 3))
    found = statistics.seed_ceiling(accuracy, resamples=200, seed=0)
    assert found.value == pytest.approx(1 / np.sqrt(1.49), abs=0.02)
    assert found.value == pytest.approx(stats.pearsonr(expected_accuracy, accuracy[:, 0]).statistic, abs=0.02)
    assert found.low < found.value < found.high


def test_seed_ceiling_at_its_ends():
    means = np.arange(6.0)[:, None]
    assert statistics.seed_ceiling(means + np.zeros(3), **OPTIONS).value == pytest.approx(1)
    assert statistics.seed_ceiling(0 * means + np.array([1.0, 2, 3]), **OPTIONS).value == 0  # seeds alone differ
    assert np.isnan(statistics.seed_ceiling(np.full((6, 4), 0.1), **OPTIONS).value)
    diverged = np.random.default_rng(0).random((6, 2))
    expected = statistics.seed_ceiling(diverged[1:], **OPTIONS)
    diverged[0, 1] = np.nan
    assert statistics.seed_ceiling(diverged, **OPTIONS) == expected and expected.n == 5
    assert np.isnan(statistics.seed_ceiling(diverged[:4], **OPTIONS).value)
    for few in (diverged[:, :1], diverged[:, 0]):
        with pytest.raises(ValueError, match="two seeds or more"):
            statistics.seed_ceiling(few, **OPTIONS)


def test_difference_is_paired():
    x, y = correlated(60)
    nearly = x + 0.01 * np.random.default_rng(1).normal(size=60)
    found = statistics.difference(nearly, x, y, **OPTIONS)
    alone = statistics.correlation(x, y, **OPTIONS)
    assert found.high - found.low < 0.1 * (alone.high - alone.low)
    assert found.value == pytest.approx(stats.pearsonr(nearly, y).statistic - alone.value)


def test_networks_without_a_value_are_left_out():
    x, y = correlated(40)
    expected = statistics.correlation(x[5:], y[5:], **OPTIONS)
    x[:3], y[3:5] = np.nan, np.nan
    assert statistics.correlation(x, y, **OPTIONS) == expected and expected.n == 35


@pytest.mark.parametrize(
    "x", [np.full(10, 0.5), *(np.full(n, value) for n in (24, 60, 116) for value in (0.1, 0.37)), np.arange(3.0)]
)
def test_where_there_is_no_correlation_there_is_no_number(x):
    found = statistics.correlation(x, np.arange(len(x)) ** 2.0, **OPTIONS)
    assert np.isnan([found.value, found.low, found.high]).all()


def test_mean_has_the_t_interval():
    values = np.array([1.0, 2.0, 4.0, np.nan])
    found = statistics.mean(values)
    expected = stats.ttest_1samp(values[:3], 0).confidence_interval(0.95)
    assert (found.value, found.n) == (pytest.approx(7 / 3), 3)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = statistics.mean(np.array([1.0]))
    assert (alone.value, alone.n) == (1.0, 1) and np.isnan([alone.low, alone.high]).all()
    assert np.isnan(statistics.mean(np.array([np.nan])).value)
