"""The pool: random networks trained to maturity, on which predictors of mature accuracy are compared."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from sage import alignment, cluster, evaluation, explorer, guidance, searchers, spaces, teachers
from sage.evaluation import Protocol
from sage.explorer import Study
from sage.guidance import Teacher
from sage.record import Evaluation
from sage.run import LEVELS, SHUFFLED, Run, check_workers
from sage.tracker import Tracker


def train(run: Run, *, workers: str = "auto") -> xr.Dataset:
    """The run's pool: read from the record, and whatever is missing trained first.

    Args:
        workers: see `cluster.open_workers`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with provenance attributes, and the depth of each
        network, see `spaces.depth`.

    Raises:
        ValueError: no such workers. As `explorer.search` does.
    """
    space = _protocol(run).networks.space
    results = _train(run, run.settings.pool, workers)
    architectures = map(json.loads, results.architecture.values)
    depths = [spaces.depth(spaces.cnn_layers(space, tuple(architecture))) for architecture in architectures]
    return results.assign(depth=("network", np.array(depths, dtype=np.float64)))


def retrain(run: Run, *, workers: str = "auto") -> xr.DataArray:
    """Mature accuracy [network] of the pool's first networks, trained anew with another seed; NaN where one diverged.

    They are a study of their own, of which nothing is measured before maturity. Arguments and errors as `train`.
    """
    results = _train(run, run.settings.reseeded, workers, again=True)
    return results.accuracy.isel(epoch=-1, drop=True)


def check_teacher(run: Run, teacher: Teacher) -> None:
    """Raises ValueError if the run's pool could not be compared with this teacher, before it is trained."""
    stimuli = Protocol.of(run.settings, run.dataset).load_images().stimuli(run.settings.rdm_images)
    guidance.check(teacher, run.level, {stimuli.identity})


def compare(run: Run, teacher: Teacher, *, level: str | None = None, method: str = "pearson") -> xr.DataArray:
    """Similarity of the stored pool's RDMs with a teacher's, [network, epoch, teacher_layer, layer].

    Args:
        level: None means the run's. method: see `guidance.compare`.
    """
    level = level or run.level
    rdms = Tracker().rdms(_study(run).key, run.settings.pool, level)
    return guidance.compare(rdms, teacher, level=level, method=method)


def similarities(run: Run, teacher: Teacher) -> dict[str, xr.DataArray]:
    """All that the stored pool has in common with a teacher, see `compare`, by the kinds that predictors need.

    They are the run's level and the other one, Spearman's correlation of RDMs, CKA and SVCCA, as far as every layer of
    the teacher has what that takes.
    """
    found = {"teacher": compare(run, teacher), "spearman": compare(run, teacher, method="spearman")}
    for level in LEVELS:
        if level != run.level and _has(teacher, level):
            found[level] = compare(run, teacher, level=level)
    if _has(teacher, alignment.GRAM):
        found |= {name: compare(run, teacher, level=alignment.GRAM, method=name) for name in alignment.MEASURES}
    return found


def controls(run: Run, teacher: Teacher) -> dict[str, xr.DataArray]:
    """Similarities of the stored pool with teachers that know less, see `compare`, by the kinds that predictors need.

    They are the teacher with its stimuli in other places, the images' labels, which are of single images whatever the
    run's level, their pixels, and the teacher's network with initial weights, or ResNet's for a teacher that is none
    of `teachers.NETWORKS`. That which is the run's teacher itself is left out, and what has no RDM that varies, as labels
    of images that are all of different classes.
    """
    base = run.teacher.removesuffix(SHUFFLED)
    base = base if base in teachers.NETWORKS else "resnet"
    names = {"labels": "labels", "pixels": "pixels", "untrained": f"{base}{teachers.UNTRAINED}"}
    others = {"shuffled": guidance.shuffled(teacher, seed=run.seed)} | {
        kind: teachers.load(name, run.settings, run.dataset, seed=run.seed)
        for kind, name in names.items()
        if name != run.teacher
    }
    levels = {kind: run.level if _has(other, run.level) else "image" for kind, other in others.items()}
    return {
        kind: compare(run, other, level=levels[kind]) for kind, other in others.items() if _has(other, levels[kind])
    }


def _has(teacher: Teacher, level: str) -> bool:
    """Whether `guidance.check` takes all layers at this level."""
    values = [layer.rdms.get(level) for layer in teacher.layers]
    return all(one is not None and len(one) >= 3 and np.isfinite(one).all() and np.ptp(one) > 0 for one in values)


def _protocol(run: Run) -> Protocol:
    return Protocol.of(run.settings, run.dataset)


def _train(run: Run, count: int, workers: str, *, again: bool = False) -> xr.Dataset:
    """Results of the first candidates of `_study`, missing ones trained first."""
    check_workers(workers)
    study, tracker = _study(run, again=again), Tracker()
    if not tracker.ended(study.key, count):
        space = _protocol(run).networks.space
        searcher = searchers.make("random", space, seed=run.seed)
        with (
            cluster.open_workers(workers) as opened,
            tqdm(total=count, desc="another seed" if again else "pool", unit="network") as bar,
        ):
            explorer.search(space, searcher, study, tracker, count, opened, bar=bar)
    return tracker.results(study.key, count)


def _study(run: Run, *, again: bool = False) -> Study:
    """Random candidates, each with a seed of its own: the draw that follows those of its architecture.

    Args:
        again: the same candidates up to maturity alone, with the next draw as their seed.
    """
    protocol = _protocol(run)
    if again:
        protocol = replace(protocol, snapshots=(protocol.mature_epochs,), rivals=False)

    def seed(number: int) -> int:
        rng = np.random.default_rng([run.seed, number])
        protocol.networks.space.sample(rng)
        return int(rng.integers(2**31, size=1 + again)[-1])

    return Study(
        description=protocol.description() | {"seed": run.seed} | ({"again": True} if again else {}),
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=_mature_accuracy,
        seed=seed,
    )


def _mature_accuracy(evaluation: Evaluation) -> float:
    return evaluation.snapshots[-1].accuracy
