import numpy as np
import pytest
import xarray as xr

from sage.analysis import summaries
from tests.support.pools import make_analysis


def summary(epoch: float, **options) -> list[str]:
    return summaries.summary(make_analysis(**options), epoch=epoch).splitlines()


def test_summary_says_that_the_claim_holds():
    p, better, nested, times, free, alone = summary(0.5)
    assert p.startswith("After 0.5 epochs accuracy P itself has r = 0.")
    assert "TG (+" in better and "P + a TG (+" in better and "TSE" not in better
    assert better.startswith("Of 13 other predictors that can be compared with P")
    assert (
        "better than accuracy alone does, and better than P + a TG shuffled: the claim holds"
        in nested
    )
    assert times.startswith(
        "Of the amounts of training, 0.5, 2 epochs, it is better than P after 0.5"
    )
    assert "at once, better after 0.5" in times
    assert (
        free
        == "P + a TG is better than P, P + a P, P + a TG shuffled, P + a TSE, P + a log parameters."
    )
    assert alone == "TG is better than P, log parameters, depth, TG shuffled."


def test_summary_says_that_the_claim_is_not_supported():
    _, better, nested, times, free, alone = summary(2.0, guided=False)
    assert "these are better: none." in better and "are worse" in better
    assert "undecided, the claim not supported" in nested
    assert "it is better than P after none" in times and "at once, better after none" in times
    assert "not told apart from" in free and "better than" not in free
    assert alone.startswith("TG is worse than P; not told apart from")


def test_summaries_say_which_pool_they_are_of():
    one, other = make_analysis(), make_analysis(guided=False)
    first, second = summaries.summaries({"mine": one, "theirs": other}, epoch=0.5).split("\n\n")
    assert first.splitlines() == ["mine, n = 30:", *summary(0.5)]
    assert second.splitlines() == ["theirs, n = 30:", *summary(0.5, guided=False)]


def test_costs_are_of_all_networks_those_that_diverged_too():
    pool = xr.Dataset(
        {
            "examples": (("network", "epoch"), [[10.0, 200.0], [10.0, np.nan]]),
            "images_shown": (("network", "epoch"), [[5.0, 5.0], [5.0, np.nan]]),
            "seconds": ("network", [3600.0, 1800.0]),
        }
    )
    found = summaries.costs({"mine": pool}, teacher=500.0)
    assert found.loc["mine"].tolist() == [2, 210, 15, 1.5]
    assert found.loc["teacher"].tolist()[:2] == [1, 500] and found.loc["teacher"].isna().sum() == 2


def test_summary_of_too_few_networks_says_so():
    lines = summary(0.5, networks=3)
    assert lines.pop(0) == "3 networks are few: intervals are a hint at most."
    assert "too few networks" in lines[2] and lines[4].startswith(
        "P + a TG is not comparable with P, "
    )
    assert lines[1].startswith(
        "Of 0 other predictors that can be compared with P, these are better: none."
    )


def test_of_few_networks_there_are_values_without_intervals():
    few, p, *_ = summary(2.0, networks=4)
    assert few.startswith("4 networks are few") and "(no interval, n = 4)" in p
    compared = make_analysis(networks=4).compared
    assert np.isfinite(compared.value).any() and (summaries.table(compared, "TG") == "").all(
        axis=None
    )


def row(low: float, high: float) -> dict[str, float]:
    return {"value": (low + high) / 2, "low": low, "high": high}


@pytest.mark.parametrize(
    "over_p, over_itself, over_untrained, words",
    [
        ((0.1, 0.3), (0.1, 0.3), (0.1, 0.2), "better than P + a TG untrained: the claim holds"),
        ((0.1, 0.3), (0.1, 0.3), (-0.1, 0.2), "not shown to be better than P + a TG untrained: "),
        ((-0.3, -0.1), (-0.3, -0.1), (-0.1, 0.2), "the claim fails"),
        ((-0.3, -0.1), (-0.3, 0.1), (-0.1, 0.2), "undecided, the claim not supported"),
        ((-0.1, 0.1), (-0.1, 0.1), (0.1, 0.2), "undecided, the claim not supported"),
        ((np.nan, np.nan), (np.nan, np.nan), (np.nan, np.nan), "too few networks"),
    ],
)
def test_verdict_follows_the_intervals(over_p, over_itself, over_untrained, words):
    over = {"P": over_p, "P + a P": over_itself, "P + a TG untrained": over_untrained}
    assert words in summaries.verdict({name: row(*ends) for name, ends in over.items()})


def test_without_a_control_no_claim_holds():
    words = summaries.verdict({"P": row(0.1, 0.3), "P + a P": row(0.1, 0.3)})
    assert (
        "not shown to be better than any control: " in words and "the claim not supported" in words
    )


def test_table_has_a_row_for_each_rival_and_a_column_for_each_epoch():
    compared = make_analysis().compared
    table = summaries.table(compared, "P + a TG")
    assert table.index.tolist() == [
        "P",
        "P + a P",
        "P + a TG shuffled",
        "P + a TSE",
        "P + a log parameters",
    ]
    assert table.columns.tolist() == ["0.5", "2"]
    one = compared.isel(pair=3).sel(epoch=2.0)
    assert table.loc["P + a TSE", "2"] == f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
    few = make_analysis(networks=3).compared
    assert (summaries.table(few, "TG") == "").all(axis=None)
