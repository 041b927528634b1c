"""What searches found, as tables, words and costs. A `table` is that of `comparison.results`."""

import json
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis.bootstrap import t_interval
from sage.analysis.summaries import precision, told_epochs
from sage.search.scores import GUIDED, SCORES, P
from sage.spaces import Architecture


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

    Errors are in percent, gains of a score over P in points, each as mean and s.d. over runs.
    """
    last = table.isel(samples=-1)
    measures = {"mature error": 100 * (1 - last.mature_accuracy)}
    if last.test_accuracy.notnull().any():
        measures["test error"] = 100 * (1 - last.test_accuracy)
    if P in table.score:
        gain = last.mature_accuracy - last.mature_accuracy.sel(score=P, drop=True)
        measures["gain over P"] = 100 * gain
    columns: dict[str, xr.DataArray] = {}
    for name, values in measures.items():
        columns |= {name: values.mean("run"), f"{name}, s.d.": values.std("run", ddof=1)}
    return _rows(columns)


def counts(table: xr.Dataset) -> str:
    """Return in words how many candidates there were, were trained to maturity, and failed."""
    searches = table.isel(samples=-1)
    every = searches.failed.size * int(searches.samples)
    finalists, failed = int(searches.finalists.sum()), int(searches.failed.sum())
    told = f"{every} candidates of {searches.failed.size} searches, {failed} failed or diverged"
    return f"{told}; {finalists} finalists trained to maturity, once where searches share one."


def reading(table: xr.Dataset) -> str:
    """Return in words what the runs say about the paper's claim, averaged over searchers."""
    accuracy = 100 * table.mature_accuracy.isel(samples=-1)
    few, many = table.epochs.values[[0, -1]]
    rivals = [(score, few, "") for score in SCORES if score != GUIDED and score in table.score]
    if GUIDED not in table.score or not rivals:
        return "One score alone, or none with guidance: there is nothing to compare."
    if many > few and P in table.score:
        rivals.append((P, many, f", {many / few:g} times the training,"))
    lines = []
    for score, epochs, told in rivals:
        gain = accuracy.sel(score=GUIDED, epochs=few) - accuracy.sel(score=score, epochs=epochs)
        names = f"{GUIDED} at {told_epochs(few)} minus {score} at {told_epochs(epochs)}{told}"
        lines.append(f"{names} in points of mature accuracy: {_verdict(gain)}")
    if "validation_images" in table.attrs:  # tables of earlier versions have no such number
        lines.append(precision(table.attrs["validation_images"]))
    return "\n".join(lines)


def _verdict(gain: xr.DataArray) -> str:
    found = t_interval(gain.mean("searcher").to_numpy())
    if not np.isfinite(found.low):
        runs = f"{found.n} run{'' if found.n == 1 else 's'}"
        return f"{found.value:.2f} in {runs}, too few for an interval: undecided."
    if found.low <= 0 <= found.high:
        return f"{found} runs; the interval includes 0: undecided."
    return f"{found} runs; the first finds {'better' if found.low > 0 else 'worse'} networks."


def costs(table: xr.Dataset, *, teacher_examples: float, alpha_examples: float) -> pd.DataFrame:
    """Return the searches' mean examples as the paper counts them, and what that leaves out.

    Args:
        teacher_examples: of the teacher's own training, NaN if unknown.
        alpha_examples: spent on choosing alpha, NaN if unknown.
    """
    last = table.isel(samples=-1).mean("run")
    guided = table.score != P
    columns = {
        "search, M1 E1": last.examples,
        "top to maturity, M2 E2": last.mature_examples,
        "sum": last.examples + last.mature_examples,
        "shown for accuracy and RDMs": last.images_shown,
        "teacher": xr.where(guided, teacher_examples, 0.0),
        "choice of alpha": xr.where(guided, alpha_examples, 0.0),
    }
    return _rows(columns)


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

    Without such a search it is the best that guidance found, else that TPE found, else of all.
    """
    for dimension, papers in (("searcher", "tpe"), ("score", GUIDED)):
        if papers in table[dimension]:
            table = table.sel({dimension: [papers]})
    best = {name: float(one.mature_accuracy.max()) for name, one in by_search(table).items()}
    return str(pd.Series(best).idxmax())


def _rows(columns: dict[str, xr.DataArray]) -> pd.DataFrame:
    order = ["searcher", "epochs", "score"]
    return xr.Dataset(columns).to_dataframe(dim_order=order)[list(columns)]
