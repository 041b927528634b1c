"""Measure whether one explorer keeps 40 workers busy.

`python -m tests.benchmarks.scaling [--layers N] [--candidates N] ...`

The explorer, the searchers and the tracker are the real ones, and their time is measured. The
workers are simulated: a candidate takes as long as a network of the published pool did, scaled to a
mean of `--seconds` (two epochs of 45,000 images at 1000 images a second take 90), and returns RDMs
of its layers and 100 classes. A clock that adds the explorer's measured time to the simulated
durations says how long workers wait for it.

Printed per searcher: the share of time that workers are busy; milliseconds on the clock that the
explorer takes per candidate, mean of the first and of the last 100; of the last 100 the mean
process time of asking, of telling and of the rest, which is recording; and the sum of these three
as a share of a candidate's time. What the clock has more than process time is waiting for the disk
and for other processes.
"""

import argparse
import heapq
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from sage import spaces
from sage.config import paths
from sage.search import searchers
from sage.search.dask_workers import Workers
from sage.search.explorer import Explorer
from sage.search.tracker import Tracker
from tests.support import studies


class Simulated:
    """Workers whose candidates take simulated time; the explorer's time between two submissions is
    real.
    """

    def __init__(self, workers: int, candidates: int, durations: np.ndarray):
        self.workers, self.durations = workers, durations
        self.clock, self.busy, self.left = 0.0, 0.0, candidates
        self.running: list[tuple[float, int, Future]] = []
        self.overheads: list[float] = []  # on the clock, s
        self.spent: list[
            tuple[float, float, float]
        ] = []  # process time of ask, of tell and of all, s
        self.go_on()

    def go_on(self) -> None:
        """The explorer's time counts from now."""
        self.counted = {"ask": 0.0, "tell": 0.0}
        self.last, self.last_process = time.perf_counter(), time.process_time()

    def count(self, name: str, method: Callable, *arguments):
        """Calls a method of the searcher and counts its time."""
        start = time.process_time()
        result = method(*arguments)
        self.counted[name] += time.process_time() - start
        return result

    def submit(self, function, architecture, seed) -> Future:
        self.overheads.append(time.perf_counter() - self.last)
        self.spent.append((*self.counted.values(), time.process_time() - self.last_process))
        self.clock += self.overheads[-1]
        self.left -= 1
        duration = self.durations[self.left]
        future = Future()
        future.evaluation = function(architecture, seed)
        self.busy += duration
        heapq.heappush(self.running, (self.clock + duration, self.left, future))
        if self.left == 0:
            self.end = self.clock
            self.busy -= sum(max(0.0, end - self.clock) for end, _, _ in self.running)
            while self.running:
                self._finish()
        elif len(self.running) == self.workers:
            self._finish()
        self.go_on()
        return future

    def _finish(self) -> None:
        end, _, future = heapq.heappop(self.running)
        self.clock = max(self.clock, end)
        future.set_result(future.evaluation)


def evaluate(architecture, seed):
    """An evaluation of realistic size with a made-up accuracy."""
    found = studies.evaluation(architecture)
    rdms = {("set", "class"): np.zeros((architecture[0] + 1, 4950), np.float16)}
    return replace(found, snapshots=(replace(found.snapshots[0], rdms=rdms),))


def main() -> None:
    """Print a row per searcher."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=40)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument(
        "--seconds", type=float, default=90.0, help="that a candidate takes in the mean"
    )
    options = parser.parse_args()
    pool = xr.load_dataset(
        paths.ROOT / "data" / "results" / "cifar100-pool" / "seed-0" / "01_pool.nc"
    )
    rng = np.random.default_rng(0)
    durations = (
        rng.choice(pool.seconds.values / pool.seconds.values.mean(), options.candidates)
        * options.seconds
    )
    space = spaces.cnn(options.layers)
    columns = ("busy", "first", "last", "ask", "tell", "record", "share")
    print("searcher  " + "".join(f"{column:>9}" for column in columns))
    for name in searchers.SEARCHERS:
        workers = Simulated(options.workers, options.candidates, durations)
        with tempfile.TemporaryDirectory() as folder:
            tracker = Tracker(f"sqlite:///{folder}/tracker.sqlite")
            study = studies.study(None, function=evaluate, name=name)
            study = replace(study, seed=lambda number: number)
            searcher = searchers.make(name, space, seed=0)
            searcher.ask = partial(workers.count, "ask", searcher.ask)
            searcher.tell = partial(workers.count, "tell", searcher.tell)
            opened = Workers(workers.submit, lambda: options.workers)
            workers.go_on()
            Explorer(study, searcher, tracker, options.candidates, opened).search()
        busy = workers.busy / (options.workers * workers.end)
        first, last = (
            1000 * np.mean(part) for part in (workers.overheads[:100], workers.overheads[-100:])
        )
        ask, tell, every = 1000 * np.mean(workers.spent[-100:], 0)
        times = "".join(f"{value:9.1f}" for value in (first, last, ask, tell, every - ask - tell))
        print(f"{name:<10}{busy:9.1%}{times}{every / 1000 / options.seconds:9.2%}", flush=True)


if __name__ == "__main__":
    main()
