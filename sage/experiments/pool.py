"""Pools: networks trained to maturity, drawn at random or found by a search, on which predictors are compared."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from sage import spaces, teachers
from sage.analysis import search_tables
from sage.analysis.predictors import PoolMeasurements
from sage.config.run import LEVELS, SHUFFLED, Run, check_workers
from sage.rsa import alignment, guidance
from sage.rsa.teacher import Teacher
from sage.search import dask_workers, evaluation, explorer, searchers
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Study
from sage.search.record import Evaluation
from sage.search.searchers import Listed, Searcher
from sage.search.tracker import Tracker

GUIDED_BY_P = (
    "reinforce",
    "tpe",
)  # searchers that fill the second pool; the paper's was filled by the first
TOP = 5  # networks that the paper takes from a search at each checkpoint
CHECKPOINTS = 10
CONTROL_SEED = 0  # whatever the run's, so that pools of several seeds have the same controls


def train_pool(run: Run, *, workers: str = "auto") -> xr.Dataset:
    """The run's pool of random networks: read from the record, and whatever is missing trained first.

    Args:
        workers: see `dask_workers.open_workers`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with provenance attributes, and the depth of each
        network, see `spaces.depth`.

    Raises:
        ValueError: no such workers. As `explorer.search` does.
    """
    results = _train(
        run, "pool", _random(run), _searcher(run, "random"), run.settings.pool, workers
    )
    return _with_depth(run, results)


def search_pool(run: Run, *, workers: str = "auto") -> xr.Dataset:
    """The paper's way to a pool: what searches guided by P find as they go on, trained and measured as `train_pool` does.

    Each of `GUIDED_BY_P` proposes as many candidates as the profile says, and is told their P after the premature epochs;
    those that are `kept` are trained on to maturity, with the seed that they had. TPE's first are the first of the random
    pool. Arguments, result and errors as `train_pool`.

    Raises:
        ValueError: nothing was kept.
    """
    protocol, premature, count = (
        _protocol(run),
        run.settings.premature_epochs,
        run.settings.searched,
    )
    briefly = replace(protocol, snapshots=(premature,), rivals=False)
    chosen: dict[spaces.Architecture, int] = {}
    for name in GUIDED_BY_P:
        searcher = _searcher(run, name)
        study = _study(run, briefly, {"searcher": searcher.description, "score": "P"})
        visited = _train(run, f"{name} by P", study, searcher, count, workers)
        best = visited.isel(network=kept(visited))
        for architecture, seed in zip(best.architecture.values, best.seed.values.tolist()):
            chosen.setdefault(tuple(json.loads(architecture)), seed)
    if not chosen:
        raise ValueError(
            f"searches of {count} candidates kept none: more than {TOP} are needed, one of which has a P"
        )
    listed = Listed(protocol.networks.space, list(chosen))
    study = _study(
        run, protocol, {"chosen by P": list(chosen.items())}, seed=list(chosen.values()).__getitem__
    )
    return _with_depth(run, _train(run, "found by P", study, listed, len(chosen), workers))


def kept(visited: xr.Dataset) -> list[int]:
    """Places of the candidates that are taken from a search, in order, each once: the paper's section 4.1.

    At each of `CHECKPOINTS`, evenly spaced, they are the `TOP` best different architectures so far; before there are more
    candidates than `TOP` nothing is selected.

    Args:
        visited: see `Tracker.results`.
    """
    samples = visited.sizes["network"]
    counts = [
        -(-samples * checkpoint // CHECKPOINTS) for checkpoint in range(1, CHECKPOINTS + 1)
    ]  # rounded up
    return sorted(
        {
            place
            for count in counts
            if count > TOP
            for place in search_tables.best(visited, count, TOP)
        }
    )


def retrain_pool(run: Run, *, workers: str = "auto") -> xr.DataArray:
    """Mature accuracy [network] of the random pool's first, trained anew with another seed; NaN where one diverged.

    They are a study of their own, of which nothing is measured before maturity. Arguments and errors as `train_pool`.
    """
    results = _train(
        run, "another seed", _again(run), _searcher(run, "random"), run.settings.reseeded, workers
    )
    return results.accuracy.isel(epoch=-1, drop=True)


def check_teacher(run: Run, teacher: Teacher) -> None:
    """Raises ValueError if the run's pools could not be compared with this teacher, before they are trained."""
    stimuli = _protocol(run).load_images().stimuli(run.settings.rdm_images)
    guidance.check_comparable(teacher, run.level, {stimuli.identity})


def compare_pool(
    networks: xr.Dataset, teacher: Teacher, *, level: str, method: str = "pearson"
) -> xr.DataArray:
    """Similarity of a pool's RDMs with a teacher's, [network, epoch, teacher_layer, layer], from the record.

    Args:
        networks: of a pool, see `train_pool`, all or some. level, method: see `guidance.compare`.
    """
    numbers = networks.network.values.tolist()
    rdms = Tracker().rdms(networks.attrs["study"], numbers, level)
    return guidance.compare(rdms, teacher, level=level, method=method)


def measure_pool(run: Run, networks: xr.Dataset, teacher: Teacher) -> PoolMeasurements:
    """All that is known of a pool's networks, see `similarities` and `controls`, with the run's alpha.

    Args:
        networks: see `train_pool`. teacher: see `check_teacher`.
    """
    found = similarities(run, networks, teacher) | controls(run, networks, teacher)
    return PoolMeasurements(results=networks, similarities=found, alpha=run.alpha)


def similarities(run: Run, networks: xr.Dataset, teacher: Teacher) -> dict[str, xr.DataArray]:
    """All that a pool has in common with a teacher, see `compare_pool`, by the kinds that predictors need.

    They are the run's level and the other one, Spearman's correlation of RDMs, CKA and SVCCA, as far as every layer of
    the teacher has what that takes.
    """
    kinds = {"teacher": (run.level, "pearson"), "spearman": (run.level, "spearman")}
    kinds |= {
        level: (level, "pearson") for level in LEVELS if level != run.level and _has(teacher, level)
    }
    if _has(teacher, alignment.GRAM):
        kinds |= {measure: (alignment.GRAM, measure) for measure in alignment.MEASURES}
    return {
        kind: compare_pool(networks, teacher, level=level, method=method)
        for kind, (level, method) in kinds.items()
    }


def controls(run: Run, networks: xr.Dataset, teacher: Teacher) -> dict[str, xr.DataArray]:
    """Similarities of a pool with teachers that know less, see `compare_pool`, by the kinds that predictors need.

    They are the teacher with its stimuli in other places, the images' labels, which are of single images whatever the
    run's level, their pixels, and the teacher's network with initial weights, or ResNet's for a teacher that is none
    of `teachers.NETWORKS`. That which is the run's teacher itself is left out, and what has no RDM that varies, as labels
    of images that are all of different classes.
    """
    base = run.teacher.removesuffix(SHUFFLED)
    base = base if base in teachers.NETWORKS else "resnet"
    names = {"labels": "labels", "pixels": "pixels", "untrained": f"{base}{teachers.UNTRAINED}"}
    others = {"shuffled": teacher.shuffled(seed=CONTROL_SEED)} | {
        kind: teachers.load_teacher(replace(run, teacher=name, seed=CONTROL_SEED))
        for kind, name in names.items()
        if name != run.teacher
    }
    levels = {
        kind: run.level if _has(other, run.level) else "image" for kind, other in others.items()
    }
    return {
        kind: compare_pool(networks, other, level=levels[kind])
        for kind, other in others.items()
        if _has(other, levels[kind])
    }


def _has(teacher: Teacher, level: str) -> bool:
    """Whether `guidance.check_comparable` takes all layers at this level."""
    values = [layer.rdms.get(level) for layer in teacher.layers]
    return all(
        one is not None and len(one) >= 3 and np.isfinite(one).all() and np.ptp(one) > 0
        for one in values
    )


def _protocol(run: Run) -> EvaluationProtocol:
    return EvaluationProtocol.of(run.settings, run.dataset)


def _train(
    run: Run, title: str, study: Study, searcher: Searcher, count: int, workers: str
) -> xr.Dataset:
    """Results of a study's first candidates, missing ones trained first."""
    check_workers(workers)
    tracker = Tracker()
    if not tracker.ended(study.key, count):
        with (
            dask_workers.open_workers(workers) as opened,
            tqdm(total=count, desc=title, unit="network") as bar,
        ):
            explorer.search(
                _protocol(run).networks.space, searcher, study, tracker, count, opened, bar=bar
            )
    return tracker.results(study.key, count)


def _with_depth(run: Run, results: xr.Dataset) -> xr.Dataset:
    space = _protocol(run).networks.space
    architectures = map(json.loads, results.architecture.values)
    depths = [
        spaces.depth(spaces.cnn_layers(space, tuple(architecture)))
        for architecture in architectures
    ]
    return results.assign(depth=("network", np.array(depths, dtype=np.float64)))


def _searcher(run: Run, name: str) -> Searcher:
    return searchers.within(run.settings.search, name, _protocol(run).networks.space, seed=run.seed)


def _random(run: Run) -> Study:
    return _study(run, _protocol(run), {})


def _again(run: Run) -> Study:
    protocol = _protocol(run)
    matured = replace(protocol, snapshots=(protocol.mature_epochs,), rivals=False)
    return _study(run, matured, {"again": True}, seed=partial(_seed, run, draw=1))


def _study(
    run: Run, protocol: EvaluationProtocol, more: dict, *, seed: Callable[[int], int] | None = None
) -> Study:
    """Candidates judged by their accuracy in the end.

    Args:
        more: of the description. seed: of a candidate, None for `_seed`.
    """
    return Study(
        description=protocol.description() | {"seed": run.seed} | more,
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=_last_accuracy,
        seed=seed or partial(_seed, run),
    )


def _seed(run: Run, number: int, *, draw: int = 0) -> int:
    """Of a candidate: a draw that follows those of the random architecture of its number."""
    rng = np.random.default_rng([run.seed, number])
    _protocol(run).networks.space.sample(rng)
    return int(rng.integers(2**31, size=1 + draw)[-1])


def _last_accuracy(evaluated: Evaluation) -> float:
    return evaluated.snapshots[-1].accuracy
