import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sage import predictors, statistics

OPTIONS = {"resamples": 2000, "seed": 0}


def correlated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, x + rng.normal(size=n)


@pytest.mark.parametrize("method, scipy", [("pearson", stats.pearsonr), ("spearman", stats.spearmanr)])
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


def make_pool(networks: int = 30) -> tuple[xr.Dataset, xr.DataArray]:
    """Accuracy tells mature accuracy with noise that shrinks over epochs, the teacher's layers without."""
    rng = np.random.default_rng(0)
    mature = rng.random(networks)
    accuracy = np.stack([mature + scale * rng.normal(size=networks) for scale in (1, 0.3, 0)], 1)
    similarity = np.repeat(mature[:, None, None, None], 3, 1) * np.ones((1, 1, 2, 4))
    similarity[:, :, 1] *= 0.5
    similarity[:, :, :, 3] = np.nan
    coordinates = {"network": np.arange(networks), "epoch": [0.5, 2.0, 20.0]}
    pool = xr.Dataset({"accuracy": (("network", "epoch"), accuracy)}, coordinates)
    layers = {"teacher_layer": ["L1", "L2"], "layer": [1, 2, 3, 4]}
    return pool, xr.DataArray(similarity, coordinates | layers, ("network", "epoch", "teacher_layer", "layer"))


def test_scores_by_hand():
    pool, similarity = make_pool()
    table = predictors.scores(pool, similarity, alpha=2.0)
    assert table.predictor.values.tolist() == ["P", "TG L1", "TG L2", "TG", "P + alpha TG"]
    assert table.dims == ("predictor", "network", "epoch") and table.attrs["alpha"] == 2
    mature = predictors.mature_accuracy(pool, 20)
    for name, expected in (
        ("P", pool.accuracy),
        ("TG L1", mature),
        ("TG L2", 0.5 * mature),
        ("TG", 0.75 * mature),
        ("P + alpha TG", pool.accuracy + 1.5 * mature),
    ):
        np.testing.assert_allclose(*xr.broadcast(table.sel(predictor=name, drop=True), expected))


def test_curves_and_sweep_are_correlations_with_mature_accuracy():
    pool, similarity = make_pool()
    mature = predictors.mature_accuracy(pool, 20)
    curves = predictors.curves(predictors.scores(pool, similarity, 1.0), mature, **OPTIONS)
    assert curves.epoch.values.tolist() == [0.5, 2.0]
    expected = stats.pearsonr(pool.accuracy.sel(epoch=0.5), mature).statistic
    assert curves.value.sel(predictor="P", epoch=0.5) == pytest.approx(expected)
    assert curves.value.sel(predictor="TG", epoch=0.5) == pytest.approx(1)
    assert (curves.n == 30).all() and ((curves.low <= curves.value) & (curves.value <= curves.high)).all()
    scores = predictors.scores(pool, similarity, 1.0)
    sweep = predictors.alpha_sweep(scores, mature, np.array([0.0, 1.0, 100.0]), **OPTIONS)
    np.testing.assert_allclose(sweep.sel(alpha=0.0).value, 0, atol=1e-12)
    assert sweep.value.sel(alpha=100.0, epoch=0.5) == pytest.approx(1 - expected, abs=0.02)


def test_predictors_are_compared_on_the_same_networks():
    pool, similarity = make_pool()
    similarity[3] = np.nan  # no layer of this network has an RDM
    table = predictors.scores(pool, similarity, 1.0)
    curves = predictors.curves(table, predictors.mature_accuracy(pool, 20), **OPTIONS)
    assert (curves.n == 29).all() and np.isnan(table.sel(predictor="P", network=3)).all()


def test_networks_that_never_matured_are_no_pool():
    pool, _ = make_pool()
    with pytest.raises(ValueError, match="no network of the pool reached epoch 30"):
        predictors.mature_accuracy(pool, 30)


@pytest.mark.parametrize(
    "low, high, word", [(0.1, 0.3, "better"), (-0.3, -0.1, "worse"), (-0.1, 0.1, "undecided"), (np.nan, np.nan, "few")]
)
def test_verdict_follows_the_interval(low, high, word):
    assert word in predictors.verdict(statistics.Estimate((low + high) / 2, low, high, 40))


def test_mean_has_the_t_interval():
    values = np.array([1.0, 2.0, 4.0, np.nan])
    found = statistics.mean(values)
    expected = stats.ttest_1samp(values[:3], 0).confidence_interval(0.95)
    assert (found.value, found.n) == (pytest.approx(7 / 3), 3)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = statistics.mean(np.array([1.0]))
    assert (alone.value, alone.n) == (1.0, 1) and np.isnan([alone.low, alone.high]).all()
    assert np.isnan(statistics.mean(np.array([np.nan])).value)
