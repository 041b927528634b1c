"""The explorer: proposes architectures, has them evaluated, and keeps the record complete."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from sage import devices, evaluation, guidance, paths, provenance
from sage.evaluation import Protocol
from sage.guidance import Teacher
from sage.run import Run
from sage.spaces import Architecture
from sage.tracker import Tracker


def train_pool(run: Run, *, jobs: int = 0) -> xr.Dataset:
    """The run's pool of random networks: read from the record, and whatever is missing trained first.

    Args:
        jobs: networks trained side by side; 0 for what `devices.networks_at_once` says.

    Returns:
        Dataset over network and epoch, see `Tracker.results`, with provenance attributes.

    Raises:
        ValueError: negative jobs. RuntimeError: a training process died; what was finished is on record.
    """
    if jobs < 0:
        raise ValueError(f"jobs is {jobs}, expected 0 or more")
    protocol, count = Protocol.of(run.settings, run.dataset), run.settings.pool
    tracker, study = _open(run, protocol)
    missing = sorted(set(range(count)) - tracker.finished(study))
    if not missing:
        return tracker.results(study, count)
    stamp = provenance.stamp()
    with tqdm(total=count, initial=count - len(missing), desc="pool", unit="network") as bar:
        for number, proposal, evaluated in _evaluate_all(protocol, run.seed, missing, jobs):
            tracker.record(
                study,
                number,
                architecture=proposal[0],
                hash=protocol.space.hash(proposal[0]),
                seed=proposal[1],
                evaluation=evaluated,
                provenance=stamp,
            )
            bar.update()
    return tracker.results(study, count)


def check_teacher(run: Run, teacher: Teacher) -> None:
    """Raises ValueError if the run's pool could not be compared with this teacher, before it is trained."""
    stimuli = Protocol.of(run.settings, run.dataset).load_images().stimuli(run.settings.rdm_images)
    guidance.check(teacher, run.level, {stimuli.identity})


def compare_pool(run: Run, teacher: Teacher) -> xr.DataArray:
    """Similarity of the stored pool's RDMs with a teacher's, [network, epoch, teacher_layer, layer]."""
    tracker, study = _open(run, Protocol.of(run.settings, run.dataset))
    return guidance.compare(tracker.rdms(study, run.settings.pool, run.level), teacher, level=run.level)


def propose(protocol: Protocol, seed: int, number: int) -> tuple[Architecture, int]:
    """The pool's candidate of this number: its architecture and its seed, whatever the pool's size."""
    rng = np.random.default_rng([seed, number])
    return protocol.space.sample(rng), int(rng.integers(2**31))


def _open(run: Run, protocol: Protocol) -> tuple[Tracker, str]:
    """The run's study, under a key of all that determines its candidates."""
    description = protocol.description() | {"seed": run.seed}
    study = provenance.key(**description)
    tracker = Tracker(paths.cache() / "tracker.sqlite")
    tracker.open_study(study, description)
    return tracker, study


def _evaluate_all(protocol: Protocol, seed: int, numbers: list[int], jobs: int) -> Iterator[tuple]:
    """Number, proposal and evaluation of each candidate, as they finish; `jobs` are in flight at a time."""
    jobs = jobs or devices.networks_at_once()
    waiting = iter(numbers)
    running: dict[Future, tuple] = {}
    with _workers(min(jobs, len(numbers))) as executor:
        try:
            while True:
                for number in waiting:
                    proposal = propose(protocol, seed, number)
                    running[executor.submit(evaluation.evaluate, protocol, *proposal)] = (number, proposal)
                    if len(running) == jobs:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield *running.pop(future), future.result()
        except BrokenProcessPool as problem:
            raise RuntimeError(
                "a training process died, for lack of memory perhaps: try fewer jobs; finished networks are on "
                'record (in a script, call this below `if __name__ == "__main__":`)'
            ) from problem


def _workers(count: int) -> ProcessPoolExecutor:
    """Processes with one thread each.

    Small networks train faster two on two cores than one on both, and a network's numbers do not
    depend on how many are trained beside it.
    """
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would train on for nobody."""
    multiprocessing.parent_process().join()
    os._exit(1)
