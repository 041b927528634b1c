"""What simulated searches and searches of a benchmark say, in words and tables."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis import simulated_search
from sage.analysis.bootstrap import cell, over_runs, t_interval
from sage.analysis.contrasts import ALIKE, BETTER, WORSE, verdict
from sage.analysis.predictors import CHOSEN, display_name
from sage.analysis.simulated_search import At
from sage.analysis.summaries import WORDS, told_epochs
from sage.search.scores import P

GUIDED, RIVAL = CHOSEN, "P + a log parameters"
BENCHMARK_MATTERS = 0.2  # points of test accuracy on NAS-Bench-201
SEARCHED = (20, 50, 100, 300)  # candidates, for a table
RANDOM, EARLY = "random", "12 epochs"  # what others are compared with


def compared_pairs(few: float, many: Sequence[float]) -> list[tuple[At, At]]:
    """Return what is compared: first guidance at few epochs with P, then its rival with both."""
    guided, rival, early = (GUIDED, few), (RIVAL, few), (P, few)
    later = [(P, epoch) for epoch in many]
    found = [(guided, one) for one in (early, *later, rival)]
    return [*found, *((rival, one) for one in (early, *later)), *((one, early) for one in later)]


def claim(compared: xr.Dataset, *, candidates: int) -> str:
    """Return in words what simulated searches say of the claim, see docs/plans/searches.md.

    Args:
        compared: `simulated_search.compare` of `compared_pairs`.
        candidates: of a search.
    """
    lines = [f"Searches of {candidates} candidates in a pool of {compared.networks} networks:"]
    for choice in compared.choice.values:
        rows = _rows(compared, candidates, choice)
        against_p = [sides for sides in rows if sides[0][0] == GUIDED and sides[1][0] == P]
        early = _verdict(rows[against_p[0]])
        parts = [
            f"{WORDS[_verdict(rows[sides])]} {_named(sides[1])} ({_points(rows[sides])} points)"
            for sides in against_p
        ]
        name = f"  {choice}: {_named(against_p[0][0])} is"
        held = [judge_claim(early, _verdict(rows[sides])) for sides in against_p[1:]]
        lines.append(f"{name} {', '.join(parts)}: {' and '.join(dict.fromkeys(held))}.")
    return "\n".join(lines)


def by_teacher(pools: Mapping[str, Any], *, candidates: int) -> str:
    """Return the `claim` of every teacher.

    Args:
        pools: see `stored_searches.simulate_pools`.
    """
    every = pools.values()
    claims = (f"{one.teacher}. {claim(one.compared, candidates=candidates)}" for one in every)
    return "\n\n".join(claims)


def differences(compared: xr.Dataset) -> pd.DataFrame:
    """Return differences of what scores find, in points, a column each number and choice."""
    columns = {}
    for candidates, choice in product(compared.candidates.values, compared.choice.values):
        rows = _rows(compared, candidates, choice)
        if any(np.isfinite(row["low"]) for row in rows.values()):
            columns[f"{candidates}, {choice}"] = {
                " minus ".join(map(_named, sides)): f"{_points(row)} {_verdict(row)}"
                for sides, row in rows.items()
            }
    return pd.DataFrame(columns)


def _rows(compared: xr.Dataset, candidates: int, choice: str) -> dict[tuple[At, At], dict]:
    """Return the fields of each pair by what it compares."""
    one = compared.sel(candidates=candidates, choice=choice, drop=True).reset_coords()
    rows = one.to_dataframe().to_dict("records")
    named = {}
    for row in rows:
        first, second = ((row[side], row[f"{side}_epoch"]) for side in ("first", "second"))
        named[first, second] = row
    return named


def _verdict(row: dict) -> str:
    return verdict(row, simulated_search.ACCURACY_MATTERS)


def _points(row: dict) -> str:
    return cell(100 * row["value"], 100 * row["low"], 100 * row["high"], "+.2f")


def _named(one: At) -> str:
    return f"{display_name(one[0])} after {told_epochs(one[1])}"


def judge_claim(over_few: str, over_many: str) -> str:
    """Return in words what verdicts on guidance over P say, after as few epochs and after many."""
    if WORSE in (over_few, over_many):
        return "the claim is refuted"
    holds = over_few == BETTER and over_many in (BETTER, ALIKE)
    return f"the claim {'is supported' if holds else 'stays undecided'}"


def benchmark_table(table: xr.Dataset) -> pd.DataFrame:
    """Return what searches of a benchmark find as text, a row each searcher and score, in percent.

    Args:
        table: see `benchmark_searches.compare`. Means over runs with their 95 % t intervals.
    """
    means = over_runs(table.found)
    rows = {}
    for searcher, score in product(table.searcher.values, table.score.values):
        one = means.sel(searcher=searcher, score=score)
        known = one.sel(candidates=[count for count in SEARCHED if count in one.candidates])
        cells = (known.sel(candidates=count) for count in known.candidates)
        rows[searcher, score] = {
            "runs": int(one.n.max()),
            **{
                str(each.candidates.item()): cell(each.value, each.low, each.high) for each in cells
            },
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.rename_axis(["searcher", "score: validation after"])


def benchmark_contrasts(table: xr.Dataset, *, candidates: int) -> pd.DataFrame:
    """Return differences in points of what searches of a benchmark find, paired by their seed.

    Args:
        table: see `benchmark_searches.compare`.

    Returns:
        A row for each difference: points, low and high (a 95 % t interval), n and verdict.
    """
    found = table.found.sel(candidates=candidates)
    names, scores = found.searcher.values, found.score.values
    pairs = [((one, EARLY), (RANDOM, EARLY)) for one in names if one != RANDOM]
    pairs += [((one, score), (one, EARLY)) for one, score in product(names, scores)]
    rows = {}
    for pair in [pair for pair in pairs if pair[0] != pair[1]]:
        one, other = (found.sel(searcher=name, score=score).values for name, score in pair)
        mean = t_interval(one - other)
        judged = {"n": mean.n, "verdict": verdict(vars(mean), BENCHMARK_MATTERS)}
        label = " minus ".join(f"{name} by {score}" for name, score in pair)
        rows[label] = {"points": mean.value, "low": mean.low, "high": mean.high, **judged}
    return pd.DataFrame.from_dict(rows, orient="index")


def benchmark_verdict(table: xr.Dataset, *, candidates: int) -> str:
    """Return `benchmark_contrasts` in words, a line each."""
    frame = benchmark_contrasts(table, candidates=candidates)
    lines = [
        f"  {name}: {cell(row.points, row.low, row.high, '+.2f')} points, {row.verdict}"
        for name, row in frame.iterrows()
    ]
    return "\n".join([f"Searches of {candidates} candidates on NAS-Bench-201:", *lines])
