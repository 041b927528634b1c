"""Searches by published accuracies: what they find is the target of the best by their score."""

import json

import numpy as np
import pandas as pd
import pytest

from sage import spaces
from sage.experiments import benchmark_searches
from sage.search import searchers

CELLS = spaces.representatives()


def published(**columns) -> pd.DataFrame:
    """Accuracies of some cells: those of the twelfth epoch order them otherwise than the target."""
    rng = np.random.default_rng(0)
    found = {"c100_val_12": rng.random(len(CELLS)), "c100_val_200": rng.random(len(CELLS))}
    table = pd.DataFrame({**found, "c100_test_200": rng.random(len(CELLS)), **columns})
    return 100 * table.set_axis(list(map(spaces.nasbench201_string, CELLS)))


def test_found_is_the_target_of_the_best_candidate_so_far():
    table = published()
    found = benchmark_searches.compare(table, {"random": 2, "evolution": 1}, (1, 7, 20))
    assert found.found.dims == ("searcher", "score", "run", "candidates")
    for score, column in (("12 epochs", "c100_val_12"), ("200 epochs", "c100_val_200")):
        searcher = searchers.make("random", spaces.nasbench201(), seed=1)
        names = [spaces.nasbench201_string(searcher.ask()[1]) for _ in range(20)]
        for count in (7, 20):
            best = table[column].reindex(names[:count]).idxmax()
            one = found.found.sel(searcher="random", score=score, run=1, candidates=count)
            assert one.item() == pytest.approx(table.c100_test_200[best])
    assert found.found.sel(searcher="evolution", run=1).isnull().all()
    assert found.attrs["best"] == table.c100_test_200.max()
    assert json.loads(found.attrs["columns"])["target"] == "c100_test_200"


def test_a_released_mean_over_more_trainings_is_taken_where_there_is_one():
    table = published(c100_test_200_nats=np.linspace(0, 1, len(CELLS)))
    found = benchmark_searches.compare(table, {"random": 1}, (5,))
    assert json.loads(found.attrs["columns"])["target"] == "c100_test_200_nats"
    with pytest.raises(ValueError, match="expected a column c100_val_12$"):
        benchmark_searches.compare(table.drop(columns="c100_val_12"), {"random": 1})
