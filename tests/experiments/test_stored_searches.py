"""Searches in published tables: what is asked for, and what comes of a small pool."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import plots
from sage.analysis import search_claims
from sage.config import paths
from sage.config.run import Refused, TablesRun
from sage.experiments import checks, stored_searches

SMALL = TablesRun(
    profile="smoke", pools="objects-quick", few=0.5, many="2", candidates=20, searches="x.nc"
)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({}, "searches names 'x.nc', expected a file"),
        ({"pools": "object-quick"}, "unknown pool 'object-quick' .did you mean 'objects-quick'"),
        ({"pools": ""}, "pools is empty, expected the name of a published pool"),
        ({"candidates": 30}, "candidates is 30, expected one of 10, 20, 50, 100"),
        ({"few": 0.25}, "pool 'objects-quick' has no epoch 0.25 before its last"),
        ({"many": "2 8"}, "pool 'objects-quick' has no epoch 8 before its last"),
    ],
)
def test_what_is_not_there_is_refused(wrong, message):
    there = {"searches": "nasbench201-searches/07_benchmark.nc"} if wrong else {}
    with pytest.raises(Refused, match=message):
        checks.check_run(replace(SMALL, **there, **wrong))


def test_many_epochs_are_more_than_few():
    for many in ("", "two", "0.5", "0.25 2"):
        with pytest.raises(Refused, match=f"many is '{many}', expected numbers above few, 0.5"):
            replace(SMALL, many=many)


def test_searches_are_simulated_in_each_folder_of_pools(tmp_path, monkeypatch):
    found = stored_searches.simulate_pools(replace(SMALL, pools="objects-quick"))
    (pool,) = found.values()
    assert pool.scores.epoch.values.tolist() == [0.5, 2]
    np.testing.assert_array_equal(
        pool.every.value.sel(predictor="P", epoch=0.5),
        pool.main.value.sel(predictor="P", epoch=0.5),
    )
    few, many = (pool.main.value.sel(predictor="P", epoch=epoch) for epoch in (0.5, 2))
    last = pool.compared.isel(pair=-1)
    assert (last["first"], last.first_epoch, last.second_epoch) == ("P", 2, 0.5)
    np.testing.assert_allclose(last.value, many - few, equal_nan=True)
    assert "the claim" in search_claims.claim(pool.compared, candidates=20)
    monkeypatch.setattr("sage.plots.simulated.DASHES", ("-",))  # there can be more epochs
    plots.save(plots.simulated.pool_searches(pool), tmp_path, "searches")
    figure = plots.simulated.pool_scores(
        {"a": pool, "b": replace(pool, teacher="other")}, candidates=20
    )
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "P + alpha TG" in labels and "P" not in labels
    assert f"TG by other, n = {pool.every.n.item()}" in labels


def test_a_published_pools_folders_go_together():
    tables = stored_searches.published_pools.read_folders("cifar100-pool")["cifar100-pool"]
    assert list(tables) == ["cifar100-pool", "cifar100-pool/seed-0", "cifar100-pool/seed-1"]


def test_pools_of_another_protocol_do_not(tmp_path, monkeypatch):
    table = xr.load_dataset(paths.results() / "objects-quick" / "01_pool.nc")
    monkeypatch.setattr(paths, "results", lambda: tmp_path)
    description = json.loads(table.attrs["description"])

    def write(place: str, **changed) -> None:
        attributes = {"description": json.dumps(description | changed)}
        paths.save_table(table.assign_attrs(attributes), tmp_path / place / "01_pool.nc")

    write("mine")
    write("mine/seed-1", seed=1)
    assert len(stored_searches.published_pools.read_folders("mine")["mine"]) == 2
    write("mine/other", batch_size=7)
    message = "pool 'mine/other' cannot be put together with mine: it has batch_size 7"
    with pytest.raises(ValueError, match=message):
        stored_searches.published_pools.read_folders("mine")
