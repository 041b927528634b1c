"""Studies of an experiment: how candidates are trained, which are kept, and what came of them."""

import json
from collections.abc import Callable, Iterable
from functools import partial

import xarray as xr
from tqdm.auto import tqdm

from sage.analysis import search_tables
from sage.config import provenance
from sage.config.run import check_workers
from sage.search import dask_workers, evaluation
from sage.search.dask_workers import Opener
from sage.search.evaluation import EvaluationProtocol, Loaded
from sage.search.explorer import Explorer, OnEnded, Study
from sage.search.searchers import Searcher
from sage.search.tracker import Tracker
from sage.spaces import Architecture


def make_study(
    protocol: EvaluationProtocol,
    described: dict,
    seed: Callable[[int], int],
    loaded: Loaded | None = None,
) -> Study:
    """Return a study of candidates that are evaluated by a protocol and judged by last accuracy.

    Args:
        described: what determines the candidates besides the protocol, JSON-ready.
        seed: gives the seed of the candidate with a number.
        loaded: what the protocol loads, where it was loaded already.

    Raises:
        ValueError: `described` has a name that the protocol's description has.
    """
    found = protocol.description(loaded)
    if both := found.keys() & described.keys():
        raise ValueError(f"{', '.join(both)} is of the protocol, expected another name")
    text = json.dumps(found, sort_keys=True)  # goes to the workers, which may see other files
    if source := protocol.networks.source:
        found["builder"] = source
    # Not in the protocol: what an architecture stands for stays as it is.
    appended = protocol.networks.space.appended
    described = described | ({"appended options": appended} if appended else {})
    return Study(
        description=found | described,
        protocol=provenance.key(**found),
        evaluate=partial(evaluation.evaluate, protocol, described=text),
        score=lambda evaluated, ended: evaluated.snapshots[-1].accuracy,
        seed=seed,
    )


def train(
    title: str,
    study: Study,
    searcher: Searcher,
    count: int,
    workers: str | Opener,
    on_ended: OnEnded | None = None,
) -> xr.Dataset:
    """Return the results of a study's first candidates; missing ones are trained first.

    Args:
        title: of the progress bar.
        workers: see `dask_workers.open_workers`; errors as there and of `Explorer.search`.
    """
    if isinstance(workers, str):
        workers = partial(dask_workers.open_workers, check_workers(workers))
    tracker = Tracker()
    if not tracker.ended(study.key, count):
        bar = tqdm(total=count, desc=title, unit="network")
        with workers() as opened, bar:
            Explorer(study, searcher, tracker, count, opened, bar, on_ended).search()
    return tracker.results(study.key, count)


def keep_best(visited: xr.Dataset, checkpoints: Iterable[int], top: int) -> list[int]:
    """Return the places of a search's best different candidates at each checkpoint, best first.

    Args:
        visited: a search's candidates, see `Tracker.results`.
        checkpoints: numbers of candidates.
        top: kept at a checkpoint, at most.
    """
    kept = (search_tables.best(visited, samples, top) for samples in checkpoints)
    return list(dict.fromkeys(place for places in kept for place in places))


def architectures(visited: xr.Dataset) -> list[Architecture]:
    """Return the architectures of candidates, see `Tracker.results`."""
    return [tuple(json.loads(text)) for text in visited.architecture.values]
