"""What whole searches found, as tables, words and costs; see `comparison.results`."""

import json
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis import estimates
from sage.search.scores import GUIDED, SCORES
from sage.spaces import Architecture


def best(candidates: xr.Dataset, samples: int, count: int) -> list[int]:
    """Places of the best different architectures among a study's first `samples` candidates, best first.

    Args:
        candidates: see `Tracker.results`; those without a score are never among the best. count: at most so many.
    """
    scores = candidates.score.where(candidates.network < samples).to_numpy()
    order = [place for place in np.argsort(-scores, kind="stable") if np.isfinite(scores[place])]
    hashes = candidates.hash.values
    first = {hashes[place]: place for place in reversed(order)}
    return sorted(first.values(), key=order.index)[:count]


def summary(table: xr.Dataset) -> pd.DataFrame:
    """The paper's Table 1 from the last checkpoint: a row per searcher, epochs and score, over runs.

    Args:
        table: see `results`.

    Returns:
        Errors in percent and the gain of a score over P in points, each as mean and standard deviation.
    """
    last = table.isel(samples=-1)
    measures = {"mature error": 100 * (1 - last.mature_accuracy)}
    if last.test_accuracy.notnull().any():
        measures["test error"] = 100 * (1 - last.test_accuracy)
    if "P" in table.score:
        measures["gain over P"] = 100 * (
            last.mature_accuracy - last.mature_accuracy.sel(score="P", drop=True)
        )
    columns = {}
    for name, values in measures.items():
        columns[name] = values.mean("run")
        columns[f"{name}, s.d."] = values.std("run", ddof=1)
    return _rows(xr.Dataset(columns))


def reading(table: xr.Dataset) -> str:
    """In words, what the paper claims and what these runs say about it, averaged over searchers.

    Args:
        table: see `results`.
    """
    accuracy = 100 * table.mature_accuracy.isel(samples=-1)
    few, many = table.epochs.values[[0, -1]]
    rivals = [score for score in SCORES if score != GUIDED and score in table.score]
    if GUIDED not in table.score or not rivals:
        return "One score alone, or none with guidance: there is nothing to compare."
    guided = accuracy.sel(score=GUIDED, epochs=few)
    lines = [
        _compared(
            f"P+TG at {_epochs(few)}",
            f"{rival} at {_epochs(few)}",
            guided - accuracy.sel(score=rival, epochs=few),
        )
        for rival in rivals
    ]
    if many > few and "P" in rivals:
        rival = f"P at {_epochs(many)}, {many / few:g} times the training,"
        lines.append(
            _compared(
                f"P+TG at {_epochs(few)}", rival, guided - accuracy.sel(score="P", epochs=many)
            )
        )
    return "\n".join(lines)


def _epochs(number: float) -> str:
    return f"{number:g} epoch{'' if number == 1 else 's'}"


def _compared(one: str, other: str, gain: xr.DataArray) -> str:
    found = estimates.mean(gain.mean("searcher").to_numpy())
    if found.n < 2:
        return f"{one} minus {other} in points of mature accuracy: {found.value:.2f} in one run, which has no interval."
    if found.low > 0:
        verdict = "the first finds better networks."
    elif found.high < 0:
        verdict = "the first finds worse networks."
    else:
        verdict = "the interval includes 0: undecided."
    return f"{one} minus {other} in points of mature accuracy: {found} runs; {verdict}"


def costs(table: xr.Dataset, *, teacher_examples: float, alpha_examples: float) -> pd.DataFrame:
    """Examples processed by a run's searches as the paper counts them, M1 E1 + M2 E2, and what it leaves out.

    Args:
        table: see `results`. teacher_examples: of the teacher's own training, NaN if unknown.
        alpha_examples: spent on choosing alpha, likewise.

    Returns:
        A row per searcher, epochs and score; means over runs.
    """
    last = table.isel(samples=-1).mean("run")
    guided = table.score != "P"
    columns = {
        "search, M1 E1": last.examples,
        "top to maturity, M2 E2": last.mature_examples,
        "sum": last.examples + last.mature_examples,
        "shown for accuracy and RDMs": last.images_shown,
        "teacher": xr.where(guided, teacher_examples, 0.0),
        "choice of alpha": xr.where(guided, alpha_examples, 0.0),
    }
    return _rows(xr.Dataset(columns))


def winners(table: xr.Dataset) -> dict[str, Architecture]:
    """The best of each searcher and score by mature accuracy, over epochs and runs, by `winner_names`.

    Args:
        table: see `results`.

    Raises:
        ValueError: a search whose networks all diverged.
    """
    last = table.isel(samples=-1)
    found = {}
    for (searcher, score), name in winner_names(table).items():
        searches = last.sel(searcher=searcher, score=score).stack(search=("epochs", "run"))
        if searches.mature_accuracy.isnull().all():
            raise ValueError(f"search {name} found no network that can be trained to maturity")
        best = searches.isel(search=int(searches.mature_accuracy.argmax("search")))
        found[name] = tuple(json.loads(best.architecture.item()))
    return found


def discovered(table: xr.Dataset) -> str:
    """The name among `winners` of what the paper's search found, TPE with P + TG.

    Without such a search, of the best that guidance found, or else that TPE found, or else of the best of all.
    """
    last = table.mature_accuracy.isel(samples=-1).max(("epochs", "run"))
    for dimension, papers in (("searcher", "tpe"), ("score", GUIDED)):
        if papers in last[dimension]:
            last = last.sel({dimension: [papers]})
    best = last.stack(search=("searcher", "score"))
    return winner_names(table)[best.search[int(best.argmax("search"))].item()]


def winner_names(table: xr.Dataset) -> dict[tuple[str, str], str]:
    """By searcher and score, what the best that they found is called."""
    return {
        (searcher, score): f"{searcher} {score}"
        for searcher, score in product(table.searcher.values.tolist(), table.score.values.tolist())
    }


def _rows(table: xr.Dataset) -> pd.DataFrame:
    order = ["searcher", "epochs", "score"]
    return table.to_dataframe(dim_order=order)[list(table)]
