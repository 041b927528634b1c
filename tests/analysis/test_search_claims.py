"""What is said of simulated searches and of searches of a benchmark."""

import numpy as np
import pytest
import xarray as xr

from sage.analysis import bootstrap, search_claims, simulated_search
from sage.analysis.search_claims import GUIDED, RIVAL
from tests.support.search_results import make_benchmark


def make_compared(over_few: float, over_many: float, *, half: float = 0.002) -> xr.Dataset:
    """Guidance finds so much better networks than P at few and at many epochs."""
    pairs = search_claims.compared_pairs(0.25, [2.0])
    gains = {(("P", 0.25)): over_few, ("P", 2.0): over_many}
    values = [gains.get(other, 0.0) if first[0] == GUIDED else 0.0 for first, other in pairs]
    shape = (len(pairs), 1, 1)
    value = np.reshape(values, shape)
    fields = {"value": value, "low": value - half, "high": value + half}
    fields |= {name: np.full(shape, np.nan) for name in simulated_search.FIELDS[3:]}
    axes = ("pair", "candidates", "choice")
    named = {}
    for side, ats in zip(("first", "second"), zip(*pairs)):
        named |= {side: ("pair", [one[0] for one in ats])}
        named |= {f"{side}_epoch": ("pair", [one[1] for one in ats])}
    table = xr.Dataset({name: (axes, one) for name, one in fields.items()}, named)
    return table.assign_coords(candidates=[50], choice=["first"]).assign_attrs(networks=120)


@pytest.mark.parametrize(
    "over_few, over_many, held",
    [
        (0.02, 0.0, "is supported"),
        (0.02, 0.01, "is supported"),
        (0.02, -0.02, "is refuted"),
        (-0.02, 0.02, "is refuted"),
        (0.0, 0.02, "stays undecided"),
        (0.02, 0.004, "stays undecided"),
    ],
)
def test_the_claim_needs_both_comparisons(over_few, over_many, held):
    told = search_claims.claim(make_compared(over_few, over_many), candidates=50)
    assert told.endswith(f"the claim {held}.")
    assert told.startswith("Searches of 50 candidates in a pool of 120 networks:")
    assert f"P after 0.25 epochs ({100 * over_few:+.2f} [" in told


def test_differences_have_a_row_for_each_pair():
    frame = search_claims.differences(make_compared(0.02, -0.02))
    assert list(frame) == ["50, first"] and len(frame) == 6
    row = "P + alpha TG after 0.25 epochs minus P after 2 epochs"
    assert frame.loc[row].item() == "-2.00 [-2.20, -1.80] worse"
    assert (RIVAL, 0.25) in [first for first, _ in search_claims.compared_pairs(0.25, [2.0])]


def test_searches_of_a_benchmark_are_compared_by_their_seed():
    table = make_benchmark()
    frame = search_claims.benchmark_contrasts(table, candidates=100)
    assert list(frame.verdict) == ["better"] * 3 and list(frame.n) == [8, 12, 8]
    assert frame.points.iloc[0] == pytest.approx(1, abs=0.1)
    told = search_claims.benchmark_verdict(table, candidates=100).splitlines()
    assert len(told) == 4 and told[1].startswith("  evolution by 12 epochs minus random by 12")
    assert told[1].endswith("points, better")
    means = bootstrap.over_runs(table.found).sel(searcher="evolution", score="12 epochs")
    values = table.found.sel(searcher="evolution", score="12 epochs", candidates=20).values[:8]
    assert means.value[0] == pytest.approx(values.mean()) and means.n[0] == 8
    half = 2.3646 * values.std(ddof=1) / 8**0.5  # of Student's t with seven degrees of freedom
    assert means.high[0] - means.value[0] == pytest.approx(half, rel=1e-4)
    told = search_claims.benchmark_table(table)
    assert list(told) == ["runs", "20", "100"]
    assert told.loc[("evolution", "12 epochs"), "20"].startswith(f"{values.mean():.2f} [")
