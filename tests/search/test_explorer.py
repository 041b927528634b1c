"""The search loop: what is recorded, looked up, told and resumed, whoever is killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from sage.compute import devices
from sage.config import paths
from sage.search import searchers
from sage.search.dask_workers import HERE, LostScheduler, Workers, open_workers
from sage.search.explorer import Explorer, Study
from sage.search.tracker import StudyInUse, Tracker
from tests.support import studies
from tests.support.waiting import until


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "trainings"


def search(study: Study, budget: int, searcher=None, workers: Workers = HERE, **options):
    tracker = Tracker()
    Explorer(study, searcher or studies.searcher(), tracker, budget, workers, **options).search()
    return tracker.results(study.key, budget)


def trainings(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def out_of_memory(architecture, seed):
    raise MemoryError("3 GB")


class HeldWorkers:
    """Workers whose candidates end when no place is free or all are there, the oldest first."""

    def __init__(self, slots: Iterable[int], total: int):
        self.counts, self.total, self.in_flight, self.submitted = iter(slots), total, [], []

    def submit(self, function, *arguments) -> Future:
        self.in_flight.append((Future(), partial(function, *arguments)))
        self.submitted.append(len(self.in_flight))
        return self.in_flight[-1][0]

    def slots(self) -> int:
        count = next(self.counts)
        full = len(self.in_flight) >= max(1, count) or len(self.submitted) == self.total
        if self.in_flight and full:
            self.end()
        return count

    def end(self) -> None:
        future, compute = self.in_flight.pop(0)
        future.set_result(compute())


def test_every_candidate_is_proposed_evaluated_and_told_once(database, log):
    table = search(studies.study(log), 20)
    assert table.network.values.tolist() == table.told.values.tolist() == list(range(20))
    assert set(table.state.values) == {"finished"} and set(table.attempts.values) == {1}
    np.testing.assert_array_equal(table.score, table.accuracy.isel(epoch=-1))
    expected = studies.searcher()
    for text in table.architecture.values:
        assert tuple(json.loads(text)) == expected.ask()[1]
    assert len(trainings(log)) == 20
    search(studies.study(log), 25)  # A larger budget continues the study, a smaller one is done.
    search(studies.study(log), 10)
    assert len(trainings(log)) == 25


def test_each_candidate_that_ends_is_told_to_who_asked(log):
    calls = []

    def told(study, candidate, evaluation):
        stored = Tracker().candidates(study.key)[candidate.number]
        assert stored.state == candidate.state and stored.architecture == candidate.architecture
        calls.append((study.description, stored.number, candidate.score, evaluation))

    def sometimes(architecture, seed):
        if len(calls) == 1:
            raise MemoryError("3 GB")
        return studies.evaluation(architecture)

    study = studies.study(log, function=sometimes)
    table = search(study, 3, on_ended=told)
    assert [(call[0], call[1]) for call in calls] == [({"name": "test"}, n) for n in range(3)]
    np.testing.assert_equal([call[2] for call in calls], table.score.values)
    assert calls[1][3] is None and calls[2][3].snapshots[-1].accuracy == calls[2][2]
    search(study, 4, on_ended=told)
    assert [call[1] for call in calls] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", searchers.SEARCHERS)
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not(database, log, name):
    settings = {"starts": 5} if name == "tpe" else {}
    whole = search(studies.study(log), 24, studies.searcher(name, **settings))
    calls = []

    def stopped(architecture, seed):
        calls.append(architecture)
        if len(calls) % 7 == 0:
            raise KeyboardInterrupt
        return replace(studies.evaluation(architecture), seconds=1.0)

    again = replace(studies.study(log, name="again", function=stopped), protocol="again")
    while True:
        try:
            resumed = search(again, 24, studies.searcher(name, **settings))
            break
        except KeyboardInterrupt:
            pass
    assert resumed.architecture.equals(whole.architecture) and resumed.score.equals(whole.score)
    assert resumed.attempts.sum() == len(calls) > len(resumed.network) == 24


def test_an_architecture_is_trained_once_for_all_studies(database, log):
    search(studies.study(log), 10)
    other = search(studies.study(log, name="other"), 12)
    assert len(trainings(log)) == 12 and other.attempts.values.tolist() == [0] * 10 + [1] * 2
    assert np.isfinite(other.score).all()
    search(replace(studies.study(log, name="third"), protocol="longer"), 10)
    search(replace(studies.study(log, name="fourth"), seed=lambda number: 8), 10)
    assert len(trainings(log)) == 32


class _Same(searchers.Searcher):
    name = "same"

    def _propose(self, rng):
        return self.space.canonical((0,) * len(self.space.choices))


def test_the_same_architecture_in_flight_is_trained_once(log):
    study = replace(studies.study(log), score=lambda found, told: len(told))
    workers, proposed = HeldWorkers([], 1), []

    def slots():
        proposed.append(len(Tracker().candidates(study.key)))
        if len(proposed) == 3:
            workers.end()
        return 2

    table = search(study, 6, _Same(studies.SPACE, seed=0), Workers(workers.submit, slots))
    assert len(trainings(log)) == 1 and table.sizes["network"] == 6
    assert sorted(table.told.values) == list(range(6))
    # Each is scored by what was told before it.
    np.testing.assert_array_equal(table.score, table.told)
    # They take the places of others: not all are proposed while the first is in flight.
    assert proposed[:4] == [0, 1, 2, 2]


def test_failed_and_diverged_candidates_do_not_end_a_search(database, log):
    def sometimes(architecture, seed):
        if sum(architecture) % 3 == 0:
            out_of_memory(architecture, seed)
        ended = {"state": "diverged", "failure": "loss is inf", "snapshots": ()}
        return studies.evaluation(architecture, **ended if sum(architecture) % 3 == 1 else {})

    with open(log, "w") as file, tqdm(total=30, file=file) as bar:
        table = search(studies.study(log, function=sometimes), 30, bar=bar)
        assert bar.n == 30
        assert f"failed or diverged={(table.state != 'finished').sum().item()}" in bar.postfix
        assert f"best={table.score.max().item():.3f}" in bar.postfix
    assert set(zip(table.state.values.tolist(), table.failure.values.tolist())) == {
        ("finished", ""),
        ("failed", "MemoryError: 3 GB"),
        ("diverged", "loss is inf"),
    }
    np.testing.assert_array_equal(np.isnan(table.score), table.state != "finished")


def test_failures_in_a_row_end_a_search_and_are_tried_again(database, log):
    told = "5 candidates of .* failed in a row, the last with: MemoryError: 3 GB"
    with pytest.raises(RuntimeError, match=told):
        search(studies.study(log, function=out_of_memory), 20)
    table = search(studies.study(log), 20)
    assert set(table.state.values) == {"finished"}
    assert table.attempts.values.tolist() == [2] * 5 + [1] * 15
    assert table.architecture.equals(search(studies.study(log, name="other"), 20).architecture)


def test_a_worker_of_another_study_ends_a_search_and_no_candidate(database, log):
    asked, study = [], studies.study(log)

    def submit(evaluate, architecture, seed) -> Future:
        asked.append(future := Future())
        if len(asked) == 4:  # of four at once the first one to be looked at does not fit
            asked[0].set_exception(devices.Unfit("other images"))
            for one in asked[1:]:
                one.set_result(studies.evaluation(architecture))
        return future

    with pytest.raises(devices.Unfit, match="other images"):
        search(study, 20, workers=Workers(submit, lambda: 4))
    table = search(study, 20)
    assert set(table.state.values) == {"finished"} and len(trainings(log)) == 17


def test_candidates_that_fail_again_do_not_hold_up_a_search_for_good(database, log):
    def fail_at_first(architecture, seed):
        calls.append(architecture)
        if calls.index(architecture) < 5:
            out_of_memory(architecture, seed)
        return studies.evaluation(architecture)

    calls = []
    with pytest.raises(RuntimeError, match="5 candidates of study"):
        search(studies.study(log, function=fail_at_first), 20)
    table = search(studies.study(log, function=fail_at_first), 20)
    assert table.state.values.tolist() == ["failed"] * 5 + ["finished"] * 15


def test_results_that_came_with_the_loss_of_the_scheduler_are_kept(database, log):
    futures = []

    def submit(function, *arguments):
        if len(futures) == 3:
            raise LostScheduler("tcp://nowhere is gone")
        futures.append(HERE.submit(function, *arguments))
        return futures[-1]

    with pytest.raises(LostScheduler):
        search(studies.study(log), 10, workers=Workers(submit, lambda: 4))
    states = [one.state for one in Tracker().candidates(studies.study(log).key)]
    assert states == ["finished"] * 3 + ["running"]


def test_a_lost_scheduler_leaves_the_study_intact(database, log):
    def gone(function, *arguments):
        if len(trainings(log)) < 3:
            return HERE.submit(function, *arguments)
        future = Future()
        future.set_exception(LostScheduler("tcp://nowhere is gone"))
        return future

    with pytest.raises(LostScheduler, match="nowhere"):
        search(studies.study(log), 10, workers=Workers(gone, lambda: 1))
    table = search(studies.study(log), 10)
    assert set(table.state.values) == {"finished"}
    assert table.attempts.values.tolist() == [1] * 3 + [2] + [1] * 6


def test_more_workers_are_used_as_they_come(log):
    workers = HeldWorkers(chain([0, 0, 1, 1], repeat(2)), 6)
    table = search(studies.study(log), 6, workers=Workers(workers.submit, workers.slots))
    assert workers.submitted[0] == 1 and max(workers.submitted) == 2
    assert set(table.state.values) == {"finished"}


SCRIPT = """
import sys
from pathlib import Path
from sage.search import dask_workers
from sage.search.explorer import Explorer
from sage.search.tracker import Tracker
from tests.support import studies

if __name__ == "__main__":
    log, workers, name, seconds = sys.argv[1:]
    with dask_workers.open_workers(workers) as opened:
        study = studies.study(Path(log), seconds=float(seconds))
        Explorer(study, studies.searcher(name), Tracker(), 40, opened).search()
"""


def start(log: Path, *arguments: str) -> subprocess.Popen:
    """Explore in another process; what it logs is waited for in `begin`."""
    (script := log.with_name("script.py")).write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    command = [sys.executable, script, log, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def begin(process: subprocess.Popen, log: Path, count: int) -> None:
    """Wait until `count` trainings have begun, or the process ended."""
    until(lambda: len(trainings(log)) >= count or process.poll() is not None)


@pytest.mark.parametrize(
    "database, workers", [("sqlite", "0"), ("postgresql", "2")], indirect=["database"]
)
def test_an_explorer_that_is_killed_again_and_again_loses_at_most_what_is_in_flight(
    database, log, workers
):
    rng, arguments = np.random.default_rng(0), (workers, "reinforce", "0.1")
    for _ in range(2):
        before = len(trainings(log))
        process = start(log, *arguments)
        begin(process, log, before + 3)
        time.sleep(rng.uniform(0, 0.2))  # so that it is killed at any point of its work
        process.kill()
        process.communicate()
    tracker, study = Tracker(), studies.study(log)
    ended = [one for one in tracker.candidates(study.key) if one.told is not None]
    assert len(ended) >= 2 * (3 - 2)
    process = start(log, *arguments)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    found = tracker.candidates(study.key)
    assert [one.number for one in found] == list(range(40))
    assert sorted(one.told for one in found) == list(range(40))
    assert {one.state for one in found} == {"finished"}
    assert {one.number: one for one in ended}.items() <= {one.number: one for one in found}.items()
    different = {one.hash for one in found}
    in_flight = 2 * max(1, int(workers))
    assert len(different) <= len(trainings(log)) <= len(different) + in_flight
    assert np.isfinite(tracker.results(study.key, 40).accuracy).all()
    assert len(list(tracker.rdms(study.key, range(40), "class"))) == 40


def test_a_second_explorer_is_refused(database, log):
    process = start(log, "0", "random", "1000")
    begin(process, log, 1)
    with pytest.raises(StudyInUse, match=f"being explored by process {process.pid}"):
        search(studies.study(log), 40)
    process.kill()
    process.communicate()
    search(studies.study(log), 40)


def test_a_candidate_whose_process_dies_is_retried_and_given_up_if_it_always_does(log):
    study = studies.study(log, function=partial(studies.kill_first_time, log))
    with open_workers("2") as workers:
        table = search(study, 6, workers=workers)
    depths = np.array([json.loads(text)[0] for text in table.architecture.values])
    expected = ["failed" if depth == 1 else "finished" for depth in depths]
    assert table.state.values.tolist() == expected
    assert all("WorkerDied: " in text for text in table.failure.values[depths == 1])
    assert len(list(log.parent.glob("*.tried"))) > (depths == 1).sum() > 0
