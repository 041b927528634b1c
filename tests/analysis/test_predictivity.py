import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sage.analysis import (
    bootstrap,
    cross_validation,
    predictivity,
    predictors,
)
from sage.analysis.bootstrap import Estimate
from sage.config import paths
from tests.support.one_by_one import ALONE, BOOTSTRAP, interval, one_by_one, partial_correlation
from tests.support.pools import NAMES, make_analysis, make_assessed, make_known

# What can be made of these.
NESTED = ["P + a TG", "P + a TG shuffled", "P + a P", "P + a TSE", "P + a log parameters"]


def test_every_statistic_is_that_of_each_predictor_alone():
    table, mature, assessed = make_assessed()
    assert assessed.epoch.values.tolist() == [0.5, 2.0] and (assessed.n == 30).all()
    p, tse = (table.sel(predictor=name, epoch=0.5).values for name in ("P", "TSE"))
    for method, alone in ALONE.items():
        one = assessed.sel(predictor="TSE", epoch=0.5, statistic=method)
        drawn, of_p = (one_by_one(alone, values, mature.values) for values in (tse, p))
        assert [one[name].item() for name in ("value", "low", "high")] == pytest.approx(
            interval(drawn)
        )
        found = [one[name].item() for name in ("difference", "difference_low", "difference_high")]
        assert found == pytest.approx(interval(drawn - of_p))
    covariates = np.stack(
        [p, *(table.sel(predictor=name, epoch=0.5) for name in ("log parameters", "depth"))], 1
    )
    one = assessed.sel(predictor="TSE", epoch=0.5, statistic="partial")
    found = [one[name].item() for name in ("value", "low", "high")]
    expected = one_by_one(partial_correlation, tse, mature.values, covariates)
    assert found == pytest.approx(interval(expected), abs=1e-6)
    assert np.isnan(
        assessed.sel(predictor=["P", "depth"], statistic="partial").value
    ).all()  # given themselves
    combined, nested = (
        assessed.sel(predictor=name, statistic="partial") for name in ("P + alpha TG", NESTED)
    )
    assert (
        combined.value.notnull().all()
        and nested.value.isnull().all()
        and nested.difference_low.isnull().all()
    )
    assert (assessed.sel(predictor="P", statistic="kendall").difference == 0).all()
    assert assessed.family.sel(predictor="P + a TG") == "combination"
    assert assessed.cost.sel(predictor="P + a TSE").values.tolist() == [12, 27]


def test_networks_that_diverged_are_left_out_and_too_few_have_no_numbers():
    known, mature = make_known(6)
    mature[1] = np.nan
    table = predictors.score_table(known, NAMES)
    assert (predictivity.assess(table, mature, BOOTSTRAP).n == 5).all()
    mature[2:4] = np.nan
    few = predictivity.assess(table, mature, BOOTSTRAP)
    assert (few.n == 3).all() and few.value.isnull().all() and few.difference_low.isnull().all()


def test_additions_to_a_constant_p_are_not_defined_and_leave_the_others_theirs():
    known, mature = make_known()
    known.results["accuracy"][:, 0] = 0.1
    known.results["examples"][:, 0] = 0  # so that there is no training speed either
    table, _ = predictivity.add_nested(predictors.score_table(known, NAMES), mature, seed=0)
    one = predictivity.assess(table, mature, BOOTSTRAP).sel(epoch=0.5, statistic="pearson")
    assert one.n == 30 and one.value.sel(predictor="TG") == pytest.approx(1)
    assert one.value.sel(predictor=["P", *NESTED]).isnull().all() and one.difference.isnull().all()


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_sweep_over_alpha(method):
    known, mature = make_known()
    table = predictors.score_table(known, NAMES)
    alphas = np.array([0.0, 1.0, 100.0])
    sweep = predictivity.alpha_sweep(table, mature, alphas, BOOTSTRAP).sel(statistic=method)
    np.testing.assert_allclose(sweep.sel(alpha=0.0).value, 0, atol=1e-12)
    alone = ALONE[method](known.results.accuracy.sel(epoch=0.5).values, mature.values)
    assert sweep.value.sel(alpha=100.0, epoch=0.5) == pytest.approx(1 - alone, abs=0.02)
    p, both = (table.sel(predictor=name, epoch=0.5).values for name in ("P", predictors.COMBINED))
    r, of_p = (one_by_one(ALONE[method], values, mature.values) for values in (both, p))
    one = sweep.sel(alpha=1.0, epoch=0.5)
    found = [one[name].item() for name in ("value", "low", "high")]
    assert found == pytest.approx(interval(r - of_p))
    assert (sweep.n == 30).all()
    few = mature.where(mature.network < 3)
    none = predictivity.alpha_sweep(table, few, np.array([1.0]), BOOTSTRAP)
    assert none.value.isnull().all() and none.low.isnull().all() and (none.n == 3).all()


def test_nested_additions_are_scaled_alike():
    known, mature = make_known()
    table = predictors.score_table(known, NAMES)
    found, alphas = predictivity.add_nested(table, mature, seed=4)
    xr.testing.assert_identical(found.sel(predictor=table.predictor.values), table)
    assert set(found.predictor.values) - set(table.predictor.values) == set(NESTED)
    found = found.sel(predictor=NESTED)
    assert found.sel(epoch=20.0).isnull().all() and alphas.epoch.values.tolist() == [0.5, 2.0]
    p, size = (table.sel(predictor=name, epoch=2.0).values for name in ("P", "log parameters"))
    scaled = size / size.std() * p.std()
    expected, chosen = cross_validation.nested_alpha(
        p,
        scaled,
        mature,
        alphas=predictivity.ALPHAS,
        folds=cross_validation.FOLDS,
        repeats=cross_validation.REPEATS,
        seed=4,
    )
    one = {"predictor": "P + a log parameters", "epoch": 2.0}
    np.testing.assert_allclose(found.sel(one), expected)
    assert alphas.sel(one).item() == pytest.approx(chosen.mean() * p.std() / size.std())
    larger = table.where(
        table.predictor != "log parameters", 1e4 * table
    )  # in another unit: the same freedom
    again, smaller = predictivity.add_nested(larger, mature, seed=4)
    np.testing.assert_allclose(again.sel(predictor=found.predictor.values), found)
    assert smaller.sel(one).item() == pytest.approx(1e-4 * alphas.sel(one).item())


def test_p_added_to_itself_is_p_by_folds():
    known, mature = make_known()
    table = predictors.score_table(known, NAMES)
    found, _ = predictivity.add_nested(table, mature, seed=0)
    p, folded = (found.sel(predictor=name, epoch=2.0).values for name in ("P", "P + a P"))
    expected, _ = cross_validation.nested_alpha(
        p,
        0 * p,
        mature,
        alphas=np.zeros(1),
        folds=cross_validation.FOLDS,
        repeats=cross_validation.REPEATS,
        seed=0,
    )
    np.testing.assert_allclose(folded, expected)
    assert 0.99 < stats.pearsonr(p, folded).statistic < 1


def test_nested_guidance_that_knows_all_takes_the_largest_weight():
    known, mature = make_known()
    table = predictors.score_table(known, NAMES)
    found, alphas = predictivity.add_nested(table, mature, seed=0)
    ratio = table.sel(predictor="P", epoch=0.5).std() / table.sel(predictor="TG", epoch=0.5).std()
    assert alphas.sel(predictor="P + a TG", epoch=0.5).item() == pytest.approx(
        max(predictivity.ALPHAS) * ratio.item()
    )
    assert stats.pearsonr(found.sel(predictor="P + a TG", epoch=0.5), mature).statistic > 0.95


def test_ceiling_pairs_networks_by_their_number():
    rng = np.random.default_rng(0)
    mature = xr.DataArray(rng.random(10), {"network": np.arange(10)}, "network")
    again = mature[[0, 1, 2, 5, 6, 7]] + 0.1 * rng.normal(size=6)
    found = predictivity.ceiling(mature, again, BOOTSTRAP)
    both = np.stack([mature.values[[0, 1, 2, 5, 6, 7]], again.values], 1)
    assert found == bootstrap.seed_ceiling(both, BOOTSTRAP) and 0 < found.value < 1 and found.n == 6


def test_networks_that_never_matured_are_no_pool():
    with pytest.raises(ValueError, match="no network of the pool reached epoch 30"):
        predictivity.mature_accuracy(make_known()[0].results, 30)


def test_record_holds_all_and_can_be_saved(tmp_path):
    all_of, some = make_analysis(), make_analysis(guided=False)
    sweep = predictivity.alpha_sweep(all_of.scores, all_of.mature, np.array([0.5, 1.0]), BOOTSTRAP)
    saved = predictivity.record({"all": all_of, "some": some}, sweep, Estimate(0.9, 0.8, 1.0, 6))
    assert "alpha" not in saved.dims  # a parameter of grids, along which they gather such tables
    found = xr.load_dataset(paths.save_table(saved, tmp_path / "file.nc"))
    np.testing.assert_array_equal(found.value.sel(pool="some"), some.assessed.value)
    np.testing.assert_array_equal(found.n.sel(pool="all"), all_of.assessed.n)
    np.testing.assert_array_equal(found.sweep_value, sweep.value)
    np.testing.assert_array_equal(found.nested_alpha.sel(pool="some"), some.weights)
    np.testing.assert_array_equal(found.contrast_all_low.sel(pool="some"), some.compared.all_low)
    assert found.contrast_second.values.tolist() == some.compared["second"].values.tolist()
    assert found.attrs["ceiling_value"] == 0.9 and found.attrs["ceiling_n"] == 6
