"""Brief trainings in NAS-Bench-201, judged by accuracies that others published.

What is trained and how it is judged was fixed beforehand, in docs/plans/nasbench201.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sage import spaces, teachers
from sage.analysis import benchmarks, predictivity, predictors, published_pools, simulated_search
from sage.config import paths
from sage.config.run import BenchmarkRun, Run
from sage.experiments import controls, pool, stored_networks, studies
from sage.experiments.studies import architectures, make_study
from sage.models import complexity
from sage.rsa import guidance, pool_bank
from sage.rsa.teacher import Teacher, read_teacher
from sage.search.builders import NASBench201Builder
from sage.search.evaluation import EvaluationProtocol
from sage.search.searchers import Listed
from sage.search.tracker import Tracker
from sage.spaces import Architecture
from sage.teachers import assemblies

ORDER_SEED = 0  # of the architectures; pools take the first of the order, the pilot the last
FIRST = 100  # networks of the first pool
PILOT = 15  # networks that no pool has
PUBLISHED = 200  # epochs behind the published accuracies


@dataclass(frozen=True, kw_only=True)
class Training:
    """A way to train a network briefly: SGD with a cosine of the learning rate to 0."""

    batch_size: int
    learning_rate: float
    epochs: float  # at which the learning rate is 0
    cells: int = 2  # N of a stage; the published networks have 5


WAYS = {
    "published": Training(batch_size=256, learning_rate=0.1, epochs=200),
    "small batches": Training(batch_size=64, learning_rate=0.05, epochs=200),
    "annealed": Training(batch_size=64, learning_rate=0.05, epochs=2),
    "annealed, large": Training(batch_size=128, learning_rate=0.1, epochs=2),
}

# Published accuracies of the same networks, by the column of `benchmarks.load_nasbench201`.
TARGETS = {
    "CIFAR-100": "c100_test_200_nats",
    "CIFAR-10": "c10_test_200_nats",
    "ImageNet16-120": "in16_test_200_nats",
}
BRIEFLY, BRIEF_EXAMPLES = "c100_val_12", 12 * 50_000  # the authors' shorter training
RECORDED = "recorded "  # before the name of a region
BROKEN = 0.2  # networks below this accuracy are left out of statistics


class Judged(NamedTuple):
    """Networks of a file and how a teacher judges them; `table` and `guided` as of `Benchmark`."""

    table: xr.Dataset
    guided: xr.Dataset
    snapshots: list  # see `pool_bank.unpack`
    stimuli: str  # of the teacher


@dataclass(frozen=True)
class Benchmark:
    """Networks trained briefly, with others' accuracies, and guidance by many teachers.

    Args:
        table: score [predictor, network, epoch], see `predictors.score_table`; published
            [target, network] in [0, 1], of `TARGETS`; and more, see `predictivity.pool_record`.
        guided: see `controls.control_guidance`.
        ladder: TG [teacher, network, epoch] by a teacher's checkpoints; their own accuracy is a
            coordinate.
        others: likewise by other networks and by recordings.
        shuffled: TG [teacher, draw, network, epoch] by these with their stimuli permuted.
        teacher_multiply_adds: of the teacher's training, see `teachers.training_multiply_adds`.
    """

    table: xr.Dataset
    guided: xr.Dataset
    ladder: xr.DataArray
    others: xr.DataArray
    shuffled: xr.DataArray
    teacher_multiply_adds: float

    @property
    def scores(self) -> xr.DataArray:
        """See `scores_of`."""
        return scores_of(self.table)

    def targets(self) -> dict[str, xr.DataArray]:
        """Return `published_target` by name, the first also of the better half of networks."""
        found = {name: published_target(self.table, name) for name in TARGETS}
        first = found["CIFAR-100"]
        return {**found, "CIFAR-100, better half": first.where(first >= first.median())}


def scores_of(table: xr.Dataset) -> xr.DataArray:
    """Return scores [predictor, network, epoch] of a table as `predictivity.analyse` takes them."""
    named: dict[str, Any] = {"pool": ("network", ["NAS-Bench-201"] * table.sizes["network"])}
    named |= {name: table[name] for name in ("depth", "multiply_adds")}
    return table.score.assign_coords(named)


def published_target(table: xr.Dataset, name: str = "CIFAR-100") -> xr.DataArray:
    """Return what the authors' networks reached [network]; NaN where one is broken."""
    found = table.published.sel(target=name, drop=True).assign_coords(epoch=PUBLISHED)
    return found.where(table.published.sel(target="CIFAR-100", drop=True) >= BROKEN)


def networks_of(name: str) -> list[Architecture]:
    """Return the architectures of a pool, in the order they are taken, or of the "pilot"."""
    known = spaces.representatives()
    order = np.random.default_rng(ORDER_SEED).permutation(len(known))
    (pool, second), pilot = np.split(order[:-PILOT], [FIRST]), order[-PILOT:]
    parts = {"pool": pool, "second pool": second, "pilot": pilot}
    if name not in parts:
        raise ValueError(f"networks {name!r}, expected one of {', '.join(parts)}")
    return [known[place] for place in parts[name]]


def make_protocol(training: Training, run: Run, **changes: Any) -> EvaluationProtocol:
    """Return the protocol of a brief training at the sizes of the run's profile, with `changes`."""
    networks = NASBench201Builder(cells=training.cells, learning_rate=training.learning_rate)
    how: dict[str, Any] = {"mature_epochs": training.epochs, "batch_size": training.batch_size}
    sizes = EvaluationProtocol.of(run.settings, run.dataset)
    return replace(sizes, networks=networks, **how | changes)


def train(
    protocol: EvaluationProtocol, name: str, count: int, *, first: int = 0, workers: str = "auto"
) -> xr.Dataset:
    """Return the results of so many of `networks_of`; what is not on record is trained.

    Args:
        first: the place of the first of them.
        workers: see `dask_workers.open_workers`; errors as there and of `Explorer.search`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with official names as `name`, and
        the depth of a cell, see `spaces.nasbench201_depth`.
    """
    described = {"pool": name, "order": ORDER_SEED, "first": first}
    study = make_study(protocol, described, lambda number: 0)
    listed = Listed(protocol.networks.space, networks_of(name)[first : first + count])
    results = studies.train(name, study, listed, count, workers)
    own = architectures(results)
    depth = np.array([spaces.nasbench201_depth(one) for one in own], dtype=np.float64)
    names = [spaces.nasbench201_string(one) for one in own]
    return results.assign(depth=("network", depth)).assign_coords(name=("network", names))


def make_tables(
    run: Run,
    training: Training,
    *,
    networks: int,
    recordings: Sequence[str] = (),
    workers: str = "auto",
) -> list[Path]:
    """Train networks and their teacher, and write what notebook 05 reads; return the files.

    Args:
        run: its folder gets the files; its profile has the sizes, and its teacher is the last rung
            of the ladder, so it has to be one of `teachers.NETWORKS`.
        networks: the first of the pool.
        recordings: files of recordings that are teachers besides; networks see their stimuli.
    """
    published = benchmarks.load_nasbench201()  # before hours of training
    rungs, curve, _ = teachers.train_ladder(run.teacher, run)
    early, _ = _snapshots(run)
    protocol = make_protocol(training, run, snapshots=early, recordings=tuple(recordings))
    results = train(protocol, "pool", networks, workers=workers)
    brains, permuted = _guided_by(recordings, results, run)
    bank = _pool_bank(run, results, rungs[-1], published, brains)
    if permuted:
        shuffled = xr.concat(permuted, "recording").reindex(epoch=bank.epoch)
        bank = bank.assign(shuffled=shuffled)
    untrained = controls.untrained_teachers(run)
    made = {"05_pool": bank, "05_ladder": _bank(rungs, curve), "05_untrained": _bank(untrained)}
    files = [run.save_table(one, name) for name, one in made.items()]
    attributes = {"training_examples": float(curve.examples[-1])}
    network = teachers.untrained_network(run.teacher, run)
    size = run.settings.image_size
    attributes |= {"multiply_adds": float(complexity.multiply_adds(network, size))}
    return [*files, rungs[-1].save(run.folder / "05_teacher.nc", **attributes)]


def train_longer(
    path: Path,
    run: Run,
    training: Training,
    teacher: Teacher,
    *,
    networks: int,
    workers: str = "auto",
) -> None:
    """Train networks beyond the premature epochs, and write them to a file that `load` reads.

    Args:
        path: may have the pool's first networks already; the next ones are added.
        run: as of `make_tables`.
        training: as of the pool, whose networks begin in the same way.
        networks: the first of the pool.

    Raises:
        ValueError: the file has networks that were trained or guided otherwise.
    """
    published = benchmarks.load_nasbench201()  # before hours of training
    _, later = _snapshots(run)
    protocol = make_protocol(training, run, snapshots=(0, *later))
    known = [xr.load_dataset(path)] if path.is_file() else []
    for one in known:
        wanted = published_pools.asked_of(run, protocol, teacher)
        published_pools.check_made(path.name, "cannot be added to", one, wanted)
    first = sum(one.sizes["network"] for one in known)
    if first >= networks:
        return
    results = train(protocol, "pool", networks - first, first=first, workers=workers)
    bank = _pool_bank(run, results, teacher, published)
    joined = pool_bank.join([*known, bank.assign_coords(network=bank.network + first)])
    joined = joined.assign(score=predictors.rank_again(joined.score, joined))
    paths.save_table(joined, path)


def _snapshots(run: Run) -> tuple[tuple[float, ...], ...]:
    """Return epochs of snapshots up to the premature one, and beyond."""
    times, end = run.settings.snapshots, run.settings.premature_epochs
    return tuple(one for one in times if one <= end), tuple(one for one in times if one > end)


def _pool_bank(
    run: Run,
    results: xr.Dataset,
    teacher: Teacher,
    published: pd.DataFrame,
    further: Sequence[xr.DataArray] = (),
) -> xr.Dataset:
    """Return trained networks with their RDMs of class means, and their scores.

    Args:
        further: scores, see `as_predictor`.
    """
    known = pool.measure_pool(run, results, teacher)
    briefly = _published_briefly(results, published, run)
    score = predictors.join_scores([predictors.score_table(known), *further, briefly])
    table = with_published(predictivity.pool_record(known, score), published)
    numbers = results.network.values.tolist()
    bank = pool_bank.pack(Tracker().rdms(results.attrs["study"], numbers, "class"))
    return bank.merge(table, join="exact").assign_attrs(table.attrs)


def with_published(table: xr.Dataset, published: pd.DataFrame) -> xr.Dataset:
    """Add what the authors' networks reached, `published` [target, network], to a pool's table."""
    rows = published.loc[table.name.values.tolist(), list(TARGETS.values())]
    values = ("target", "network"), rows.to_numpy().T / 100
    return table.assign(published=values).assign_coords(target=list(TARGETS))


def as_predictor(values: xr.DataArray, name: str, family: str, results: xr.Dataset) -> xr.DataArray:
    """Return TG [network, epoch] as a table of a predictor, see `predictors.join_scores`."""
    cost = (results.examples + results.images_shown).mean("network").values
    one = values.assign_coords(predictor=name, family=family, cost=("epoch", cost))
    return one.expand_dims("predictor")


def load_judged(run: BenchmarkRun, parameter: str) -> Judged:
    """Return the networks of a file, judged by the run's teacher.

    Scores of another teacher or alpha than on record are computed from RDMs of class means; those
    that take more, such as CKA, are left out.

    Args:
        parameter: of the run, which names the file: "banks" or "longer".

    Raises:
        Refused, ValueError: as `stored_networks.load_stored`.
    """
    files = stored_networks.find_stored(run)
    table, untrained = (xr.load_dataset(files[name][0]) for name in (parameter, "untrained"))
    teacher, snapshots = read_teacher(files["teacher"][0]), list(pool_bank.unpack(table))
    table = table[[name for name, one in table.items() if "stimuli" not in one.attrs]]
    stimuli, plain = teacher.layers[0].stimuli, list(pool_bank.unpack(untrained))
    _, ignorant = pool_bank.networks_as_teachers(plain, stimuli, "class")
    guided = controls.control_guidance(snapshots, teacher, ignorant, level="class")
    on_record = table.similarity.attrs["teacher_identity"], table.score.attrs["alpha"]
    if (teacher.identity, run.alpha) != on_record:
        two = {"teacher": teacher, "shuffled": teacher.shuffled(seed=pool.CONTROL_SEED)}
        found = {kind: guidance.compare(snapshots, one, level="class") for kind, one in two.items()}
        table = predictors.score_again(table, found, alpha=run.alpha)
    mean = guided.untrained.mean("initialisation").reindex(epoch=table.epoch)
    table.score.loc[{"predictor": "TG untrained"}] = mean.transpose(*table.score.dims[1:])
    return Judged(table, guided, snapshots, stimuli)


def load(run: BenchmarkRun) -> Benchmark:
    """Return stored networks, judged by the run's teacher; errors as `load_judged`."""
    files = stored_networks.find_stored(run)
    table, guided, snapshots, stimuli = load_judged(run, "banks")
    ladder, others = xr.load_dataset(files["ladder"][0]), list(map(read_teacher, files["others"]))
    _, rungs = pool_bank.networks_as_teachers(list(pool_bank.unpack(ladder)), stimuli, "class")
    by_teachers = partial(guidance.guidance_by_teachers, snapshots, level="class")
    taught = by_teachers(rungs).assign_coords(accuracy=("teacher", ladder.accuracy.values))
    names = [path.stem.removesuffix("_rdms") for path in files["others"]]
    recorded = [one for one in table.predictor.values.tolist() if one.startswith(RECORDED)]
    brains = table.score.sel(predictor=recorded).drop_vars(["family", "cost"])
    brains = brains.rename(predictor="teacher")
    beside = xr.concat([by_teachers(others).assign_coords(teacher=names), brains], "teacher")
    seeds = range(controls.PERMUTATIONS)
    draws = [by_teachers([one.shuffled(seed=seed) for seed in seeds]) for one in others]
    shuffled = xr.concat(draws, "draw_of").rename(teacher="draw", draw_of="teacher")
    if recorded:
        by_brains = table.shuffled.rename(recording="teacher")
        shuffled = xr.concat([shuffled.assign_coords(teacher=names), by_brains], "teacher")
    cost = teachers.training_multiply_adds(replace(run, teacher=str(files["teacher"][0])))
    return Benchmark(table, guided, taught, beside, shuffled, cost)


def _guided_by(
    files: Sequence[str], results: xr.Dataset, run: Run
) -> tuple[list[xr.DataArray], list[xr.DataArray]]:
    """Return TG by regions, and by their permutations: a list each, with an item for each region.

    Args:
        files: recordings.
        results: of the networks, see `Tracker.results`.

    Returns:
        Tables of a predictor, and TG [recording, draw, network, epoch].
    """
    size, images = run.settings.image_size, run.settings.rdm_images
    numbers, tables, permuted = results.network.values.tolist(), [], []
    for region in assemblies.read(files, size=size, images=images) if files else ():
        teacher = teachers.from_recordings([region])
        draws = [teacher.shuffled(seed=seed) for seed in range(controls.PERMUTATIONS)]
        snapshots = Tracker().rdms(results.attrs["study"], numbers, "image")
        guided = guidance.guidance_by_teachers(snapshots, [teacher, *draws], level="image")
        own, others = guided[0].drop_vars("teacher"), guided[1:].drop_vars("teacher")
        name = f"{RECORDED}{region.region}"
        tables.append(as_predictor(own, name, "recording", results))
        others = others.rename(teacher="draw").astype(np.float32)
        permuted.append(others.expand_dims(recording=[name]))
    return tables, permuted


def _published_briefly(results: xr.Dataset, published: pd.DataFrame, run: Run) -> xr.DataArray:
    """Return the authors' accuracy after 12 epochs, on record for every epoch, as a predictor.

    It costs as many examples of the networks trained here as come to the same multiply-adds.
    """
    size, theirs = run.settings.image_size, NASBench201Builder()
    networks = (theirs.build(one, classes=100) for one in architectures(results))
    spent = np.mean([complexity.multiply_adds(network, size) for network in networks])
    examples = BRIEF_EXAMPLES * spent / results.multiply_adds.mean().item()
    values = published.loc[results.name.values.tolist(), BRIEFLY].to_numpy() / 100
    table = results.accuracy.copy(data=np.broadcast_to(values[:, None], results.accuracy.shape))
    cost = ("epoch", np.full(results.sizes["epoch"], examples))
    named: dict[str, Any] = {"predictor": simulated_search.BRIEFLY, "family": "accuracy"}
    return table.assign_coords(**named, cost=cost).expand_dims("predictor")


def _bank(known: Sequence[Teacher], curve: xr.Dataset | None = None) -> xr.Dataset:
    """Return teachers' RDMs of class means as a bank with a network each.

    `pool_bank.networks_as_teachers` reads it.

    Args:
        curve: has their accuracy.
    """
    stacks = (
        {(one.layers[0].stimuli, "class"): np.stack([of.rdms["class"] for of in one.layers])}
        for one in known
    )
    bank = pool_bank.pack((number, 0.0, rdms) for number, rdms in enumerate(stacks))
    if curve is not None:
        bank = bank.assign(accuracy=("network", curve.accuracy.values)).assign_attrs(curve.attrs)
    return bank
