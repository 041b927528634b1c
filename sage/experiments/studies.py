"""Studies of an experiment: how candidates are trained, which are kept, and what came of them."""

import json
from collections.abc import Callable, Iterable
from functools import partial

import xarray as xr

from sage.analysis import search_tables
from sage.config import provenance
from sage.search import evaluation
from sage.search.evaluation import EvaluationProtocol, Shown
from sage.search.explorer import Study
from sage.spaces import Architecture


def make_study(
    protocol: EvaluationProtocol,
    described: dict,
    seed: Callable[[int], int],
    shown: Shown | None = None,
) -> Study:
    """Return a study of candidates that are evaluated by a protocol and judged by last accuracy.

    Args:
        described: what determines the candidates besides the protocol, JSON-ready.
        seed: gives the seed of the candidate with a number.
        shown: what the protocol loads, where it was loaded already.
    """
    found = protocol.description(shown)
    text = json.dumps(found, sort_keys=True)  # goes to the workers, which may see other files
    # Not in the protocol: what an architecture stands for stays as it is.
    appended = protocol.networks.space.appended
    described = described | ({"appended options": appended} if appended else {})
    return Study(
        description=found | described,
        protocol=provenance.key(**found),
        evaluate=partial(evaluation.evaluate, protocol, described=text),
        score=lambda evaluated, told: evaluated.snapshots[-1].accuracy,
        seed=seed,
    )


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
