"""What searches found, as tables, words and costs. A `table` is that of `comparison.results`."""

import json
from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr
from pandas.io.formats.style import Styler

from sage.analysis.bootstrap import Estimate, cell, over_runs, t_interval
from sage.analysis.contrasts import ALIKE, BETTER, UNDECIDED, UNKNOWN, WORSE, verdict
from sage.analysis.search_claims import RANDOM, judge_claim
from sage.analysis.simulated_search import ACCURACY_MATTERS, At
from sage.analysis.summaries import WORDS, precision, told_epochs
from sage.search.scores import GUIDED, SCORES, P, find, split
from sage.spaces import Architecture

Pairs = dict[str, tuple[At, At]]  # by name: what is compared, and with what
ENDS = (", low", ", high")  # behind the name of a column, those of its interval's ends
GAINS = {
    BETTER: "Guidance finds better networks than every other score after as much training.",
    WORSE: "Guidance finds worse networks than every other score after as much training.",
    ALIKE: "Guidance finds as good networks as every other score after as much training.",
    UNDECIDED: "Whether guidance finds better networks is undecided.",
}
MEASURE = "mature accuracy"  # by which searches are judged
ALL = "mean of all"
FEW = "too few runs"
NO_RIVAL = "No score without guidance has as much training."
NOTHING = "There is nothing to compare: one score with guidance is needed, and one without."


def best(candidates: xr.Dataset, samples: int, count: int) -> list[int]:
    """Return places of the `count` best different architectures, or of fewer, best first.

    Args:
        candidates: see `Tracker.results`; those without a score are never among the best.
        samples: number of the first candidates, which are looked at.
    """
    scores = candidates.score.where(candidates.network < samples).to_numpy()
    table = pd.DataFrame({"score": scores, "hash": candidates.hash.to_numpy()})
    ranked = table[np.isfinite(scores)].sort_values("score", ascending=False, kind="stable")
    return ranked.drop_duplicates("hash").index[:count].tolist()


def summary(table: xr.Dataset) -> pd.DataFrame:
    """Return the paper's Table 1 from the last checkpoint, a row per searcher, epochs and score.

    Errors are in percent, gains over P by the same searcher, and over random search with the same
    score, in points: means over runs, with the `ENDS` of their 95 % t intervals, NaN for few runs.
    """
    last = table.isel(samples=-1)
    measures = {"mature error": 100 * (1 - last.mature_accuracy)}
    if last.test_accuracy.notnull().any():
        measures["test error"] = 100 * (1 - last.test_accuracy)
    for dimension, name, told in (("score", P, P), ("searcher", RANDOM, "random search")):
        if name in table[dimension]:
            gain = last.mature_accuracy - last.mature_accuracy.sel({dimension: name}, drop=True)
            measures[f"gain over {told}"] = 100 * gain
    columns: dict[str, xr.DataArray] = {}
    for name, values in measures.items():
        found = over_runs(values)
        ends = zip(("", *ENDS), (found.value, found.low, found.high))
        columns |= {f"{name}{end}": one for end, one in ends}
    return _rows(table, columns)


def styled(frame: pd.DataFrame, *, unknown: str = "\N{EN DASH}") -> Styler:
    """Return a table of numbers to be shown: a value and the `ENDS` of its interval in one cell."""
    low, high = ENDS
    ended = [name for name in frame if f"{name}{low}" in frame]
    shown = frame.drop(columns=[f"{name}{end}" for name in ended for end in ENDS]).astype(object)
    for name in ended:
        lows, highs = frame[f"{name}{low}"], frame[f"{name}{high}"]
        known = lows.notnull()
        ends = [f" [{one:.1f}, {other:.1f}]" for one, other in zip(lows[known], highs[known])]
        shown.loc[known, name] = frame[name][known].map("{:.1f}".format) + ends
        alone = frame[name].notnull() & ~known
        shown.loc[alone, name] = frame[name][alone].map(_alone)
    look = shown.style.format(_number, na_rep=unknown)
    look = look.format_index(lambda text: str(text).replace("+", " + "))
    look = look.set_table_styles([{"selector": "th.row_heading", "props": "white-space: nowrap"}])
    return look.set_properties(**{"white-space": "nowrap"})


def _alone(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:.3g}"


def counts(table: xr.Dataset) -> str:
    """Return in words how many candidates there were, were trained to maturity, and failed."""
    searches = table.isel(samples=-1)
    count, failed = int(searches.mature_examples.notnull().sum()), int(searches.failed.sum())
    searched = f"{count * int(searches.samples)} candidates in {count} searches"
    return f"{searched}, {int(table.matured.sum())} networks trained to maturity, {failed} failed"


def compared_pairs(table: xr.Dataset) -> Pairs:
    """Return what is compared: guidance after the least training with other scores.

    These are all scores after as much training, and then P after the most.
    """
    searched = table.mature_accuracy.isel(samples=-1).notnull().any(["searcher", "run"])
    # Scores can have epochs of their own.
    made = {name: table.epochs.values[searched.sel(score=name)] for name in table.score.values}
    names = sorted(made, key=lambda name: list(SCORES).index(split(name)[0]))
    guided = next((name for name in names if split(name)[0] == GUIDED and made[name].size), "")
    few = made[guided][0] if guided else np.nan
    others = [name for name in names if split(name)[0] != GUIDED]
    rivals = [(score, few) for score in others if few in made[score]]
    if P in made and made[P].size and made[P][-1] > few:
        rivals.append((P, made[P][-1]))
    return named_pairs([((guided, few), rival) for rival in rivals], table.alpha)


def named_pairs(pairs: Iterable[tuple[At, At]], alpha: float) -> Pairs:
    """Return pairs of scores and their epochs by name: one minus the other."""
    return {" minus ".join(label(one, alpha) for one in pair): pair for pair in pairs}


def measures(table: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what searches found, [searcher, score, epochs, run], by all that is compared."""
    last = table.isel(samples=-1)
    found = {
        MEASURE: last.mature_accuracy,
        "test accuracy": last.test_accuracy,
        "mean of finalists": last.top_accuracy.mean("place"),
    }
    if "again_accuracy" in last:  # older tables have none
        both = (last.top_accuracy + last.again_accuracy) / 2
        found["second training"] = last.again_accuracy.max("place")
        found["mean of two trainings"] = both.max("place")
    return found


def differences(
    table: xr.Dataset, measure: str = MEASURE, pairs: Pairs | None = None
) -> xr.DataArray:
    """Return differences of what searches found in points, [contrast, searcher, run].

    Args:
        measure: the name of one of the `measures`.
        pairs: what is compared, `compared_pairs` if not given.
    """
    pairs, accuracy = pairs or compared_pairs(table), 100 * measures(table)[measure]
    gains = [
        accuracy.sel(score=one, epochs=few, drop=True)
        - accuracy.sel(score=other, epochs=epochs, drop=True)
        for (one, few), (other, epochs) in pairs.values()
    ]
    found = xr.concat(gains, pd.Index(pairs, name="contrast"))
    return with_mean(found).transpose("contrast", "searcher", "run")


def with_mean(values: xr.DataArray) -> xr.DataArray:
    """Return values with a last searcher `ALL`, their mean, NaN for a run that lacks a searcher."""
    mean = values.mean("searcher", skipna=False).expand_dims(searcher=[ALL])
    return xr.concat([values, mean], "searcher")


def compared(table: xr.Dataset, pairs: Pairs | None = None) -> pd.DataFrame:
    """Return the `differences` as text, a row for each contrast and searcher, by every measure.

    Means over runs with their 95 % t intervals, and beside `MEASURE` the verdict on it.

    Args:
        pairs: as of `differences`.
    """
    if not (pairs := pairs or compared_pairs(table)):
        return pd.DataFrame({NOTHING: []})
    made = {measure: over_runs(differences(table, measure, pairs)) for measure in measures(table)}
    made = {name: found for name, found in made.items() if found.value.notnull().any()}
    judged, rows = made[MEASURE], {}
    for contrast, searcher in product(judged.contrast.values, judged.searcher.values):
        at = {"contrast": contrast, "searcher": searcher}
        ones = {name: found.sel(at) for name, found in made.items()}
        told = {name: cell(one.value, one.low, one.high, "+.2f") for name, one in ones.items()}
        ends = {end: ones[MEASURE][end].item() for end in ("value", "low", "high")}
        word = verdict(ends, 100 * ACCURACY_MATTERS)
        word = FEW if word == UNKNOWN else word
        rows[contrast, searcher] = {MEASURE: told[MEASURE], "verdict": word} | told
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["points", "searcher"])


def reading(table: xr.Dataset) -> str:
    """Return in words what the runs say about the paper's claim, averaged over searchers.

    The first line is the verdict on guidance against what is trained as much, the second that on
    the claim if P was searched after few epochs and after many. The rule is that of
    `contrasts.verdict`; what matters is as in `simulated_search`.
    """
    pairs = compared_pairs(table)
    if not pairs:
        return NOTHING
    gains, judged, lines = differences(table).sel(searcher=ALL), {}, []
    for name, ((_, few), (score, epochs)) in pairs.items():
        found = t_interval(gains.sel(contrast=name).values)
        more = f" ({epochs / few:g} times the training)" if epochs > few else ""
        lines.append(f"{name}{more}: {_gain(found)}.")
        judged[score, epochs] = _verdict(found)
    early = {score: word for (score, epochs), word in judged.items() if epochs == few}
    lines.insert(0, _gains(early, table.alpha) if early else NO_RIVAL)
    over_p = [word for (score, _), word in judged.items() if score == P]
    if len(over_p) == 2 and UNKNOWN not in over_p:
        told = f"as good as after {epochs / few:g} times that: {judge_claim(*over_p)}"
        lines.insert(1, f"Better networks than P finds after as little training, and {told}.")
    return "\n".join([*lines, precision(table.attrs["validation_images"])])


def label(one: At, alpha: float) -> str:
    """Return a score and its epochs in words, such as P + TG after 2 epochs."""
    score, epochs = one
    return f"{find(score).label(alpha)} after {told_epochs(epochs)}"


def _gains(judged: dict[str, str], alpha: float) -> str:
    """Return in words how guidance compares with each score, given the verdicts on it."""
    word, *others = {*judged.values()}
    if not others:
        return GAINS.get(word, GAINS[UNDECIDED])
    parts = [f"{WORDS[word]} {find(score).label(alpha)}" for score, word in judged.items()]
    return f"After as much training guidance is {', '.join(parts)}."


def _verdict(found: Estimate) -> str:
    """Return the verdict on a difference in points."""
    return verdict(vars(found), 100 * ACCURACY_MATTERS)


def _gain(found: Estimate) -> str:
    """Return a difference in words."""
    points = f"{cell(found.value, found.low, found.high, '+.2f')} points of mature accuracy"
    runs = f"{found.n} run{'' if found.n == 1 else 's'}"
    if not np.isfinite(found.low):
        return f"{points} in {runs}, too few for an interval"
    return f"{points}, n = {runs}, {_verdict(found)}"


def costs(table: xr.Dataset, *, teacher_examples: float) -> pd.DataFrame:
    """Return the searches' mean examples as the paper counts them, and what that leaves out.

    The choice of alpha cost nothing where it is the paper's 1, and else it is unknown.

    Args:
        teacher_examples: of the teacher's own training, NaN if unknown.
    """
    last, scores = table.isel(samples=-1).mean("run"), [find(name) for name in table.score.values]
    guided = table.score.copy(data=[one.guide is not None for one in scores])
    chosen = ["{weight}" in one.template and one.weight(table.alpha) != 1 for one in scores]
    columns = {
        "search, M1 E1": last.examples,
        "top to maturity, M2 E2": last.mature_examples,
        "sum": last.examples + last.mature_examples,
        "shown for accuracy and RDMs": last.images_shown,
        "teacher": xr.where(guided, teacher_examples, 0.0),
        "choice of alpha": table.score.copy(data=np.where(chosen, np.nan, 0.0)),
    }
    return _rows(table, columns)


def by_search(table: xr.Dataset) -> dict[str, xr.Dataset]:
    """Return the last checkpoint of each searcher and score, by both as in "tpe P+TG"."""
    last = table.isel(samples=-1)
    pairs = product(table.searcher.values, table.score.values)
    return {f"{one} {score}": last.sel(searcher=one, score=score) for one, score in pairs}


def winners(table: xr.Dataset) -> dict[str, Architecture]:
    """Return the best of each searcher and score over epochs and runs, named as `by_search`."""
    found = {}
    for name, one in by_search(table).items():
        searches = one.stack(search=("epochs", "run"))
        if searches.mature_accuracy.isnull().all():
            raise ValueError(f"search {name} found no network that can be trained to maturity")
        place = int(searches.mature_accuracy.argmax("search"))
        found[name] = tuple(json.loads(searches.architecture[place].item()))
    return found


def discovered(table: xr.Dataset) -> str:
    """Return the name among `winners` of what the paper's search found, TPE with P + TG.

    The weight of TG may be the score's own. Without such a search it is the best that guidance
    found, else that TPE found, else of all.
    """
    guided = [score for score in table.score.values if split(score)[0] == GUIDED]
    for dimension, papers in (("searcher", ["tpe"]), ("score", guided)):
        if any(known := table[dimension].isin(papers).values):
            table = table.isel({dimension: known})
    best = {name: float(one.mature_accuracy.max()) for name, one in by_search(table).items()}
    return str(pd.Series(best).idxmax())


def _rows(table: xr.Dataset, columns: dict[str, xr.DataArray]) -> pd.DataFrame:
    """Return a row for each search that was made: scores can have epochs of their own."""
    order = ["searcher", "epochs", "score"]
    made = table.mature_examples.isel(samples=-1, drop=True).notnull().any("run")
    rows = xr.Dataset(columns).assign(made=made).to_dataframe(dim_order=order)
    return rows.loc[rows.made, list(columns)]
