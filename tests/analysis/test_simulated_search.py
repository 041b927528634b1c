"""Searches over a pool, held against all of them."""

from itertools import combinations

import numpy as np
import pytest

from sage.analysis import simulated_search
from sage.analysis.bootstrap import Bootstrap, interval
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_assessed


def every_search(ranked: np.ndarray, count: int) -> list[float]:
    """Mean finds of all searches, one after the other; positions are in the order of the score."""
    drawn = [ranked[list(places)] for places in combinations(range(len(ranked)), count)]
    return [np.mean([one[0] for one in drawn]), np.mean([one[:5].max() for one in drawn])]


@pytest.mark.parametrize("count", [5, 6, 8])
def test_expected_finds_are_the_means_over_all_searches(count):
    ranked = np.random.default_rng(count).normal(size=(3, 9)).round(1)
    found = simulated_search.expected_finds(ranked, (count,))
    assert found.shape == (3, 1, 2)
    np.testing.assert_allclose(found[:, 0], [every_search(one, count) for one in ranked])


def test_a_search_of_the_whole_pool_is_none():
    assert np.isnan(simulated_search.expected_finds(np.arange(9.0), (9, 20))).all()


def test_simulated_searches_resample_networks(monkeypatch):
    monkeypatch.setattr(simulated_search, "CANDIDATES", (7,))
    scores, mature, _ = make_assessed()
    scores, mature = scores[:, :9], mature[:9]
    scores.loc[{"predictor": "P + alpha TG"}] = scores.sel(predictor="P + alpha TG").round(1)
    found = simulated_search.simulate(scores, mature, BOOTSTRAP).sel(epoch=2.0, candidates=7)
    drawn = {}
    for name in ("P", "P + alpha TG"):
        values, finds = scores.sel(predictor=name, epoch=2.0).values, []
        for members in BOOTSTRAP.members(9):
            pairs = [(-values[one], mature.values[one]) for one in members]
            finds.append(every_search(np.array([target for _, target in sorted(pairs)]), 7))
        drawn[name] = np.array(finds)
    gain = drawn["P + alpha TG"] - drawn["P"]
    one = found.sel(predictor="P + alpha TG")
    for kind, expected in (("", drawn["P + alpha TG"]), ("gain_", gain)):
        np.testing.assert_allclose(one[f"{kind}value"], expected[0])
        low, high = np.percentile(expected[1:], (2.5, 97.5), axis=0)
        np.testing.assert_allclose(one[f"{kind}low"], low)
        np.testing.assert_allclose(one[f"{kind}high"], high)
    assert (found.gain_value.sel(predictor="P") == 0).all()


def test_the_best_score_finds_the_best_and_a_constant_one_nothing():
    scores, mature, _ = make_assessed()
    scores.loc[{"predictor": "P"}] = 0.5
    scores.loc[{"predictor": "TG"}] = mature.values[:, None]
    names = ("P", "TG")
    found = simulated_search.simulate(scores, mature, Bootstrap(20, 0), names).sel(candidates=20)
    assert found.value.sel(predictor="P").isnull().all()
    best, of_five = found.value.sel(predictor="TG", epoch=0.5).values
    assert best == pytest.approx(of_five) and best > mature.quantile(0.9)


def test_scores_of_different_epochs_are_compared_in_the_same_resamples(monkeypatch):
    monkeypatch.setattr(simulated_search, "CANDIDATES", (7,))
    scores, mature, _ = make_assessed()
    scores, mature = scores[:, :16], mature[:16]
    scores = scores.assign_coords(pool=("network", ["one"] * 8 + ["two"] * 8))
    pairs = [(("P + alpha TG", 0.5), ("P", 2.0)), (("P", 2.0), ("P", 0.5))]
    found = simulated_search.compare(scores, mature, pairs, BOOTSTRAP)
    drawn = {}
    for name, epoch in {one for pair in pairs for one in pair}:
        values = scores.sel(predictor=name, epoch=epoch).values
        drawn[name, epoch] = []
        for members in BOOTSTRAP.members(16):
            ordered = sorted((-values[one], mature.values[one]) for one in members)
            ranked = np.array([[target for _, target in ordered]])
            drawn[name, epoch].append(simulated_search.expected_finds(ranked, (7,))[0])
    for place, (one, other) in enumerate(pairs):
        gains = np.array(drawn[one]) - np.array(drawn[other])
        ends = interval(gains.reshape(len(gains), -1), errors=2).reshape(1, 2, 3)
        row = found.isel(pair=place)
        np.testing.assert_allclose(
            row[["value", "low", "high"]].to_array("end"), ends.T.swapaxes(1, 2)
        )
        assert (row["first"], row.first_epoch) == one and (row["second"], row.second_epoch) == other
        # The mean of both pools, weighted, is between that of each.
        apart = [
            simulated_search.compare(scores[:, part], mature[part], pairs, BOOTSTRAP)
            for part in (slice(8), slice(8, 16))
        ]
        low, high = np.sort([each.value[place] for each in apart], axis=0)
        assert ((low <= row.pooled) & (row.pooled <= high)).all()
