"""Searches of NAS-Bench-201's space whose scores are accuracies that others published.

Nothing is trained. What is run and how it is judged was fixed beforehand: docs/plans/searches.md.
"""

import json
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from sage.config import provenance
from sage.search import searchers
from sage.spaces import Architecture, from_nasbench201_string, nasbench201

# Scores and their columns, see `benchmarks.load_nasbench201`; of several the first that is there.
SCORES = {
    "12 epochs": ("c100_val_12",),
    "200 epochs": ("c100_val_200_nats", "c100_val_200"),
}
TARGET = ("c100_test_200_nats", "c100_test_200")
CANDIDATES = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300)  # where finds are stored


def compare(
    published: pd.DataFrame, runs: Mapping[str, int], candidates: Iterable[int] = CANDIDATES
) -> xr.Dataset:
    """Return what searches find: the target of the best candidate so far by their score.

    Args:
        published: see `benchmarks.load_nasbench201`.
        runs: how many searches there are with each searcher; their seeds count from 0.
        candidates: numbers of candidates, ascending.

    Returns:
        Dataset over searcher, score, run and candidates: found, in percent, NaN behind a searcher's
        last run. Attributes: columns (JSON), best of all, mean of all, provenance.

    Raises:
        ValueError: an unknown searcher, or accuracies that lack a column.
    """
    columns = {name: _column(published, names) for name, names in SCORES.items()}
    target = _column(published, TARGET)
    cells = [from_nasbench201_string(str(name)) for name in published.index]
    worth = dict(zip(cells, published[target]))
    counts = list(candidates)
    shape = len(runs), len(SCORES), max(runs.values()), len(counts)
    found = np.full(shape, np.nan, np.float32)
    with tqdm(total=len(SCORES) * sum(runs.values()), unit="search") as bar:
        for place, column in enumerate(columns.values()):
            scores = dict(zip(cells, published[column]))
            for row, (name, number) in enumerate(runs.items()):
                for seed in range(number):
                    best = _search(name, seed, scores, counts)
                    found[row, place, seed] = [worth[one] if one else np.nan for one in best]
                    bar.update()
    axes = {"searcher": list(runs), "score": list(SCORES), "run": range(shape[2])}
    about = {"best": published[target].max(), "mean": published[target].mean()}
    about |= {"columns": json.dumps(columns | {"target": target})}
    about |= {"provenance": json.dumps([provenance.stamp()])}
    return xr.Dataset(
        {"found": ((*axes, "candidates"), found)}, axes | {"candidates": counts}, attrs=about
    )


def _search(
    name: str, seed: int, scores: Mapping[Architecture, float], counts: list[int]
) -> list[Architecture | None]:
    """Return the best by their score of a search's first candidates, for each number of these."""
    searcher, leader, highest = searchers.make(name, nasbench201(), seed=seed), None, -np.inf
    leaders: list[Architecture | None] = []
    for _ in range(counts[-1]):
        number, architecture = searcher.ask()
        score = scores.get(architecture, np.nan)
        searcher.tell(number, score)
        if score > highest:
            leader, highest = architecture, score
        leaders.append(leader)
    return [leaders[count - 1] for count in counts]


def _column(published: pd.DataFrame, names: tuple[str, ...]) -> str:
    for name in names:
        if name in published:
            return name
    expected = " or ".join(names)
    raise ValueError(f"accuracies are {', '.join(published)}, expected a column {expected}")
