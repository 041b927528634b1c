import numpy as np
import pytest
from scipy import stats

from sage import resampling, statistics

OPTIONS = {"resamples": 300, "seed": 3}


def unless_constant(correlation):
    """A correlation of SciPy's, NaN of a constant sample without a warning."""
    return lambda x, y: correlation(x, y).statistic if np.ptp(x) and np.ptp(y) else np.nan


def regret(predictor: np.ndarray, target: np.ndarray) -> float:
    """By taking one network after the other, of those that tie the one with the lowest target."""
    if not np.ptp(predictor):
        return np.nan
    left, chosen = list(range(len(target))), []
    while left and len(chosen) < resampling.REGRET_TOP:
        highest = [i for i in left if predictor[i] == max(predictor[j] for j in left)]
        chosen.append(min(highest, key=lambda i: target[i]))
        left.remove(chosen[-1])
    return max(target) - max(target[i] for i in chosen)


# What `resampling.METHODS` are of one predictor and one sample [n].
ALONE = {
    "pearson": unless_constant(stats.pearsonr),
    "spearman": unless_constant(stats.spearmanr),
    "kendall": unless_constant(stats.kendalltau),
    "regret": regret,
}


def partial_correlation(predictor: np.ndarray, target: np.ndarray, covariates: np.ndarray) -> float:
    """By least squares; NaN where nothing but rounding is left."""
    design = np.column_stack([np.ones(len(target)), covariates])
    rest = [
        values - design @ np.linalg.lstsq(design, values, rcond=1e-10)[0]
        for values in (predictor, target)
    ]
    varies = all(
        np.std(left) > 1e-9 * max(np.std(whole), 1e-9)
        for left, whole in zip(rest, (predictor, target))
    )
    return stats.pearsonr(*rest).statistic if varies else np.nan


def one_by_one(statistic, *samples: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """A statistic [1 + R] of samples [n, ...] and of each of their resamples."""
    n = len(samples[0])
    drawn = np.random.default_rng(seed).integers(n, size=(resamples, n))
    return np.array(
        [statistic(*(values[rows] for values in samples)) for rows in (np.arange(n), *drawn)]
    )


def interval(drawn: np.ndarray) -> list[float]:
    """Value, low and high of what `one_by_one` gives."""
    return [drawn[0], *np.nanpercentile(drawn[1:], (2.5, 97.5))]


def make_samples(n: int = 14) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors [4, n] with ties, one of them constant, a target [n], and covariates [n, 2], one of large values."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=n).round(1)
    predictors = np.stack(
        [target + rng.normal(size=n), rng.integers(3, size=n), np.full(n, 0.37), rng.normal(size=n)]
    )
    return predictors, target, np.stack([rng.normal(size=n), 1e6 + rng.normal(size=n)], 1)


def test_counts_are_of_the_bootstraps_resamples():
    counts = resampling.counts(5, resamples=20, seed=1)
    drawn = np.random.default_rng(1).integers(5, size=(20, 5))
    assert counts.shape == (21, 5) and (counts[0] == 1).all()
    for row, places in zip(counts[1:], drawn):
        assert [np.count_nonzero(places == network) for network in range(5)] == row.tolist()


@pytest.mark.parametrize("method", resampling.METHODS)
def test_many_at_once_are_as_each_resample_alone(method):
    predictors, target, _ = make_samples()
    drawn = resampling.METHODS[method](resampling.counts(14, **OPTIONS), predictors, target)
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
    drawn = resampling.pearson(resampling.counts(14, **OPTIONS), predictors, target)
    found = statistics.correlation(predictors[0], target, **OPTIONS)
    assert interval(drawn[:, 0]) == pytest.approx([found.value, found.low, found.high])


@pytest.mark.parametrize("method", resampling.METHODS)
def test_of_a_constant_target_there_is_no_correlation_and_no_regret(method):
    predictors, target, _ = make_samples()
    drawn = resampling.METHODS[method](resampling.counts(14, **OPTIONS), predictors, 0 * target)
    if method == "regret":
        assert (drawn[0, [0, 1, 3]] == 0).all() and np.isnan(drawn[:, 2]).all()
    else:
        assert np.isnan(drawn).all()


@pytest.mark.parametrize("method", resampling.METHODS)
def test_a_predictor_is_as_good_as_its_multiple_and_the_target_is_the_best(method):
    predictors, target, _ = make_samples()
    together = np.stack([predictors[3], 2 * predictors[3], target, -target])
    drawn = resampling.METHODS[method](resampling.counts(14, **OPTIONS), together, target)
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
        found = resampling.regret(np.ones((1, 7)), np.array([predictor]), target)
        assert found.item() == pytest.approx(expected), predictor


def test_partial_correlations_are_as_each_resample_alone():
    predictors, target, covariates = make_samples()
    predictors = np.concatenate(
        [predictors, 3 * covariates.T[:1] - 2]
    )  # nothing is left of this one
    drawn = resampling.partial_correlation(
        resampling.counts(14, **OPTIONS), predictors, target, covariates
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
    found = resampling.partial_correlation(np.ones((1, 14)), x[None], target, z[:, None])
    assert found.item() == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


def test_covariates_that_say_the_same_count_once():
    predictors, target, covariates = make_samples()
    counts = resampling.counts(14, **OPTIONS)
    twice = np.column_stack([covariates, covariates[:, 0], np.ones(14)])
    np.testing.assert_allclose(
        resampling.partial_correlation(counts, predictors, target, twice)[0],
        resampling.partial_correlation(counts, predictors, target, covariates)[0],
    )
