import numpy as np
import pytest
from scipy import stats

from sage.analysis import bootstrap
from sage.analysis.bootstrap import Bootstrap
from tests.support.one_by_one import (
    ALONE,
    BOOTSTRAP,
    one_by_one,
    partial_correlation,
)

MANY = Bootstrap(resamples=2000, seed=0)


def make_samples(n: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictors [4, n] with ties, one constant, a target [n] and covariates [n, 2]."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=n).round(1)
    predictors = np.stack(
        [target + rng.normal(size=n), rng.integers(3, size=n), np.full(n, 0.37), rng.normal(size=n)]
    )
    return predictors, target, np.stack([rng.normal(size=n), 1e6 + rng.normal(size=n)], 1)


def test_counts_are_of_the_bootstraps_resamples():
    counts = Bootstrap(20, 1).counts(5)
    drawn = np.random.default_rng(1).integers(5, size=(20, 5))
    assert counts.shape == (21, 5) and (counts[0] == 1).all()
    for row, places in zip(counts[1:], drawn):
        assert [np.count_nonzero(places == network) for network in range(5)] == row.tolist()


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_many_at_once_are_as_each_resample_alone(method):
    predictors, target, _ = make_samples()
    drawn = bootstrap.METHODS[method](BOOTSTRAP.counts(14), predictors, target)
    assert drawn.shape == (301, 4) and np.isnan(drawn[:, 2]).all()
    for place, predictor in enumerate(predictors):
        np.testing.assert_allclose(
            drawn[:, place],
            one_by_one(ALONE[method], predictor, target),
            rtol=1e-7,
            atol=1e-9,
        )


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_of_a_constant_target_there_is_no_correlation_and_no_regret(method):
    predictors, target, _ = make_samples()
    drawn = bootstrap.METHODS[method](BOOTSTRAP.counts(14), predictors, 0 * target)
    if method == "regret":
        assert (drawn[0, [0, 1, 3]] == 0).all() and np.isnan(drawn[:, 2]).all()
    else:
        assert np.isnan(drawn).all()


@pytest.mark.parametrize("method", bootstrap.METHODS)
def test_a_predictor_is_as_good_as_its_multiple_and_the_target_is_the_best(method):
    predictors, target, _ = make_samples()
    together = np.stack([predictors[3], 2 * predictors[3], target, -target])
    drawn = bootstrap.METHODS[method](BOOTSTRAP.counts(14), together, target)
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
    drawn = bootstrap.partial_correlation(BOOTSTRAP.counts(14), predictors, target, covariates)
    assert np.isnan(drawn[:, [2, 4]]).all()
    for place in (0, 1, 3):
        expected = one_by_one(partial_correlation, predictors[place], target, covariates - [0, 1e6])
        np.testing.assert_allclose(drawn[:, place], expected, rtol=1e-6, atol=1e-6)


def test_partial_correlation_by_the_formula_for_one_covariate():
    predictors, target, covariates = make_samples()
    x, z = predictors[0], covariates[:, 0]
    xy, xz, yz = (stats.pearsonr(*pair).statistic for pair in ((x, target), (x, z), (target, z)))
    found = bootstrap.partial_correlation(np.ones((1, 14)), x[None], target, z[:, None])
    assert found.item() == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


def test_covariates_that_say_the_same_count_once():
    predictors, target, covariates = make_samples()
    counts = BOOTSTRAP.counts(14)
    twice = np.column_stack([covariates, covariates[:, 0], np.ones(14)])
    np.testing.assert_allclose(
        bootstrap.partial_correlation(counts, predictors, target, twice)[0],
        bootstrap.partial_correlation(counts, predictors, target, covariates)[0],
    )


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, x + rng.normal(size=n)


def test_correlation_agrees_with_scipy():
    x, y = np.round(correlated(40), 1)  # with ties
    expected = pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert bootstrap.correlate(x, y) == expected
    assert bootstrap.correlate(x[:, None], y[:, None], axis=0) == expected


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_a_predictor_with_nan_has_no_correlation(method):
    x, y = correlated(20)
    broken, counts = np.where(x == x.max(), np.nan, x), BOOTSTRAP.counts(20)
    found = bootstrap.METHODS[method](counts, np.stack([x, broken]), y)
    assert np.isfinite(found[:, 0]).all() and np.isnan(found[:, 1]).all()
    assert np.isnan(bootstrap.METHODS[method](counts, x[None], broken)).all()


def test_interval_agrees_with_scipys_bootstrap():
    x, y = correlated(60)
    found = bootstrap.correlation(x, y, Bootstrap(20_000, 0))
    expected = stats.bootstrap(
        (x, y), bootstrap.correlate, paired=True, n_resamples=20_000, method="percentile", rng=1
    )
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.01)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.01)


def test_interval_covers_the_truth_about_19_times_in_20():
    covered = 0
    for seed in range(200):
        x, y = correlated(50, seed)
        found = bootstrap.correlation(x, y, Bootstrap(500, seed))
        covered += found.low <= np.sqrt(0.5) <= found.high
    assert 175 <= covered <= 199


def test_small_numbers_correlate_as_large_ones():
    x, y = correlated(30)
    assert bootstrap.correlate(1e-9 * x, y) == pytest.approx(bootstrap.correlate(x, y))


def test_resamples_are_measured_one_by_one():
    x, y = np.round(correlated(20), 1)
    drawn = np.random.default_rng(3).integers(20, size=(300, 20))
    by_one = [float(bootstrap.correlate(x[rows], y[rows])) for rows in drawn]
    found = bootstrap.correlation(x, y, Bootstrap(300, 3))
    assert (found.low, found.high) == pytest.approx(np.percentile(by_one, (2.5, 97.5)))
    assert found.value == pytest.approx(bootstrap.correlate(x, y))


def test_seed_ceiling_of_shrout_and_fleiss():
    """Their table 2: six targets, four judges, ICC(1,1) = .17."""
    ratings = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]]
    )
    found = bootstrap.seed_ceiling(ratings, MANY)
    assert found.value**2 == pytest.approx(0.17, abs=0.005) and found.n == 6
    means, within = ratings.mean(1), np.mean([np.var(row, ddof=1) for row in ratings])
    between = 4 * np.var(means, ddof=1)
    assert found.value**2 == pytest.approx((between - within) / (between + 3 * within))
    shifted = bootstrap.seed_ceiling(0.01 * ratings + 5, MANY)
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx(
        (found.value, found.low, found.high)
    )


def test_seed_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(0)
    expected_accuracy = rng.normal(size=3000)
    accuracy = expected_accuracy[:, None] + 0.7 * rng.normal(size=(3000, 3))
    found = bootstrap.seed_ceiling(accuracy, Bootstrap(200, 0))
    assert found.value == pytest.approx(1 / np.sqrt(1.49), abs=0.02)
    assert found.value == pytest.approx(
        stats.pearsonr(expected_accuracy, accuracy[:, 0]).statistic, abs=0.02
    )
    assert found.low < found.value < found.high


def test_seed_ceiling_at_its_ends():
    means = np.arange(6.0)[:, None]
    assert bootstrap.seed_ceiling(means + np.zeros(3), MANY).value == pytest.approx(1)
    assert (
        bootstrap.seed_ceiling(0 * means + np.array([1.0, 2, 3]), MANY).value == 0
    )  # seeds alone differ
    assert np.isnan(bootstrap.seed_ceiling(np.full((6, 4), 0.1), MANY).value)
    diverged = np.random.default_rng(0).random((6, 2))
    expected = bootstrap.seed_ceiling(diverged[1:], MANY)
    diverged[0, 1] = np.nan
    assert bootstrap.seed_ceiling(diverged, MANY) == expected and expected.n == 5
    assert np.isnan(bootstrap.seed_ceiling(diverged[:4], MANY).value)
    for few in (diverged[:, :1], diverged[:, 0]):
        with pytest.raises(ValueError, match="two seeds or more"):
            bootstrap.seed_ceiling(few, MANY)


def test_networks_without_a_value_are_left_out():
    x, y = correlated(40)
    expected = bootstrap.correlation(x[5:], y[5:], MANY)
    x[:3], y[3:5] = np.nan, np.nan
    assert bootstrap.correlation(x, y, MANY) == expected and expected.n == 35


@pytest.mark.parametrize(
    "x",
    [
        np.full(10, 0.5),
        *(np.full(n, value) for n in (24, 60, 116) for value in (0.1, 0.37)),
        np.arange(3.0),
    ],
)
def test_where_there_is_no_correlation_there_is_no_number(x):
    found = bootstrap.correlation(x, np.arange(len(x)) ** 2.0, MANY)
    assert np.isnan([found.value, found.low, found.high]).all()


def test_fewer_than_five_have_a_value_without_an_interval():
    x, y = np.arange(4.0), np.array([0.0, 1.0, 2.0, 2.5])
    few = (
        bootstrap.correlation(x, y, MANY),
        bootstrap.seed_ceiling(np.stack([x, y], 1), MANY),
        bootstrap.t_interval(x),
    )
    for one in few:
        assert one.value > 0.9 and one.n == 4 and np.isnan([one.low, one.high]).all()
    enough = bootstrap.correlation(np.arange(5.0), np.append(y, 4), MANY)
    assert np.isfinite([enough.low, enough.high]).all()


def test_mean_has_the_t_interval():
    values = np.array([1.0, 2.0, 4.0, 8.0, 0.0, np.nan])
    found = bootstrap.t_interval(values)
    expected = stats.ttest_1samp(values[:5], 0).confidence_interval(0.95)
    assert (found.value, found.n) == (3, 5) and expected.low < 0
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = bootstrap.t_interval(np.array([1.0]))
    assert (alone.value, alone.n) == (1.0, 1) and np.isnan([alone.low, alone.high]).all()
    assert np.isnan(bootstrap.t_interval(np.array([np.nan])).value)
