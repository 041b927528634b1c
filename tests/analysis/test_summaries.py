import numpy as np
import pytest
import xarray as xr

from sage.analysis import contrasts, summaries
from sage.analysis.contrasts import ALIKE, BETTER, UNDECIDED, UNKNOWN, WORSE
from tests.support.pools import make_analysis


def summary(epoch: float, **options) -> list[str]:
    return summaries.summary(make_analysis(**options), epoch=epoch).splitlines()


def test_summary_says_first_what_tg_adds_then_that_the_claim_holds():
    given, over_given, paper, over_paper, nested, over, claim, times, searches = summary(0.5)
    assert given.startswith("Given P and size, TG adds +0.") and "by Spearman" in given
    shuffled = "TG of a shuffled teacher"
    assert over_given == f"P and size + TG is better than P and size, P and size + {shuffled}."
    assert paper.startswith("P + TG is above P by +0.") and "better by Pearson" in paper
    size = "size (log parameters)"
    assert over_paper == f"P + TG is better than P; undecided against {size}."
    assert nested.startswith("P + alpha TG, alpha chosen on other networks, is above P by +0.")
    rivals = f"P, P + alpha {shuffled}, P + alpha P, P + alpha training speed (TSE)"
    assert over == f"P + alpha TG is better than {rivals}, P + alpha {size}, {size}."
    assert claim.startswith("The claim holds: ")
    assert claim.endswith(f"better than P + alpha {shuffled}.")
    assert "0.5, 2 epochs, P + alpha TG is above P after 0.5" in times
    assert "the first by P has" in searches and "the best of top 5 by P has" in searches


def test_verdict_is_a_line_of_each_pool():
    lines = summaries.verdict({"one": make_analysis(), "two": make_analysis()}, epoch=0.5)
    (first, second) = lines.splitlines()
    assert first.startswith("one, n = ") and ", after 0.5 epochs: The claim holds: " in first
    assert second.startswith("two, ")


def test_summary_says_that_the_claim_is_not_supported():
    lines = summary(2.0, guided=False)
    assert lines[6] == "Whether guidance helps is undecided."
    assert "P + alpha TG is above P after none" in lines[7]
    assert lines[5].startswith("P + alpha TG is undecided against P, P + alpha TG of a shuffled")


def test_summaries_say_which_pool_they_are_of():
    one, other = make_analysis(), make_analysis(guided=False)
    first, second = summaries.summaries({"mine": one, "theirs": other}, epoch=0.5).split("\n\n")
    assert first.splitlines() == ["mine, n = 30:", *summary(0.5)]
    assert second.splitlines() == ["theirs, n = 30:", *summary(0.5, guided=False)]


def test_headlines_have_both_statistics_of_each_pool():
    one = make_analysis()
    table = summaries.headlines({"mine": one, "few": make_analysis(networks=3)}, epoch=2.0)
    assert table.columns.tolist() == ["mine", "few"] and (table.few == "").all()
    assert table.index[0] == ("P and size + TG minus P and size", "pearson")
    assert table.index[1] == ("P and size + TG minus P and size", "spearman")
    pair = (one.compared["first"] == "P + a TG") & (one.compared["second"] == "P")
    value = one.compared.isel(pair=pair.values).sel(epoch=2.0, statistic="spearman").value.item()
    assert table.mine["P + alpha TG minus P", "spearman"].startswith(f"{value:+.3f} [")


def test_statistics_have_an_interval_in_each_cell():
    one = make_analysis(alpha=2.0)
    table = summaries.statistics(one, epoch=2.0)
    row = one.assessed.sel(epoch=2.0, statistic="kendall", predictor="P + alpha TG")
    expected = f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
    assert table.kendall["P + 2 TG"] == expected and "size (log parameters)" in table.index
    few = summaries.statistics(make_analysis(networks=4), epoch=2.0)
    assert not few.pearson.str.contains("nan|\\[").any() and few.pearson["P"]


def test_costs_are_of_all_networks_those_that_diverged_too():
    pool = xr.Dataset(
        {
            "examples": (("network", "epoch"), [[10.0, 200.0], [10.0, np.nan]]),
            "images_shown": (("network", "epoch"), [[5.0, 5.0], [5.0, np.nan]]),
            "multiply_adds": ("network", [1.0, 100.0]),
            "seconds": ("network", [3600.0, 1800.0]),
        }
    )
    found = summaries.costs({"mine": pool}, teacher=(500.0, 4000.0))
    assert found.loc["mine"].tolist() == [2, 210, 15, 210 + 1500, 1.5]
    teacher = found.loc["teacher"]
    assert teacher.dropna().tolist() == [1, 500, 4000] and teacher.isna().sum() == 2


def test_summary_of_too_few_networks_says_so():
    lines = summary(0.5, networks=3)
    assert lines.pop(0) == "3 networks are few: intervals are a hint at most."
    assert lines[0] == (
        "Given P and size, TG adds an unknown amount by Pearson, an unknown amount by Spearman."
    )
    assert lines[5].startswith("P + alpha TG is not comparable with P, ")
    assert "too few networks" in lines[6] and "too small for simulated searches" in lines[8]


def test_of_few_networks_there_are_no_intervals_and_no_verdicts():
    few, given, *_ = summary(2.0, networks=4)
    assert few.startswith("4 networks are few") and "an unknown amount by Pearson" in given
    compared = make_analysis(networks=4).compared
    assert np.isfinite(compared.value).any()
    assert (contrasts.table(compared, "TG") == "").all(axis=None)


UNTRAINED, BEFORE = "P + a TG untrained", "P + a TG before training"


@pytest.mark.parametrize(
    "over, words",
    [
        ({"P": BETTER, UNTRAINED: BETTER, BEFORE: BETTER}, "The claim holds"),
        (
            {"P": BETTER, UNTRAINED: BETTER, BEFORE: ALIKE},
            "better than P + alpha TG before training: undecided",
        ),
        (
            {"P": BETTER, UNTRAINED: UNDECIDED},
            "not shown to do better than P + alpha TG of an untrained",
        ),
        ({"P": BETTER}, "not shown to do better than any control: undecided"),
        ({"P": UNDECIDED, UNTRAINED: BETTER}, "Whether guidance helps is undecided"),
        ({"P": ALIKE}, "no better than accuracy alone does."),
        ({"P": WORSE}, "worse than accuracy alone does."),
        ({"P": UNKNOWN}, "too few networks"),
    ],
)
def test_claim_follows_the_verdicts(over, words):
    assert words in summaries.claim(over)
