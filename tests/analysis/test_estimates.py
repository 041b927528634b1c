import numpy as np
import pytest
from scipy import stats

from sage.analysis import estimates

OPTIONS = {"resamples": 2000, "seed": 0}


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, x + rng.normal(size=n)


@pytest.mark.parametrize(
    "method, scipy", [(estimates.pearson, stats.pearsonr), (estimates.spearman, stats.spearmanr)]
)
def test_correlations_agree_with_scipy(method, scipy):
    x, y = np.round(correlated(40), 1)  # with ties
    assert method(x, y) == pytest.approx(scipy(x, y).statistic, abs=1e-12)
    assert method(x[:, None], y[:, None], axis=0) == pytest.approx(scipy(x, y).statistic, abs=1e-12)


def test_interval_agrees_with_scipys_bootstrap():
    x, y = correlated(60)
    found = estimates.correlation(x, y, resamples=20_000, seed=0)
    expected = stats.bootstrap(
        (x, y), estimates.pearson, paired=True, n_resamples=20_000, method="percentile", rng=1
    )
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.01)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.01)


def test_interval_covers_the_truth_about_19_times_in_20():
    covered = 0
    for seed in range(200):
        x, y = correlated(50, seed)
        found = estimates.correlation(x, y, resamples=500, seed=seed)
        covered += found.low <= np.sqrt(0.5) <= found.high
    assert 175 <= covered <= 199


def test_small_numbers_correlate_as_large_ones():
    x, y = correlated(30)
    assert estimates.pearson(1e-9 * x, y) == pytest.approx(estimates.pearson(x, y))


def test_resamples_are_measured_one_by_one():
    x, y = np.round(correlated(20), 1)
    drawn = np.random.default_rng(3).integers(20, size=(300, 20))
    by_one = [float(estimates.pearson(x[rows], y[rows])) for rows in drawn]
    found = estimates.correlation(x, y, resamples=300, seed=3)
    assert (found.low, found.high) == pytest.approx(np.percentile(by_one, (2.5, 97.5)))


def test_seed_ceiling_of_shrout_and_fleiss():
    """Their table 2: six targets, four judges, ICC(1,1) = .17."""
    ratings = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]]
    )
    found = estimates.seed_ceiling(ratings, **OPTIONS)
    assert found.value**2 == pytest.approx(0.17, abs=0.005) and found.n == 6
    means, within = ratings.mean(1), np.mean([np.var(row, ddof=1) for row in ratings])
    between = 4 * np.var(means, ddof=1)
    assert found.value**2 == pytest.approx((between - within) / (between + 3 * within))
    shifted = estimates.seed_ceiling(0.01 * ratings + 5, **OPTIONS)
    assert (shifted.value, shifted.low, shifted.high) == pytest.approx(
        (found.value, found.low, found.high)
    )


def test_seed_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(0)
    expected_accuracy = rng.normal(size=3000)
    accuracy = expected_accuracy[:, None] + 0.7 * rng.normal(size=(3000, 3))
    found = estimates.seed_ceiling(accuracy, resamples=200, seed=0)
    assert found.value == pytest.approx(1 / np.sqrt(1.49), abs=0.02)
    assert found.value == pytest.approx(
        stats.pearsonr(expected_accuracy, accuracy[:, 0]).statistic, abs=0.02
    )
    assert found.low < found.value < found.high


def test_seed_ceiling_at_its_ends():
    means = np.arange(6.0)[:, None]
    assert estimates.seed_ceiling(means + np.zeros(3), **OPTIONS).value == pytest.approx(1)
    assert (
        estimates.seed_ceiling(0 * means + np.array([1.0, 2, 3]), **OPTIONS).value == 0
    )  # seeds alone differ
    assert np.isnan(estimates.seed_ceiling(np.full((6, 4), 0.1), **OPTIONS).value)
    diverged = np.random.default_rng(0).random((6, 2))
    expected = estimates.seed_ceiling(diverged[1:], **OPTIONS)
    diverged[0, 1] = np.nan
    assert estimates.seed_ceiling(diverged, **OPTIONS) == expected and expected.n == 5
    assert np.isnan(estimates.seed_ceiling(diverged[:4], **OPTIONS).value)
    for few in (diverged[:, :1], diverged[:, 0]):
        with pytest.raises(ValueError, match="two seeds or more"):
            estimates.seed_ceiling(few, **OPTIONS)


def test_networks_without_a_value_are_left_out():
    x, y = correlated(40)
    expected = estimates.correlation(x[5:], y[5:], **OPTIONS)
    x[:3], y[3:5] = np.nan, np.nan
    assert estimates.correlation(x, y, **OPTIONS) == expected and expected.n == 35


@pytest.mark.parametrize(
    "x",
    [
        np.full(10, 0.5),
        *(np.full(n, value) for n in (24, 60, 116) for value in (0.1, 0.37)),
        np.arange(3.0),
    ],
)
def test_where_there_is_no_correlation_there_is_no_number(x):
    found = estimates.correlation(x, np.arange(len(x)) ** 2.0, **OPTIONS)
    assert np.isnan([found.value, found.low, found.high]).all()


def test_mean_has_the_t_interval():
    values = np.array([1.0, 2.0, 4.0, np.nan])
    found = estimates.mean(values)
    expected = stats.ttest_1samp(values[:3], 0).confidence_interval(0.95)
    assert (found.value, found.n) == (pytest.approx(7 / 3), 3)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = estimates.mean(np.array([1.0]))
    assert (alone.value, alone.n) == (1.0, 1) and np.isnan([alone.low, alone.high]).all()
    assert np.isnan(estimates.mean(np.array([np.nan])).value)
