"""Brief trainings in NAS-Bench-201, to be judged by accuracies that others published.

What is trained and how it is judged was fixed beforehand, in docs/plans/nasbench201.md.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from sage import spaces
from sage.config.run import check_workers
from sage.experiments.studies import make_study
from sage.search import dask_workers
from sage.search.builders import NASBench201Builder
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Explorer
from sage.search.searchers import Listed
from sage.search.tracker import Tracker
from sage.spaces import Architecture

ORDER_SEED = 0  # of the architectures; pools take the first of the order, the pilot the last
PILOT = 15  # networks that no pool has


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


def networks_of(name: str) -> list[Architecture]:
    """Return the architectures of the "pool", in the order they are taken, or of the "pilot"."""
    known = spaces.representatives()
    order = np.random.default_rng(ORDER_SEED).permutation(len(known))
    parts = {"pool": order[:-PILOT], "pilot": order[-PILOT:]}
    if name not in parts:
        raise ValueError(f"networks {name!r}, expected one of {', '.join(parts)}")
    return [known[place] for place in parts[name]]


def make_protocol(training: Training, **sizes) -> EvaluationProtocol:
    """Return the protocol of a brief training on CIFAR-100; `sizes` replace the plan's."""
    networks = NASBench201Builder(cells=training.cells, learning_rate=training.learning_rate)
    planned: dict = {
        "dataset": "cifar100",
        "image_size": 32,
        "train_images": None,
        "validation_images": None,
        "snapshots": (0, 0.25, 0.5, 1, 2),
        "rdm_units": 1000,
        "rdm_images": 200,
        "rivals": True,
    }
    how = {"mature_epochs": training.epochs, "batch_size": training.batch_size}
    return EvaluationProtocol(networks=networks, **planned | how | sizes)


def train(
    protocol: EvaluationProtocol, name: str, count: int, *, workers: str = "auto"
) -> xr.Dataset:
    """Return the results of the first of `networks_of`; what is not on record is trained.

    Args:
        workers: see `dask_workers.open_workers`; errors as there and of `Explorer.search`.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with official names as `name`.
    """
    check_workers(workers)
    chosen, tracker = networks_of(name)[:count], Tracker()
    study = make_study(protocol, {"networks": name, "order": ORDER_SEED}, lambda number: 0)
    if not tracker.ended(study.key, count):
        bar = tqdm(total=count, desc=name, unit="network")
        with dask_workers.open_workers(workers) as opened, bar:
            listed = Listed(protocol.networks.space, chosen)
            Explorer(study, listed, tracker, count, opened, bar).search()
    results = tracker.results(study.key, count)
    names = [spaces.nasbench201_string(one) for one in chosen]
    return results.assign_coords(name=("network", names))
