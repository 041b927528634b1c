"""The search loop: what is recorded, looked up, told and resumed, whoever is killed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from sage.search import dask_workers, explorer, searchers
from sage.search.dask_workers import LostScheduler, Workers
from sage.search.tracker import StudyInUse, Tracker
from tests.support import studies

HERE = Workers(dask_workers._compute, lambda: 1)


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "trainings"


def search(study: explorer.Study, budget: int, searcher=None, workers: Workers = HERE, **options):
    tracker = Tracker()
    explorer.search(
        studies.SPACE, searcher or studies.searcher(), study, tracker, budget, workers, **options
    )
    return tracker.results(study.key, budget)


def trainings(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_every_candidate_is_proposed_evaluated_and_told_once(database, log):
    table = search(studies.study(log), 20)
    assert table.network.values.tolist() == table.told.values.tolist() == list(range(20))
    assert set(table.state.values) == {"finished"} and set(table.attempts.values) == {1}
    np.testing.assert_array_equal(table.score, table.accuracy.isel(epoch=-1))
    expected = studies.searcher()
    assert [tuple(json.loads(text)) for text in table.architecture.values] == [
        expected.ask()[1] for _ in range(20)
    ]
    assert len(trainings(log)) == 20
    search(
        studies.study(log), 25
    )  # A larger budget continues the study, a smaller one finds it done.
    search(studies.study(log), 10)
    assert len(trainings(log)) == 25


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
    proposed = []

    def slots():
        proposed.append(len(Tracker().candidates(studies.study(log).key)))
        return 2

    with dask_workers.open_workers("2") as workers:
        opened = Workers(workers.submit, slots)
        table = search(studies.study(log, seconds=1.0), 6, _Same(studies.SPACE, seed=0), opened)
    assert len(trainings(log)) == 1 and table.sizes["network"] == 6
    assert sorted(table.told.values) == list(range(6))
    assert 2 in proposed  # They take the places of others: not all are proposed at once.


def test_failed_and_diverged_candidates_do_not_end_a_search(database, log):
    def sometimes(architecture, seed):
        match sum(architecture) % 3:
            case 0:
                raise MemoryError("3 GB")
            case 1:
                return studies.evaluation(
                    architecture, state="diverged", failure="loss is inf", snapshots=()
                )
        return studies.evaluation(architecture)

    with tqdm(total=30, file=open(log, "w")) as bar:
        table = search(studies.study(log, function=sometimes), 30, bar=bar)
        assert (
            bar.n == 30
            and f"failed or diverged={(table.state != 'finished').sum().item()}" in bar.postfix
        )
        bar.fp.close()
    assert set(table.state.values) == {"finished", "failed", "diverged"}
    assert set(table.failure.where(table.state == "failed", drop=True).values) == {
        "MemoryError: 3 GB"
    }
    assert set(table.failure.where(table.state == "diverged", drop=True).values) == {"loss is inf"}
    np.testing.assert_array_equal(np.isnan(table.score), table.state != "finished")


def test_failures_in_a_row_end_a_search_and_are_tried_again(database, log):
    def fail(architecture, seed):
        raise MemoryError("3 GB")

    with pytest.raises(
        RuntimeError, match="5 candidates of .* failed in a row, the last with: MemoryError: 3 GB"
    ):
        search(studies.study(log, function=fail), 20)
    table = search(studies.study(log), 20)
    assert (
        set(table.state.values) == {"finished"}
        and table.attempts.values.tolist() == [2] * 5 + [1] * 15
    )
    assert table.architecture.equals(search(studies.study(log, name="other"), 20).architecture)


def test_candidates_that_fail_again_do_not_hold_up_a_search_for_good(database, log):
    def fail_at_first(architecture, seed):
        calls.append(architecture)
        if calls.index(architecture) < 5:
            raise MemoryError("3 GB")
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
        futures.append(dask_workers._compute(function, *arguments))
        return futures[-1]

    with pytest.raises(LostScheduler):
        search(studies.study(log), 10, workers=Workers(submit, lambda: 4))
    states = [one.state for one in Tracker().candidates(studies.study(log).key)]
    assert states == ["finished"] * 3 + ["running"]


def test_a_lost_scheduler_leaves_the_study_intact(database, log):
    def gone(function, *arguments):
        if len(trainings(log)) < 3:
            return dask_workers._compute(function, *arguments)
        future = Future()
        future.set_exception(LostScheduler("tcp://nowhere is gone"))
        return future

    with pytest.raises(LostScheduler, match="nowhere"):
        search(studies.study(log), 10, workers=Workers(gone, lambda: 1))
    table = search(studies.study(log), 10)
    assert set(table.state.values) == {"finished"} and table.attempts.values.tolist() == [
        1,
        1,
        1,
        2,
        *[1] * 6,
    ]


def test_more_workers_are_used_as_they_come(log):
    with dask_workers.open_workers("2") as workers:
        slots = iter([0, 0, 1, 1, *[2] * 100])
        futures, in_flight = [], []

        def submit(function, *arguments):
            futures.append(workers.submit(function, *arguments))
            in_flight.append(sum(not future.done() for future in futures))
            return futures[-1]

        table = search(
            studies.study(log, seconds=0.5), 6, workers=Workers(submit, lambda: next(slots))
        )
    assert in_flight[0] == 1 and max(in_flight) == 2 and set(table.state.values) == {"finished"}


SCRIPT = """
import sys
from pathlib import Path
from sage.search import dask_workers, explorer
from sage.search.tracker import Tracker
from tests.support import studies

if __name__ == "__main__":
    log, workers, name = sys.argv[1:]
    with dask_workers.open_workers(workers) as opened:
        study = studies.study(Path(log), seconds=0.1)
        explorer.search(studies.SPACE, studies.searcher(name), study, Tracker(), 40, opened)
"""


def start(tmp_path: Path, log: Path, workers: str, name: str) -> subprocess.Popen:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, script, log, workers, name], env=environment, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize(
    "database, workers", [("sqlite", "0"), ("postgresql", "2")], indirect=["database"]
)
def test_an_explorer_that_is_killed_again_and_again_loses_at_most_what_is_in_flight(
    database, tmp_path, log, workers
):
    rng = np.random.default_rng(0)
    for _ in range(3):
        before = len(trainings(log))
        process = start(tmp_path, log, workers, "reinforce")
        while len(trainings(log)) < before + 3 and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
        process.stderr.close()
    tracker, study = Tracker(), studies.study(log)
    ended = [one for one in tracker.candidates(study.key) if one.told is not None]
    assert len(ended) >= 9 - 3 * 2
    process = start(tmp_path, log, workers, "reinforce")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    found = tracker.candidates(study.key)
    assert [one.number for one in found] == list(range(40))
    assert sorted(one.told for one in found) == list(range(40))
    assert {one.state for one in found} == {"finished"}
    assert {one.number: one for one in ended}.items() <= {one.number: one for one in found}.items()
    different = {one.hash for one in found}
    in_flight = 3 * max(1, int(workers))
    assert len(different) <= len(trainings(log)) <= len(different) + in_flight
    table = tracker.results(study.key, 40)
    assert (
        np.isfinite(table.accuracy).all()
        and len(list(tracker.rdms(study.key, range(40), "class"))) == 40
    )


def test_a_second_explorer_is_refused(database, tmp_path, log):
    process = start(tmp_path, log, "0", "random")
    while len(trainings(log)) < 2:
        time.sleep(0.01)
    with pytest.raises(StudyInUse, match=f"being explored by process {process.pid}"):
        search(studies.study(log), 40)
    process.kill()
    process.communicate()
    search(studies.study(log), 40)


def test_a_candidate_whose_process_dies_is_retried_and_given_up_if_it_always_does(log):
    study = studies.study(log, function=partial(studies.kill_first_time, log))
    with dask_workers.open_workers("2") as workers:
        table = search(study, 6, workers=workers)
    depths = np.array([json.loads(text)[0] for text in table.architecture.values])
    assert table.state.values.tolist() == [
        "failed" if depth == 1 else "finished" for depth in depths
    ]
    assert all("WorkerDied: " in text for text in table.failure.values[depths == 1])
    assert len(list(log.parent.glob("*.tried"))) > (depths == 1).sum() > 0


def test_a_worker_killed_from_outside_costs_its_candidate_another_training_only(log):
    with dask_workers.open_workers("2") as workers:
        search(studies.study(log, name="warm"), 2, workers=workers)
        killer = threading.Thread(
            target=_kill_in_mid_training, args=(log, multiprocessing.active_children()[0])
        )
        killer.start()
        table = search(
            replace(studies.study(log, seconds=1.0), protocol="slow"), 8, workers=workers
        )
        killer.join()
    assert set(table.state.values) == {"finished"} and table.attempts.values.tolist() == [1] * 8
    assert len(trainings(log)) == 2 + 8 + 1


def _kill_in_mid_training(log: Path, process) -> None:
    while len(trainings(log)) < 4:  # Both are at it.
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
