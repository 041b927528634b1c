"""Does one explorer keep 40 workers busy? `python -m tests.benchmarks.scaling [--candidates N] [--workers N]`

The explorer, the searchers and the tracker are the real ones, and their time is measured. The workers are
simulated: a candidate takes as long as a network of the published pool did, scaled to a mean of 90 s (two
epochs of 45,000 images at 1000 images a second), and returns RDMs of ten layers and 100 classes. A clock that
adds the explorer's measured time to the simulated durations says how long workers wait for it.
"""

import argparse
import heapq
import tempfile
import time
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import xarray as xr

from sage import explorer, paths, searchers, spaces
from sage.cluster import Workers
from sage.tracker import Tracker
from tests import studies

MEAN_SECONDS = 90.0


class Simulated:
    """Workers whose candidates take simulated time; the explorer's time between two submissions is real."""

    def __init__(self, workers: int, candidates: int, durations: np.ndarray):
        self.workers, self.durations = workers, durations
        self.clock, self.busy, self.left = 0.0, 0.0, candidates
        self.running: list[tuple[float, int, Future]] = []
        self.overheads: list[float] = []
        self.last = time.perf_counter()

    def submit(self, function, architecture, seed) -> Future:
        self.overheads.append(time.perf_counter() - self.last)
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
        self.last = time.perf_counter()
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
    options = parser.parse_args()
    pool = xr.load_dataset(paths.ROOT / "data" / "results" / "cifar100-cpu" / "01_pool.nc")
    rng = np.random.default_rng(0)
    durations = rng.choice(pool.seconds.values / pool.seconds.values.mean(), options.candidates) * MEAN_SECONDS
    space = spaces.cnn(options.layers)
    print("searcher    busy     explorer's time per candidate, mean of the first and the last 100")
    for name in searchers.SEARCHERS:
        workers = Simulated(options.workers, options.candidates, durations)
        with tempfile.TemporaryDirectory() as folder:
            tracker = Tracker(f"sqlite:///{folder}/tracker.sqlite")
            study = replace(studies.study(None, function=evaluate), description={"name": name}, seed=lambda number: number)
            searcher = searchers.make(name, space, seed=0)
            opened = Workers(workers.submit, lambda: options.workers)
            workers.last = time.perf_counter()
            explorer.search(space, searcher, study, tracker, options.candidates, opened)
        busy = workers.busy / (options.workers * workers.end)
        first, last = (1000 * np.mean(part) for part in (workers.overheads[:100], workers.overheads[-100:]))
        print(f"{name:<10} {busy:6.1%}   {first:8.1f} ms   {last:8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
