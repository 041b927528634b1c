"""The pool: random networks trained to maturity, on which predictors of mature accuracy are compared."""

from functools import partial

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from sage import cluster, evaluation, explorer, guidance, searchers
from sage.evaluation import Protocol
from sage.explorer import Study
from sage.guidance import Teacher
from sage.record import Evaluation
from sage.run import Run, check_workers
from sage.tracker import Tracker


def train(run: Run, *, workers: str = "auto") -> xr.Dataset:
    """The run's pool: read from the record, and whatever is missing trained first.

    Args:
        workers: see `cluster.open_workers`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with provenance attributes.

    Raises:
        ValueError: no such workers. As `explorer.search` does.
    """
    check_workers(workers)
    study, tracker, count = _study(run), Tracker(), run.settings.pool
    if not tracker.ended(study.key, count):
        space = Protocol.of(run.settings, run.dataset).networks.space
        searcher = searchers.make("random", space, seed=run.seed)
        with (
            cluster.open_workers(workers) as opened,
            tqdm(total=count, desc="pool", unit="network") as bar,
        ):
            explorer.search(space, searcher, study, tracker, count, opened, bar=bar)
    return tracker.results(study.key, count)


def check_teacher(run: Run, teacher: Teacher) -> None:
    """Raises ValueError if the run's pool could not be compared with this teacher, before it is trained."""
    stimuli = Protocol.of(run.settings, run.dataset).load_images().stimuli(run.settings.rdm_images)
    guidance.check(teacher, run.level, {stimuli.identity})


def compare(run: Run, teacher: Teacher) -> xr.DataArray:
    """Similarity of the stored pool's RDMs with a teacher's, [network, epoch, teacher_layer, layer]."""
    rdms = Tracker().rdms(_study(run).key, run.settings.pool, run.level)
    return guidance.compare(rdms, teacher, level=run.level)


def _study(run: Run) -> Study:
    """Random candidates, each with a seed of its own: the draw that follows those of its architecture."""
    protocol = Protocol.of(run.settings, run.dataset)

    def seed(number: int) -> int:
        rng = np.random.default_rng([run.seed, number])
        protocol.networks.space.sample(rng)
        return int(rng.integers(2**31))

    return Study(
        description=protocol.description() | {"seed": run.seed},
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=_mature_accuracy,
        seed=seed,
    )


def _mature_accuracy(evaluation: Evaluation) -> float:
    return evaluation.snapshots[-1].accuracy
