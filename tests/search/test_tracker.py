import json
import multiprocessing
import os
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from sage.search.tracker import StudyInUse, Tracker
from tests.support.records import KEY, make_candidate, make_evaluation, make_snapshot, record
from tests.support.waiting import PATIENCE, until


@pytest.fixture
def tracker(database) -> Tracker:
    tracker = Tracker()
    tracker.open_study(KEY, {"width": 0.5})
    return tracker


def test_what_is_recorded_is_read_again_by_another_connection(tracker):
    snapshots = make_snapshot(0.5, 0), make_snapshot(2.0, 1, accuracy=0.75)
    record(tracker, 3, make_evaluation(*snapshots))
    diverged = make_evaluation(make_snapshot(0.5, 2), state="diverged", failure="inf")
    record(tracker, 1, diverged, score=float("nan"), commit="b")
    tracker.propose(KEY, make_candidate(0))
    failed = replace(make_candidate(0), state="failed", failure="died", score=float("nan"))
    tracker.finish(KEY, failed, None)  # has no evaluation, and no provenance
    other = Tracker()
    results = other.results(KEY, 10).sel(network=[1, 3])
    stamps = json.loads(results.attrs["provenance"])
    assert sorted(one["commit"] for one in stamps) == ["a", "b"]
    assert results.network.values.tolist() == [1, 3] and results.epoch.values.tolist() == [0.5, 2.0]
    np.testing.assert_array_equal(results.accuracy, [[0.5, np.nan], [0.5, 0.75]])
    np.testing.assert_array_equal(results.score, [np.nan, 0.5])
    assert results.state.values.tolist() == ["diverged", "finished"]
    assert results.failure.values.tolist() == ["inf", ""] and results.told.values.tolist() == [1, 0]
    assert results.attempts.values.tolist() == [1, 1]
    assert results.architecture.values.tolist() == ["[1, 1]", "[3, 1]"]
    assert results.attrs["description"] == '{"width": 0.5}'
    assert results.attrs["provenance"] == (
        '[{"commit": "b", "hardware": "a machine"}, {"commit": "a", "hardware": "a machine"}]'
    )
    stored = {(number, epoch): rdms for number, epoch, rdms in other.rdms(KEY, range(10), "class")}
    assert stored.keys() == {(1, 0.5), (3, 0.5), (3, 2.0)}
    np.testing.assert_array_equal(stored[3, 2.0]["set", "class"], snapshots[1].rdms["set", "class"])
    assert stored[3, 2.0].keys() == {("set", "class")}


def test_an_evaluation_comes_back_as_it_was_stored(tracker):
    given = make_evaluation(make_snapshot(0.5, 0), make_snapshot(2.0, 1))
    given = replace(given, test_accuracy=0.25)
    stored = record(tracker, 0, given)
    assert tracker.find("protocol", "h0", 0) == stored
    assert tracker.find("protocol", "h0", 1) is tracker.find("other", "h0", 0) is None
    found = tracker.evaluation(stored)
    assert found.proxies == pytest.approx(given.proxies, nan_ok=True)
    np.testing.assert_array_equal(found.losses, given.losses)
    apart = {"snapshots": (), "losses": None, "proxies": {}}
    assert replace(found, **apart) == replace(given, **apart)
    for one, other in zip(found.snapshots, given.snapshots, strict=True):
        assert (
            replace(one, rdms={}) == replace(other, rdms={})
            and one.rdms.keys() == other.rdms.keys()
        )
        for key, values in other.rdms.items():
            np.testing.assert_array_equal(one.rdms[key], values)


def test_results_are_those_of_the_first_candidates_that_ended(tracker):
    for number in (0, 1, 5):
        record(tracker, number, make_evaluation(make_snapshot(1.0, number)))
    tracker.propose(KEY, make_candidate(2))
    assert tracker.results(KEY, 5).network.values.tolist() == [0, 1]
    assert {number for number, _, _ in tracker.rdms(KEY, range(5), "class")} == {0, 1}
    assert tracker.ended(KEY, 2) and not tracker.ended(KEY, 3)
    with pytest.raises(ValueError, match="study abc has no candidates"):
        tracker.results("abc", 5)


def test_candidates_are_proposed_tried_and_ended_one_change_at_a_time(tracker):
    tracker.propose(KEY, make_candidate(0))
    (proposed,) = tracker.candidates(KEY)
    assert np.isnan(proposed.score) and replace(proposed, score=0.0) == replace(
        make_candidate(0), score=0.0
    )
    tracker.attempt(KEY, 0)
    tracker.attempt(KEY, 0)
    tracker.propose(KEY, make_candidate(1))
    failure = "OutOfMemoryError: 3 GB"
    tracker.finish(KEY, replace(make_candidate(1), state="failed", failure=failure))
    stored = tracker.store("protocol", "h0", 0, make_evaluation(make_snapshot(1.0, 0)), {})
    tracker.finish(KEY, replace(make_candidate(0), state="finished", score=0.1 + 0.2), stored)
    first, second = tracker.candidates(KEY)
    assert (first.attempts, first.told, first.score) == (2, 1, 0.1 + 0.2)
    assert (second.state, second.told, second.failure) == ("failed", 0, "OutOfMemoryError: 3 GB")
    results = tracker.results(KEY, 2)
    assert results.state.values.tolist() == ["finished", "failed"]
    np.testing.assert_array_equal(results.parameters, [10, np.nan])
    tracker.reopen(KEY, [1])
    assert tracker.candidates(KEY)[1].told is None and not tracker.ended(KEY, 2)


def test_measures_that_are_not_finite_come_back_as_nan(tracker):
    stored = record(tracker, 0, make_evaluation(make_snapshot(1.0, 0, accuracy=float("nan"))))
    assert np.isnan(tracker.results(KEY, 1).accuracy).all()
    assert np.isnan(tracker.evaluation(stored).snapshots[0].accuracy)


def test_an_evaluation_is_stored_whole_or_not_at_all(tracker):
    broken = make_snapshot(1.0, 0)
    broken.rdms["set", "other"] = None
    with pytest.raises(AttributeError):
        tracker.store("protocol", "h0", 0, make_evaluation(make_snapshot(0.5, 0), broken), {})
    assert tracker.find("protocol", "h0", 0) is None
    record(tracker, 0, make_evaluation(make_snapshot(0.5, 0)))
    assert dict(tracker.results(KEY, 1).sizes) == {"network": 1, "epoch": 1, "step": 2}


def test_nothing_is_overwritten(tracker):
    stored = record(tracker, 0, make_evaluation(make_snapshot(1.0, 0)))
    with pytest.raises(ValueError, match=f"candidate 0 of study {KEY} is on record already"):
        tracker.propose(KEY, make_candidate(0))
    better = make_evaluation(make_snapshot(1.0, 1, accuracy=0.9))
    assert tracker.store("protocol", "h0", 0, better, {}) == stored
    assert tracker.results(KEY, 1).accuracy.item() == 0.5
    tracker.open_study(KEY, {"width": 0.5})
    assert tracker.ended(KEY, 1)


def _make_records(barrier, addresses) -> None:
    for address in addresses:
        barrier.wait()  # All at the same moment.
        Tracker(address)


def _store_many(barrier) -> None:
    tracker = Tracker()
    for number in range(20):
        barrier.wait()
        tracker.open_study(f"{number:016x}", {})
        tracker.store("protocol", "h", number, make_evaluation(make_snapshot(1.0, number)), {})


def _run_at_once(count: int, function, *arguments) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(
        count, timeout=PATIENCE
    )  # The others do not wait for one that failed.
    processes = [context.Process(target=function, args=(barrier, *arguments)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count


def test_processes_make_the_record_at_once(database, tmp_path):
    if database.startswith("sqlite"):
        addresses = [f"sqlite:///{tmp_path}/{number}.sqlite" for number in range(20)]
    else:
        addresses = [database]
    _run_at_once(4, _make_records, addresses)
    assert all(Tracker(address).studies() == [] for address in addresses)


def test_processes_write_the_same_at_once(tracker):
    _run_at_once(2, _store_many)
    for number in range(20):
        assert len(tracker.evaluation(tracker.find("protocol", "h", number)).snapshots) == 1
    assert len(tracker.studies()) == 20 + 1


def _explore(ready) -> None:
    with Tracker().exclusive(KEY):
        ready.set()
        multiprocessing.Event().wait()


def test_only_one_explores_a_study_and_death_ends_that(tracker):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=_explore, args=(ready,))
    other.start()
    assert ready.wait(PATIENCE)
    with (
        pytest.raises(
            StudyInUse, match=f"study {KEY} is being explored by process {other.pid} on "
        ),
        tracker.exclusive(KEY),
    ):
        pass
    assert tracker.explored(KEY)
    tracker.open_study("1" * 16, {})
    with tracker.exclusive("1" * 16):  # another study is free
        pass
    other.kill()
    other.join()
    until(lambda: not tracker.explored(KEY))  # A server takes a moment to notice.
    with tracker.exclusive(KEY), pytest.raises(StudyInUse), tracker.exclusive(KEY):
        pass
    assert not tracker.explored(KEY)


def test_a_record_of_another_version_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("create table candidate (id integer, study text)")
    connection.close()
    with pytest.raises(
        ValueError, match="old.sqlite was made by another version: table candidate .*SAGE_TRACKER"
    ):
        Tracker(f"sqlite:///{tmp_path}/old.sqlite")


@pytest.mark.parametrize("name", ["a?b", "a%b", "a#b", "a b", "caf\xe9", "a:b@c"])
def test_the_folder_of_data_may_have_any_name(monkeypatch, tmp_path, name):
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / name))
    Tracker().open_study(KEY, {})
    assert [one["key"] for one in Tracker().studies()] == [KEY]
    assert (tmp_path / name / "cache" / "tracker.sqlite").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_record_may_lie_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SAGE_TRACKER", "sqlite:///~/mine.sqlite")
    Tracker()
    assert (tmp_path / "mine.sqlite").is_file()


@pytest.mark.parametrize(
    "address",
    [
        "/data/record.sqlite",
        "postgres://me@host/name",
        "mysql://me@host/name",
        "postgresql://me@host:port/name",
        "sqlite://",
        "sqlite:///a?b.sqlite",
    ],
)
def test_an_address_that_is_none_is_refused(monkeypatch, address):
    monkeypatch.setenv("SAGE_TRACKER", address)
    with pytest.raises(ValueError) as refused:
        Tracker()
    told = f"SAGE_TRACKER is {address!r}, expected sqlite:///FILE (a path without ?) or postgresql:"
    assert str(refused.value).startswith(told)


def test_a_record_that_cannot_be_opened_is_named_without_its_password(monkeypatch, tmp_path):
    monkeypatch.setenv("SAGE_TRACKER", "postgresql://me:secret@127.0.0.1:1/name")
    with pytest.raises(
        OSError, match=r"^the record .*:\*\*\*@.* in SAGE_TRACKER cannot be opened: "
    ):
        Tracker()
    monkeypatch.setenv("SAGE_TRACKER", "mysql://me:secret@host/name")
    with pytest.raises(ValueError, match=r"^SAGE_TRACKER is 'mysql://me:\*\*\*@host/name'"):
        Tracker()
    (tmp_path / "file").write_text("no database " * 100)
    with pytest.raises(OSError, match="file cannot be opened: file is not a database$"):
        Tracker(f"sqlite:///{tmp_path}/file")
    with pytest.raises(OSError, match="file/record.sqlite cannot be opened: "):
        Tracker(f"sqlite:///{tmp_path}/file/record.sqlite")


def test_a_read_only_record_can_be_looked_at_but_not_written(tracker, monkeypatch):
    tracker.check_writable()
    if not tracker._file:
        return
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("sqlite"))
    with pytest.raises(
        PermissionError, match="tracker.sqlite .*cannot be written: it or its folder"
    ):
        tracker.check_writable()
