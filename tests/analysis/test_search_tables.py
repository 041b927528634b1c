"""What searches found, as tables and in words."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from sage.analysis import search_tables
from sage.analysis.bootstrap import t_interval
from tests.support.search_results import make_table


def test_summary_has_means_paired_gains_and_their_intervals():
    table = make_table(runs=5)
    frame = search_tables.summary(table)
    assert list(frame.index[:3]) == [
        ("random", 1.0, "P"),
        ("random", 1.0, "P+TG"),
        ("random", 4.0, "P"),
    ]
    accuracy = table.mature_accuracy.isel(samples=-1).sel(searcher="tpe", epochs=1)
    row = frame.loc[("tpe", 1.0, "P+TG")]
    guided, plain = accuracy.sel(score="P+TG").values, accuracy.sel(score="P").values
    assert row["mature error"] == pytest.approx(100 - 100 * guided.mean())
    assert row["test error"] == pytest.approx(row["mature error"] + 10)
    gains = 100 * (guided - plain)
    assert row["gain over P"] == pytest.approx(gains.mean())
    half = stats.t.ppf(0.975, 4) * gains.std(ddof=1) / 5**0.5
    ends = row[["gain over P, low", "gain over P, high"]].tolist()
    assert ends == pytest.approx([gains.mean() - half, gains.mean() + half])
    assert (frame.xs("P", level="score")["gain over P"] == 0).all()
    over_random = accuracy - table.mature_accuracy.isel(samples=-1).sel(searcher="random", epochs=1)
    over_random = 100 * over_random.sel(score="P+TG").mean("run").item()
    assert row["gain over random search"] == pytest.approx(over_random)
    assert "gain over random search" not in search_tables.summary(table.sel(searcher=["tpe"]))
    few = search_tables.summary(make_table(runs=4))
    assert few["mature error"].notnull().all() and few["mature error, low"].isnull().all()


def test_tables_show_an_interval_in_one_cell():
    frame = search_tables.summary(make_table(runs=5))
    frame["examples"] = 1234567.0
    frame.loc[("tpe", 4.0, "P"), "examples"] = np.nan
    html = search_tables.styled(frame, unknown="unknown").to_html()
    row = frame.loc[("tpe", 1.0, "P+TG")]
    gain = "{:.1f} [{:.1f}, {:.1f}]".format(*row.filter(like="gain over P"))
    assert gain in html and "P + TG" in html and ", low" not in html
    assert "1,234,567" in html and "unknown" in html and "nowrap" in html
    few = search_tables.styled(search_tables.summary(make_table(0.5, runs=2))).to_html()
    assert ">0.00<" in few and "[" not in few.split("</style>")[1]


def test_differences_are_paired_by_run_and_searcher_and_averaged_over_searchers():
    table = make_table(runs=5)
    last = table.isel(samples=-1)
    guided = 100 * last.mature_accuracy.sel(score="P+TG", epochs=1)
    found = search_tables.differences(table)
    assert found.contrast.values.tolist() == [
        "P + 2 TG after 1 epoch minus P after 1 epoch",
        "P + 2 TG after 1 epoch minus P after 4 epochs",
    ]
    for contrast, epochs in zip(found, (1, 4)):
        gains = guided - 100 * last.mature_accuracy.sel(score="P", epochs=epochs)
        np.testing.assert_allclose(contrast.sel(searcher=["random", "tpe"]), gains)
        np.testing.assert_allclose(contrast.sel(searcher="mean of all"), gains.mean("searcher"))
    table.mature_accuracy[dict(searcher=0, run=2)] = np.nan
    mean = search_tables.differences(table).sel(searcher="mean of all")
    assert mean.isnull().any("contrast").values.tolist() == [False, False, True, False, False]


def test_compared_has_every_searcher_by_every_measure():
    table = make_table(0.1, runs=6)
    frame = search_tables.compared(table)
    name = "P + 2 TG after 1 epoch minus P after 4 epochs"
    assert list(frame.loc[name].index) == ["random", "tpe", "mean of all"]
    found = t_interval(search_tables.differences(table)[1].sel(searcher="tpe").values)
    row = frame.loc[name, "tpe"]
    assert row["mature accuracy"] == f"{found.value:+.2f} [{found.low:.2f}, {found.high:.2f}]"
    # Both are as much lower for all scores.
    assert row["test accuracy"] == row["mean of finalists"] == row["mature accuracy"]
    assert row["verdict"] == "better"
    untested = search_tables.compared(table.assign(test_accuracy=table.test_accuracy * np.nan))
    assert "test accuracy" not in untested and len(untested) == 6
    assert search_tables.compared(table.sel(score=["P"])).empty
    few = search_tables.compared(table.isel(run=slice(2)))
    assert (few.verdict == "too few runs").all() and not few["mature accuracy"].str.contains(
        ","
    ).any()


def test_other_pairs_can_be_compared():
    table = make_table(0.1, runs=6)
    (known,) = list(search_tables.compared_pairs(table).values())[1:]
    pairs = search_tables.named_pairs([known[::-1]], table.alpha)
    found = search_tables.differences(table, pairs=pairs)
    assert found.contrast.values == ["P after 4 epochs minus P + 2 TG after 1 epoch"]
    np.testing.assert_allclose(found[0], -search_tables.differences(table)[1])
    assert (search_tables.compared(table, pairs).verdict == "worse").all()


def test_second_trainings_are_compared_beside_the_first():
    table = make_table(0.1, runs=6)
    again = table.top_accuracy.isel(place=[1, 0]).copy()
    again.loc[{"score": "P", "epochs": 4, "place": 0}] += 0.1  # the best of the second training
    table["again_accuracy"] = table.top_accuracy.dims, again.values
    name = "P + 2 TG after 1 epoch minus P after 4 epochs"
    frame, first = search_tables.compared(table), search_tables.differences(table)
    for measure, moved in (("second training", 8), ("mean of two trainings", 5)):
        found = search_tables.differences(table, measure)
        np.testing.assert_allclose(found.sel(contrast=name), first.sel(contrast=name) - moved)
        told = t_interval(found.sel(contrast=name, searcher="tpe").values)
        expected = f"{told.value:+.2f} [{told.low:.2f}, {told.high:.2f}]"
        assert frame.loc[(name, "tpe"), measure] == expected
    once = search_tables.compared(table.drop_vars("again_accuracy"))
    assert (frame.verdict == once.verdict).all()


def test_counts_of_candidates_finalists_and_failures():
    searches = make_table().isel(samples=-1).mature_accuracy > 0
    table = make_table().assign(failed=xr.DataArray([1, 0, 2], dims="run") * searches)
    told = search_tables.counts(table.assign(matured=("run", [20, 10, 19])))
    assert told == "240 candidates in 24 searches, 49 networks trained to maturity, 24 failed"


def test_costs_are_examples_as_the_paper_counts_them():
    frame = search_tables.costs(make_table().assign_attrs(alpha=1.0), teacher_examples=700)
    row = frame.loc[("tpe", 4.0, "P+TG")]
    assert row.to_list() == [4000, 3000, 7000, 2000, 700, 0]
    unknown = search_tables.costs(make_table(), teacher_examples=np.nan)
    assert pd.isna(unknown.loc[("tpe", 1.0, "P+TG"), "teacher"])


def test_a_weight_that_is_not_the_papers_was_chosen_at_an_unknown_cost():
    """Whether it is the run's, which is 2 here, or the score's own."""
    table, names = make_table(), ["P", "P+TG", "P+0.2TG", "P+1TG", "P+parameters"]
    table = table.isel(score=[0, 1, 1, 1, 1])
    found = search_tables.costs(table.assign_coords(score=names), teacher_examples=0)
    known = found["choice of alpha"].loc["tpe", 4.0]
    assert known[known == 0].index.to_list() == ["P", "P+1TG"] and known.isna().sum() == 3


@pytest.mark.parametrize(
    "gain, verdict, told, claim",
    [
        (0.1, "better", "finds better", "the claim is supported"),
        (-0.1, "worse", "finds worse", "the claim is refuted"),
        (-0.002, "alike", "finds as good", "the claim stays undecided"),
        (0.0, "undecided", "is undecided", "the claim stays undecided"),
        # Above 0, but too little to matter.
        (0.002, "undecided", "is undecided", "the claim stays undecided"),
    ],
)
def test_reading_says_what_the_numbers_say(gain, verdict, told, claim):
    first, both, few, many, _ = search_tables.reading(make_table(gain, runs=6)).splitlines()
    assert told in first and both.endswith(f"as good as after 4 times that: {claim}.")
    assert few.startswith("P + 2 TG after 1 epoch minus P after 1 epoch: ")
    assert "n = 6 runs" in few and few.endswith(f"{verdict}.")
    assert "minus P after 4 epochs (4 times the training): " in many and many.endswith(few[-9:])


def test_reading_tells_verdicts_that_differ():
    """Better than P by much, and alike a score that finds the same."""
    table = make_table(0.1, runs=6)
    table = table.isel(score=[0, 1, 1]).assign_coords(score=["P", "P+TG", "P+0.5parameters"])
    first, *_ = search_tables.reading(table).splitlines()
    expected = "better than P, no different (by anything that matters) from P + 0.5 log parameters."
    assert first == f"After as much training guidance is {expected}"


def test_reading_of_few_runs_or_one_score_claims_nothing():
    for runs, told in ((1, "in 1 run, too few"), (4, "in 4 runs, too few for an interval.")):
        first, *lines, _ = search_tables.reading(make_table(runs=runs)).splitlines()
        assert first == "Whether guidance finds better networks is undecided."
        assert all(told in line and "[" not in line for line in lines)
    few, many = (
        search_tables.reading(make_table().assign_attrs(validation_images=count)).splitlines()[-1]
        for count in (43, 5000)
    )
    assert few.startswith("Only 43 validation images: an accuracy's standard error is up to 7.6 p")
    assert many == "5,000 validation images: an accuracy's standard error is up to 0.7 points."
    assert "nothing to compare" in search_tables.reading(make_table().sel(score=["P"]))


def test_reading_compares_what_was_searched():
    """Scores with epochs of their own, and another weight of the guided score."""
    table = make_table(0, runs=6)
    first, last = table.epochs.values
    late = table.assign(
        mature_accuracy=table.mature_accuracy.where((table.score == "P") | (table.epochs == last))
    )
    lines = search_tables.reading(late).splitlines()
    assert [line.partition(":")[0] for line in lines[1:-1]] == [
        "P + 2 TG after 4 epochs minus P after 4 epochs"
    ]
    early = late.assign(
        mature_accuracy=late.mature_accuracy.where((table.score != "P") | (table.epochs == first))
    )
    assert "nothing to compare" in search_tables.reading(early)
    later = table.assign(  # P has other epochs than guidance
        mature_accuracy=table.mature_accuracy.where((table.score == "P") == (table.epochs == last))
    )
    head, line, _ = search_tables.reading(later).splitlines()
    assert head == "No score without guidance has as much training."
    assert line.startswith("P + 2 TG after 1 epoch minus P after 4 epochs")
    weights = table.isel(score=[0, 1, 1]).assign_coords(score=["P", "P+TG", "P+0.2TG"])
    assert search_tables.reading(weights) == search_tables.reading(table)
