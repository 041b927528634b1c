"""What a run asks for by name, checked before anything is loaded or trained."""

from dataclasses import replace

import numpy as np

from sage import spaces
from sage.analysis import published_pools
from sage.config.run import (
    CellRun,
    ComparisonRun,
    MacaqueRun,
    PoolRun,
    Refused,
    Run,
    SearchRun,
    StoredRun,
    TablesRun,
    check_workers,
    words,
)
from sage.experiments import stored_networks, stored_searches
from sage.images import datasets
from sage.models import genotypes, saved
from sage.models.genotypes import Genotype
from sage.search import builders, scores
from sage.search.scores import SCORES
from sage.search.searchers import SEARCHERS
from sage.search.tracker import Tracker
from sage.teachers import assemblies, simulation, sources


def check_run(run: Run, *, workers: str = "auto") -> None:
    """Check that there is all that a run names; no images are loaded.

    A run whose own pool is published, see `pool.load_pools`, needs nothing else.

    Raises:
        Refused: an unknown data set, teacher, searcher, score, cell or pool, a space of networks
            that cannot be saved, a file that is not there or cannot be read, workers that cannot
            be, see `check_workers`, or a record that cannot be opened or written.
    """
    try:
        check_workers(workers)
        if isinstance(run, PoolRun) and published_pools.holds_own(run):
            return
        if isinstance(run, StoredRun):
            stored_networks.find_stored(run)
            return
        if isinstance(run, TablesRun):
            stored_searches.check(run)
            return
        if isinstance(run, PoolRun | ComparisonRun):
            Tracker().check_writable()
        datasets.check_name(run.dataset)
        sources.check_name(run)
        if isinstance(run, PoolRun):
            spaces.cnn(run.settings.layers)  # refuses too many
            if assemblies.names_recordings(run.teacher):
                told = f"teacher {run.teacher!r} is recordings, whose images only searches show"
                raise Refused(
                    f"{told} their candidates; expected a teacher of the data set's images"
                )
        if isinstance(run, ComparisonRun):
            check_searches(run)
        if isinstance(run, SearchRun):
            networks = builders.searched(run.budget, run.settings)
            deeper = replace(run, layers=run.layers + 1)
            if run.layers and builders.searched(deeper.budget, run.settings) == networks:
                expected = f"expected 0: space {run.space} has one depth"
                raise Refused(f"layers is {run.layers}, {expected}")
            any_one = networks.space.sample(np.random.default_rng(0))
            saved.kind_of(networks.build(any_one, classes=2))  # the best network is saved
        if isinstance(run, CellRun):
            read_beside(run)
        if isinstance(run, MacaqueRun):
            simulation.check_files(run)
    except (ValueError, OSError) as problem:
        raise Refused(str(problem)) from problem


def check_searches(run: ComparisonRun) -> None:
    """Check a run's space, searchers and scores.

    Raises:
        ValueError: an unknown space; searchers or scores that are unknown, missing or given twice.
    """
    _ = builders.searched(run.budget, run.settings).space  # refuses too many layers
    parts = [(*scores.split(name), epochs) for name, epochs in run.scored.items()]
    names = [name for name, *_ in parts]
    searches = [
        (name, run.alpha if weight is None else weight, epoch)
        for name, weight, epochs in parts
        for epoch in epochs
    ]
    asked: dict = {"searchers": (run.searchers.split(), run.searchers.split(), SEARCHERS)}
    asked["scores"] = searches, names, SCORES
    for name, (given, kinds, known) in asked.items():
        if not given or len(set(given)) < len(given) or not set(kinds) <= known.keys():
            told = f"{name} is {getattr(run, name)!r}, expected some of {', '.join(known)}"
            raise Refused(f"{told}, spaces between")


def read_beside(run: CellRun) -> list[Genotype]:
    """Return the cells to train beside those that a run finds.

    Raises:
        Refused: an unknown cell, a name that is taken, or a second data set that is unknown or the
            first one.
    """
    beside = [genotypes.load_genotype(name) for name in words(run.beside)]
    names = [genotype.name for genotype in beside]
    found = {f"{searcher} {score}" for searcher in run.searchers.split() for score in run.scored}
    taken = found | {f"{name}-sep" for name in found}  # what the run calls the cells that it finds
    if len(set(names)) < len(names) or taken & set(names):
        other = f"different names, and none of a cell that the run finds: {sorted(taken)}"
        raise Refused(f"beside is {run.beside!r}, named {', '.join(names)}; expected {other}")
    if run.transfer == run.dataset:
        raise Refused(f"transfer is {run.transfer!r}, the run's own data set; expected another")
    if run.transfer:
        datasets.check_name(run.transfer)
    return beside
