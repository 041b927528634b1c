import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from sage.analysis import bootstrap, contrasts
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.contrasts import ALIKE, BETTER, UNDECIDED, UNKNOWN, WORSE
from tests.support.one_by_one import ALONE, BOOTSTRAP, one_by_one
from tests.support.pools import make_assessed

PAIRS = [("TG", "depth"), ("P", "absent"), ("P", "TSE")]


def compare(scores: xr.DataArray, mature: xr.DataArray, **place) -> xr.Dataset:
    """Return the first of `PAIRS` after two epochs."""
    found = contrasts.contrasts(scores, mature, PAIRS, BOOTSTRAP)
    assert list(zip(found["first"].values, found["second"].values)) == [PAIRS[0], PAIRS[2]]
    return found.isel(pair=0).sel(epoch=2.0)


def ends(drawn: np.ndarray, share: float) -> list[float]:
    """Percentiles that leave out a share at each end, and two standard errors of it less."""
    share -= 2 * (share * (1 - share) / BOOTSTRAP.resamples) ** 0.5
    return np.percentile(drawn[1:], (100 * max(share, 0), 100 - 100 * max(share, 0))).tolist()


@pytest.mark.parametrize("method", contrasts.RANKED)
def test_contrasts_are_paired_and_hold_for_all_epochs_at_once(method):
    scores, mature, _ = make_assessed()
    one = compare(scores, mature).sel(statistic=method)
    tg, depth = (scores.sel(predictor=name, epoch=2.0).values for name in ("TG", "depth"))
    drawn = [one_by_one(ALONE[method], values, mature.values) for values in (tg, depth)]
    differences = drawn[0] - drawn[1]
    found = [one[name].item() for name in contrasts.FIELDS[:5]]
    expected = [differences[0], *ends(differences, 0.025), *ends(differences, 0.0125)]
    assert found == pytest.approx(expected)
    assert np.isnan([one[name] for name in contrasts.POOLED]).all()  # one pool
    few = contrasts.contrasts(scores, mature.where(mature.network < 3), PAIRS, BOOTSTRAP)
    assert few.value.isnull().all() and few.all_low.isnull().all()


def test_pools_are_compared_apart_and_put_together():
    scores, mature, _ = make_assessed()
    scores = scores.assign_coords(pool=("network", ["a", "b", "b"] * 10))
    one = compare(scores, mature).sel(statistic="pearson")
    effects, errors = [], []
    for name in "ab":
        own = compare(scores[:, scores.pool == name], mature[(scores.pool == name).values])
        effects.append(own.value.sel(statistic="pearson").item())
        tg, depth = (
            scores.sel(predictor=score, epoch=2.0)[scores.pool == name].values
            for score in ("TG", "depth")
        )
        target = mature.values[scores.pool == name]
        drawn = [one_by_one(ALONE["pearson"], values, target) for values in (tg, depth)]
        errors.append(np.std((drawn[0] - drawn[1])[1:]))
    expected = contrasts.random_effects(np.array([effects]).T, np.array([errors]).T)[0]
    assert [one[name].item() for name in contrasts.POOLED] == pytest.approx(expected)
    # Of a pool of five some resamples hold one network only, which has no correlation.
    small = scores.assign_coords(pool=("network", ["a"] * 5 + ["b"] * 25))
    assert compare(small, mature).sel(statistic="pearson").pooled.notnull()


def test_random_effects_of_the_trials_of_bcg_vaccine():
    """Log risk ratios of Colditz et al. 1994, as the R package metafor has them (method DL)."""
    cases = [(4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619)]
    cases += [(33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619)]
    cases += [(505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600)]
    cases += [(186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825)]
    a, b, c, d = np.array(cases, float).T
    effects = np.log(a / (a + b)) - np.log(c / (c + d))
    errors = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    (found,) = contrasts.random_effects(effects[:, None], errors[:, None])
    np.testing.assert_allclose(found[:4], [-0.7141, -1.0644, -0.3638, 152.233], atol=2e-4)
    assert found[4] == pytest.approx(stats.chi2.sf(found[3], 12))


def test_pools_that_agree_are_weighed_by_their_errors_and_one_alone_says_nothing():
    found = contrasts.random_effects(np.array([[0.1], [0.1]]), np.array([[0.03], [0.04]]))[0]
    half = 1.96 / (1 / 0.03**2 + 1 / 0.04**2) ** 0.5
    np.testing.assert_allclose(found, [0.1, 0.1 - half, 0.1 + half, 0, 1], atol=1e-12)
    assert np.isnan(contrasts.random_effects(np.ones((1, 2)), np.ones((1, 2)))).all()
    same = contrasts.random_effects(np.zeros((2, 1)), np.zeros((2, 1)))  # a predictor and itself
    assert np.isnan(same[0, :3]).all()


def test_widened_intervals_hold_what_twenty_bootstraps_say():
    rng = np.random.default_rng(0)
    target = rng.normal(size=40)
    predictors = target + rng.normal(size=(2, 40))

    def ends(seed: int, **options) -> np.ndarray:
        drawn = bootstrap.pearson(Bootstrap(1000, seed).counts(40), predictors, target)
        return bootstrap.interval(drawn[:, :1] - drawn[:, 1:], **options)[0, 1:]

    plain = np.array([ends(seed) for seed in range(20)])
    wide = np.array([ends(seed, errors=contrasts.ERRORS) for seed in range(20)])
    inside = [(wide[:, :1] <= low) & (high <= wide[:, 1:]) for low, high in plain]
    assert np.mean(inside) > 0.85 and wide[:, 0].mean() == pytest.approx(
        plain[:, 0].min(), abs=0.02
    )


def row(value: float, low: float, high: float, *pooled: float) -> dict[str, float]:
    together = dict(zip(contrasts.POOLED, (*pooled, *(np.nan,) * (5 - len(pooled)))))
    return {"value": value, "low": low, "high": high} | together


@pytest.mark.parametrize(
    "one, word",
    [
        (row(0.05, 0.001, 0.1), BETTER),
        (row(-0.05, -0.1, -0.001), WORSE),
        (row(0.05, -0.001, 0.1), UNDECIDED),
        (row(0.019, 0.001, 0.03), UNDECIDED),  # above 0, but too little
        (row(0.012, 0.001, 0.019), ALIKE),
        (row(0.05, 0.001, 0.1, 0.05, 0.01, 0.1), BETTER),
        (row(0.05, 0.001, 0.1, 0.05, -0.01, 0.1), UNDECIDED),  # pools differ too much
        (row(np.nan, np.nan, np.nan), UNKNOWN),
    ],
)
def test_verdict_follows_interval_and_least_effect_that_matters(one, word):
    assert contrasts.verdict(one) == word


def made(pearson: tuple, spearman: tuple) -> xr.Dataset:
    """A contrast of A and B."""
    values = {name: [pearson[place], spearman[place]] for place, name in enumerate(row(0, 0, 0))}
    data = {name: (("pair", "epoch", "statistic"), [[one]]) for name, one in values.items()}
    named = {"first": ("pair", ["A"]), "second": ("pair", ["B"])}
    return xr.Dataset(data, {"epoch": [1.0], "statistic": list(contrasts.RANKED), **named})


def test_pearson_and_spearman_have_to_agree():
    better, open_ = tuple(row(0.1, 0.05, 0.2).values()), tuple(row(0.1, -0.1, 0.2).values())
    assert contrasts.verdicts(made(better, better), "A", 1.0) == {"B": BETTER}
    assert contrasts.verdicts(made(better, open_), "A", 1.0) == {"B": UNDECIDED}


def test_table_has_both_statistics_of_each_rival():
    better, none = tuple(row(0.1, 0.05, 0.2).values()), tuple(row(*[np.nan] * 3).values())
    table = contrasts.table(made(better, none), "A")
    assert table.index.tolist() == [("B", "pearson"), ("B", "spearman")]
    assert table["1"].tolist() == ["+0.100 [0.050, 0.200] better", ""]


def test_intervals_that_exclude_0_are_bold_when_shown_and_no_cell_breaks():
    cells = ["+0.050 [0.040, 0.060] better", "+0.010 [-0.040, 0.060]", None, "0.001 [0, 0] alike"]
    cells += ["-0.010 [-0.060, -0.001]", "0.91"]
    shown = contrasts.styled(pd.DataFrame({"1": cells})).to_html()
    (rule,) = re.findall(r"([^{}]+){\s*font-weight: bold;", shown)
    bold = re.findall(r"row(\d)_col0", rule)
    assert bold == ["0", "4"] and shown.count("white-space: nowrap") == 2 and "None" not in shown


def test_planned_contrasts_are_corrected_for_their_number():
    rng = np.random.default_rng(0)
    mature = xr.DataArray(rng.normal(size=60), dims="network")
    mature[3] = np.nan
    columns = {"good": 0.3, "fair": 1.2, "poor": 3, "worse": 3}
    values = [mature.fillna(0) + noise * rng.normal(size=60) for noise in columns.values()]
    scores = xr.concat(values, "predictor").assign_coords(predictor=list(columns))
    pairs = [("worse", "poor"), ("good", "fair"), ("fair", "poor")]
    found = contrasts.planned(scores, mature, pairs, Bootstrap(1000, 0))
    kept = np.isfinite(mature.values)
    rank = [stats.spearmanr(one.values[kept], mature.values[kept]).statistic for one in scores]
    np.testing.assert_allclose(
        found.value, [rank[3] - rank[2], rank[0] - rank[1], rank[1] - rank[2]]
    )
    assert found.attrs["n"] == 59 and found.p[1] == 2 / 1001
    order = np.argsort(found.p.values)
    by_hand = np.maximum.accumulate(found.p.values[order] * [3, 2, 1])
    np.testing.assert_allclose(found.holm.values[order], np.minimum(by_hand, 1))
    excludes = (found.low > 0) | (found.high < 0)
    assert ((found.p < 0.05) == excludes).all()
    few = contrasts.planned(scores[:, :4], mature[:4], pairs, Bootstrap(1000, 0))
    assert few.value.notnull().all() and few.p.isnull().all() and few.low.isnull().all()
    nothing = contrasts.planned(scores, mature.where(False), pairs, Bootstrap(1000, 0))
    assert nothing.attrs["n"] == 0 and nothing.to_dataarray().isnull().all()
    # A score that is not known for all networks shows nothing, but counts among the comparisons.
    broken = scores.where((scores.predictor != "worse") | (scores.network > 0))
    again = contrasts.planned(broken, mature, pairs, Bootstrap(1000, 0))
    assert np.isnan(again.to_dataarray()[:, 0]).all()
    assert again.holm[1] == pytest.approx(3 * found.p[1])
