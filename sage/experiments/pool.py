"""Pools of networks trained to maturity, drawn at random or found by searches."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from sage import spaces, teachers
from sage.analysis import predictivity, predictors, published_pools
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.predictors import PoolMeasurements
from sage.analysis.published_pools import OWN, Pools
from sage.config.run import LEVELS, SHUFFLED, PoolRun, Run, check_workers
from sage.experiments import studies
from sage.experiments.studies import architectures, keep_best, make_study
from sage.rsa import alignment, guidance
from sage.rsa.teacher import Teacher
from sage.search import dask_workers, searchers
from sage.search.dask_workers import Opener
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import OnEnded, Study
from sage.search.searchers import Listed, Searcher
from sage.search.tracker import Tracker

GUIDED_BY_P = ("reinforce", "tpe")  # fill the second pool; the paper used the first
TOP = 5  # networks that the paper takes from a search at each checkpoint
CHECKPOINTS = 10
CONTROL_SEED = 0  # whatever the run's, so that pools of several seeds have the same controls


def load_pools(run: PoolRun, *, workers: str = "auto") -> Pools:
    """Return the run's pools with scores and statistics' parts; networks are trained if need be.

    If the run's own pool is among those that it names, all come from published tables: neither
    record nor images nor teacher are needed. Arguments and errors as `train_pool` and of
    `published_pools.read_published` and `check_alike`.
    """
    published = published_pools.read_published(run)
    if OWN in published:
        published_pools.check_alike(published, run, None)
        return published_pools.published_pools(published)
    teacher = teachers.load_teacher(run)
    check_teacher(run, teacher)
    published_pools.check_alike(published, run, teacher)
    with dask_workers.opened_once(check_workers(workers)) as opener:
        networks = train_pool(run, workers=opener)
        again = retrain_pool(run, workers=opener)
        found = search_pool(run, workers=opener)
    known = [measure_pool(run, one, teacher) for one in (networks, found)]
    own, searched = (predictivity.pool_record(one, predictors.score_table(one)) for one in known)
    mature = predictivity.mature_accuracy(own, run.settings.mature_epochs)
    resamples = Bootstrap(run.settings.resamples, run.seed)
    ceiling = predictivity.ceiling(mature, again, resamples)
    taught = teachers.training_examples(run), teachers.training_multiply_adds(run)
    return Pools(own, searched, published, ceiling, taught)


def train_pool(
    run: Run, *, workers: str | Opener = "auto", on_ended: OnEnded | None = None
) -> xr.Dataset:
    """Return the run's pool of random networks; what is not on record is trained first.

    Args:
        workers: see `dask_workers.open_workers`; errors as there and of `Explorer.search`. Or what
            opens them, see `dask_workers.opened_once`.
        on_ended: called with each network that ends, see `explorer.OnEnded`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with provenance attributes, and the
        depth of each network, see `spaces.depth`.
    """
    study, searcher = _study(run, _protocol(run), {}), _searcher(run, "random")
    return _train("pool", study, searcher, run.settings.pool, workers, on_ended)


def search_pool(run: Run, *, workers: str | Opener = "auto") -> xr.Dataset:
    """Return the paper's kind of pool: what searches guided by P find as they go on.

    Each of `GUIDED_BY_P` proposes as many candidates as the profile says, and learns their P after
    the premature epochs. Candidates that `kept` selects are trained again, to maturity, with the
    same seeds. TPE's first candidates are the first of the random pool. Arguments, result and
    errors are those of `train_pool`; nothing that is kept is a ValueError.
    """
    protocol, count = _protocol(run), run.settings.searched
    briefly = replace(protocol, snapshots=(run.settings.premature_epochs,), rivals=False)
    chosen: dict[spaces.Architecture, int] = {}
    for name in GUIDED_BY_P:
        searcher = _searcher(run, name)
        study = _study(run, briefly, {"searcher": searcher.description, "score": "P"})
        visited = _train(f"{name} by P", study, searcher, count, workers)
        best = visited.isel(network=kept(visited))
        for architecture, seed in zip(architectures(best), best.seed.values.tolist()):
            chosen.setdefault(architecture, seed)
    if not chosen:
        least = f"more than {TOP} are needed, one of which has a P"
        raise ValueError(f"searches of {count} candidates kept none: {least}")
    described = {"seed": run.seed, "chosen by P": list(chosen.items())}
    study = make_study(protocol, described, list(chosen.values()).__getitem__)
    listed = Listed(protocol.networks.space, list(chosen))
    return _train("found by P", study, listed, len(chosen), workers)


def kept(visited: xr.Dataset) -> list[int]:
    """Return the places of candidates taken from a search, in order: the paper's section 4.1.

    At each of `CHECKPOINTS`, evenly spaced, the `TOP` best different architectures so far are
    taken; before there are more candidates than `TOP` nothing is selected.
    """
    samples = visited.sizes["network"]
    counts = [-(-samples * number // CHECKPOINTS) for number in range(1, CHECKPOINTS + 1)]  # up
    return sorted(keep_best(visited, [count for count in counts if count > TOP], TOP))


def retrain_pool(run: Run, *, workers: str | Opener = "auto") -> xr.DataArray:
    """Return the mature accuracy [network] of the random pool's first, trained with another seed.

    It is NaN where one diverged. They are a study of their own, of which nothing is measured before
    maturity. Arguments and errors as `train_pool`.
    """
    settings, searcher = run.settings, _searcher(run, "random")
    matured = replace(_protocol(run), snapshots=(settings.mature_epochs,), rivals=False)
    study = _study(run, matured, {"again": True}, draw=1)
    results = _train("another seed", study, searcher, settings.reseeded, workers)
    return results.accuracy.isel(epoch=-1, drop=True)


def check_teacher(run: Run, teacher: Teacher) -> None:
    """Raise a ValueError if the run's pools, trained or not, cannot be compared with a teacher."""
    stimuli = _protocol(run).load_images().stimuli(run.settings.rdm_images)
    guidance.check_comparable(teacher, run.level, {stimuli.identity})


def compare_pool(
    networks: xr.Dataset, teacher: Teacher, *, level: str, method: str = "pearson"
) -> xr.DataArray:
    """Return `guidance.compare` of a pool's RDMs, which are on record, with a teacher's."""
    rdms = Tracker().rdms(networks.attrs["study"], networks.network.values.tolist(), level)
    return guidance.compare(rdms, teacher, level=level, method=method)


def measure_pool(run: Run, networks: xr.Dataset, teacher: Teacher) -> PoolMeasurements:
    """Return all that is known of a pool's networks: results, `similarities` and `controls`."""
    found = similarities(run, networks, teacher) | controls(run, networks, teacher)
    return PoolMeasurements(results=networks, similarities=found, alpha=run.alpha)


def similarities(run: Run, networks: xr.Dataset, teacher: Teacher) -> dict[str, xr.DataArray]:
    """Return a pool's similarities with a teacher, see `compare_pool`, by their kind.

    There is one of RDMs at the run's level, one by Spearman's correlation, one at the other level,
    and one each by CKA and SVCCA. A kind is left out if a teacher's layer lacks what it takes.
    """
    kinds = {"teacher": (run.level, "pearson"), "spearman": (run.level, "spearman")}
    others = [level for level in LEVELS if level != run.level and _has(teacher, level)]
    kinds |= {level: (level, "pearson") for level in others}
    if _has(teacher, alignment.GRAM):
        kinds |= {measure: (alignment.GRAM, measure) for measure in alignment.MEASURES}
    compare = partial(compare_pool, networks, teacher)
    return {kind: compare(level=level, method=method) for kind, (level, method) in kinds.items()}


def controls(run: Run, networks: xr.Dataset, teacher: Teacher) -> dict[str, xr.DataArray]:
    """Return a pool's similarities with teachers that know less, see `compare_pool`, by their kind.

    "shuffled" is the teacher with its stimuli permuted; "labels" are the images' labels, always of
    single images; "pixels" are the images; "untrained" is the teacher's network with its initial
    weights, or a ResNet if the teacher is not in `teachers.NETWORKS`. The run's own teacher is left
    out, and so are RDMs that do not vary.
    """
    base = run.teacher.removesuffix(SHUFFLED)
    base = base if base in teachers.NETWORKS else "resnet"
    names = {"labels": "labels", "pixels": "pixels", "untrained": f"{base}{teachers.UNTRAINED}"}
    others = {"shuffled": teacher.shuffled(seed=CONTROL_SEED)}
    for kind, name in names.items():
        if name != run.teacher:
            others[kind] = teachers.load_teacher(replace(run, teacher=name, seed=CONTROL_SEED))
    found = {}
    for kind, other in others.items():
        level = run.level if _has(other, run.level) else "image"
        if _has(other, level):
            found[kind] = compare_pool(networks, other, level=level)
    return found


def _has(teacher: Teacher, level: str) -> bool:
    """Return True if `guidance.check_comparable` takes all layers at this level."""
    rdms = [layer.rdms.get(level, np.empty(0)) for layer in teacher.layers]
    return all(len(one) >= 3 and np.isfinite(one).all() and np.ptp(one) > 0 for one in rdms)


def _protocol(run: Run) -> EvaluationProtocol:
    return EvaluationProtocol.of(run.settings, run.dataset)


def _train(title: str, study: Study, searcher: Searcher, *options: Any) -> xr.Dataset:
    """Return `studies.train` of networks of the paper's space, with their depth."""
    results = studies.train(title, study, searcher, *options)
    layers = [spaces.cnn_layers(searcher.space, one) for one in architectures(results)]
    depth = np.array([spaces.depth(one) for one in layers], dtype=np.float64)
    return results.assign(depth=("network", depth))


def _searcher(run: Run, name: str) -> Searcher:
    return searchers.within(run.settings.search, name, _protocol(run).networks.space, seed=run.seed)


def _study(run: Run, protocol: EvaluationProtocol, described: dict, *, draw: int = 0) -> Study:
    return make_study(protocol, {"seed": run.seed} | described, partial(_seed, run, draw=draw))


def _seed(run: Run, number: int, *, draw: int = 0) -> int:
    """Return a candidate's seed: a draw that follows those of the random architecture."""
    rng = np.random.default_rng([run.seed, number])
    _protocol(run).networks.space.sample(rng)
    return int(rng.integers(2**31, size=1 + draw)[-1])
