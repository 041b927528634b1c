"""Predictors by hand on a pool of three networks, two epochs of two steps, batches of ten."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage.analysis import predictors
from sage.analysis.predictors import PREDICTORS, PoolMeasurements
from sage.models import zero_cost

KINDS = (
    "teacher",
    "spearman",
    "image",
    "CKA",
    "SVCCA",
    "shuffled",
    "labels",
    "pixels",
    "untrained",
)
PROXIES = {
    "synflow": [5.0, np.nan, -200.0],
    "naswot": [1.0, 2.0, 3.0],
    "jacob_cov": [1.0, 3.0, 2.0],
    "grad_norm": [2.0, 1.0, 3.0],
    "snip": [3.0, 3.0, 1.0],
}


def make_similarity(values: list, pool: xr.Dataset) -> xr.DataArray:
    """Return the same [network, 2 teacher layers, 2 layers] at all epochs, halved at the first."""
    by_network = np.array(values)[:, None] * np.array([0.5, 1, 1])[:, None, None]
    layers = {"teacher_layer": ["L1", "L2"], "layer": [1, 2]}
    coordinates = {"network": pool.network, "epoch": pool.epoch} | layers
    return xr.DataArray(by_network, coordinates, ("network", "epoch", "teacher_layer", "layer"))


def make_known() -> PoolMeasurements:
    both, first = ("network", "epoch"), "network"
    pool = xr.Dataset(
        {
            "accuracy": (both, [[0.1, 0.2, 0.5], [0.1, 0.3, 0.4], [0.2, 0.2, 0.6]]),
            "loss": (both, [[3.0, 2.0, 1.0], [3.0, 2.5, 2.0], [4.0, 1.0, 0.5]]),
            "examples": (both, np.tile([0.0, 20, 40], (3, 1))),
            "images_shown": (both, np.full((3, 3), 7.0)),
            "losses": (
                ("network", "step"),
                np.array([[4.0, 2, 2, 0], [4, 4, 3, 3], [2, 1, 1, 0]], np.float32),
            ),
            "parameters": (first, np.e ** np.array([1.0, 2, 3])),
            "multiply_adds": (first, np.e ** np.array([3.0, 2, 1])),
            "depth": (first, [1.0, 3.0, 2.0]),
        }
        | {name: (first, values) for name, values in PROXIES.items()},
        {"network": [0, 1, 2], "epoch": [0.0, 1.0, 2.0]},
        {"description": json.dumps({"batch_size": 10})},
    )
    matches = [[[0.8, 0.2], [0.1, 0.3]], [[0.4, np.nan], [0.2, np.nan]], [[0.0, 0.6], [0.6, 0.0]]]
    similarity = make_similarity(matches, pool)
    similarities = {kind: similarity / (1 + place) for place, kind in enumerate(KINDS)}
    return PoolMeasurements(results=pool, similarities=similarities, alpha=2.0)


EXPECTED = {
    "P": [0.2, 0.3, 0.2],
    "loss": [-2, -2.5, -1],
    "TSE": [-3, -4, -1.5],
    "TSE-E": [-3, -4, -1.5],
    "TSE-EMA": [-3, -4, -1.5],
    "log parameters": [1, 2, 3],
    "log multiply-adds": [3, 2, 1],
    "depth": [1, 3, 2],
    "synflow": [3, 1, 2],
    "naswot": [1, 2, 3],
    "jacob_cov": [1, 3, 2],
    "grad_norm": [2, 1, 3],
    "snip": [2.5, 2.5, 1],
    "TG L1": [0.8, 0.4, 0.6],
    "TG L2": [0.3, 0.2, 0.6],
    "TG": [0.55, 0.3, 0.6],
    "TG mean": [0.35, 0.3, 0.3],
    "TG in order": [0.55, 0.3, 0.0],
    "TG by Spearman": [
        0.275,
        0.15,
        0.3,
    ],  # a half of the teacher's, and so on, in the order of `KINDS`
    "TG of single images": [0.55 / 3, 0.1, 0.2],
    "TG by CKA": [0.1375, 0.075, 0.15],
    "TG by SVCCA": [0.11, 0.06, 0.12],
    "relations before training": [0.0375, 0.025, 0],
    "TG shuffled": [0.55 / 6, 0.05, 0.1],
    "TG labels": [0.55 / 7, 0.3 / 7, 0.6 / 7],
    "TG pixels": [0.06875, 0.0375, 0.075],
    "TG untrained": [0.55 / 9, 0.1 / 3, 0.2 / 3],
    "TG before training": [0.275, 0.15, 0.3],
    "P + alpha TG": [1.3, 0.9, 1.4],
}


def test_every_predictor_by_hand_after_one_epoch():
    table = predictors.score_table(make_known())
    assert table.dims == ("predictor", "network", "epoch") and table.attrs["alpha"] == 2
    assert sorted(table.predictor.values) == sorted(EXPECTED)
    for name, expected in EXPECTED.items():
        np.testing.assert_allclose(table.sel(predictor=name, epoch=1.0), expected, err_msg=name)


def test_training_speed_weighs_steps_by_how_long_ago_they_were():
    table = predictors.score_table(make_known()).sel(network=1)
    for name, expected in {
        "TSE": [0, -4, -3.5],
        "TSE-E": [0, -4, -3],
        "TSE-EMA": [0, -4, -(0.999 * 8 + 6) / (2 * 0.999 + 2)],
    }.items():
        np.testing.assert_allclose(table.sel(predictor=name), expected, rtol=1e-12)


def test_half_an_epoch_is_all_that_the_last_epoch_has():
    known = make_known()
    half = known.results.isel(epoch=[0, 1, 1, 2]).assign_coords(epoch=[0.0, 0.5, 1.0, 2.0])
    half["examples"][:, 1] = 10
    found = predictors.score_table(replace(known, results=half, similarities={}), ["TSE-E"]).sel(
        predictor="TSE-E"
    )
    np.testing.assert_allclose(found.sel(epoch=0.5), [-4, -4, -2])
    np.testing.assert_allclose(found.sel(epoch=2.0), [-1, -3, -0.5])


@pytest.mark.parametrize(
    "name, cost",
    [
        ("P", [7, 27, 47]),
        ("TSE", [0, 20, 40]),
        ("log parameters", [0, 0, 0]),
        ("synflow", [1, 1, 1]),
        ("TG L2", [7, 27, 47]),
        ("TG before training", [7, 7, 7]),
        ("P + alpha TG", [7, 27, 47]),
    ],
)
def test_cost_is_of_training_and_measurement(name, cost):
    np.testing.assert_array_equal(
        predictors.score_table(make_known()).cost.sel(predictor=name), cost
    )


def test_a_proxy_that_is_not_defined_is_worst_but_one_of_no_network_is_none():
    known = make_known()
    known.results["parameters"][2] = np.nan  # was never evaluated
    synflow, parameters = known.results.synflow, known.results.parameters
    ranks = predictors.rank_networks(synflow, parameters)
    np.testing.assert_array_equal(ranks, [2, 1, np.nan])


@pytest.mark.parametrize("layers, places", [(1, (1, 1, 1)), (2, (1, 2, 2)), (7, (3, 5, 7))])
def test_layers_in_order_are_at_thirds_of_the_depth(layers, places):
    known = make_known()
    found = known.similarities["teacher"].isel(teacher_layer=[0, 0, 0], layer=[0] * 8)
    found = found.assign_coords(teacher_layer=["A", "B", "C"], layer=np.arange(1, 9))
    values = xr.DataArray(np.arange(24.0).reshape(3, 8), dims=("teacher_layer", "layer"))
    found = (0 * found.fillna(0) + values).where(found.layer <= layers)
    one = replace(known, similarities=known.similarities | {"teacher": found})
    scores = predictors.score_table(one, ["TG in order"])
    expected = np.mean([8 * row + place - 1 for row, place in enumerate(places)])
    np.testing.assert_allclose(scores, expected)
    # A layer that never varies has no RDM, but its place.
    hole = found.where((found.layer != 6) | (layers < 7))
    one = replace(known, similarities=known.similarities | {"teacher": hole})
    np.testing.assert_allclose(predictors.score_table(one, ["TG in order"]), expected)


def test_predictors_need_their_similarity():
    known = make_known()
    fewer = replace(known, similarities={"teacher": known.similarities["teacher"]})
    every, left = (set(predictors.score_table(one).predictor.values) for one in (known, fewer))
    need = {name for name, one in PREDICTORS.items() if one.needs and one.needs != "class"}
    assert every - left == need and "TG of class means" not in every
    assert left < set(EXPECTED) == every


def test_predictors_are_compared_on_the_same_networks():
    known = make_known()
    known.results["loss"][1, 1] = np.nan
    table = predictors.score_table(known)
    assert table.sel(network=1, epoch=1.0).isnull().all() and table.isnull().sum() == len(
        table.predictor
    )


def test_one_that_is_defined_for_no_network_at_an_epoch_leaves_the_others_theirs():
    known = make_known()
    known.results["loss"][:, 1] = np.nan
    table = predictors.score_table(known)
    assert table.sel(predictor="loss", epoch=1.0).isnull().all() and table.isnull().sum() == 3


def test_layers_that_are_called_like_a_predictor_have_names_of_their_own():
    known = make_known()
    renamed = known.similarities["teacher"].assign_coords(teacher_layer=["mean", "L2"])
    table = predictors.score_table(
        replace(known, similarities=known.similarities | {"teacher": renamed})
    )
    assert table.indexes["predictor"].is_unique
    np.testing.assert_allclose(table.sel(predictor="TG layer mean", epoch=1.0), EXPECTED["TG L1"])
    np.testing.assert_allclose(table.sel(predictor="TG mean", epoch=1.0), EXPECTED["TG mean"])


def test_one_of_ones_own_joins_the_registry(monkeypatch):
    own = predictors.Predictor(
        family="accuracy", values=lambda known: -(known.results.loss**2), cost=predictors.measured
    )
    monkeypatch.setitem(PREDICTORS, "squared loss", own)
    found = predictors.score_table(make_known()).sel(predictor="squared loss")
    np.testing.assert_allclose(found.sel(epoch=1.0), [-4, -6.25, -1])


def test_a_family_that_figures_do_not_have_is_refused():
    with pytest.raises(ValueError, match="family 'mine', expected one of accuracy, .*combination"):
        predictors.Predictor(family="mine", values=lambda known: known.results.loss, cost=0)


def test_proxies_are_predictors():
    assert zero_cost.PROXIES.keys() == PROXIES.keys() < PREDICTORS.keys()


@pytest.mark.parametrize(
    "name, alpha, words",
    [
        ("P + alpha TG", 1.0, "P + TG"),
        ("P + alpha TG", 0.5, "P + 0.5 TG"),
        ("P + a TG", 1.0, "P + alpha TG"),
        ("P + a TSE-E", None, "P + alpha training speed (TSE-E)"),
        ("P and size + TG shuffled", None, "P and size + TG of a shuffled teacher"),
        ("TG V4", None, "TG of layer V4"),
        (predictors.layer_name("labels"), None, "TG of layer labels"),
    ],
)
def test_names_are_spelled_out(name, alpha, words):
    assert predictors.display_name(name, alpha) == words
