import os
import subprocess
import sys
from pathlib import Path

import pytest

from sage.cli.main import main
from sage.config import paths
from sage.search.tracker import Tracker
from tests.support.records import KEY, make_candidate, make_evaluation, make_snapshot, record


@pytest.fixture
def tracker(database) -> Tracker:
    tracker = Tracker()
    tracker.open_study(KEY, {"dataset": "mine", "searcher": {"name": "tpe"}, "width": 0.5})
    tracker.open_study("1" * 16, {"seed": 4})
    record(tracker, 0, make_evaluation(make_snapshot(1.0, 0)), score=0.25)
    record(tracker, 1, make_evaluation(state="diverged", failure="loss is inf"), score=float("nan"))
    record(tracker, 2, make_evaluation(make_snapshot(1.0, 2)), score=0.75)
    tracker.propose(KEY, make_candidate(3))
    return tracker


def test_all_studies_are_listed_with_their_states(tracker, capsys):
    with tracker.exclusive(KEY):
        assert main(["watch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{KEY}  1 diverged, 2 finished, 1 running; explored by process ")
    assert lines[1].strip() == 'dataset mine, searcher {"name": "tpe"}'
    assert (
        lines[2] == f"{'1' * 16}  no candidates; not explored now" and lines[3].strip() == "seed 4"
    )


def test_one_study_is_shown_with_its_latest_best_and_running_candidates(tracker, capsys):
    assert main(["watch", KEY[:4]]) == 0
    out = capsys.readouterr().out
    latest, best = out.split("latest:")[1].split("best:")
    best, running = best.split("in flight:")
    assert [line.split()[0] for line in latest.split("\n") if line] == ["0", "1", "2"]
    assert "diverged" in latest and "loss is inf" in latest
    lines = [line.split()[:3] for line in best.split("\n") if line]
    assert lines == [["2", "finished", "0.7500"], ["0", "finished", "0.2500"]]
    assert running.split()[:2] == ["3", "running"]


def test_an_unknown_study_is_an_error(tracker, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["watch", "abc"])
    assert "no study abc in" in capsys.readouterr().err


def test_looking_makes_nothing(database, capsys):
    """No record where there is none, and no lock beside one of studies that nobody explored."""
    assert main(["watch"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("the record ") and "is not there: nothing was searched" in told
    assert told.count("\n") == 1
    assert list(Path(os.environ["SAGE_DATA"]).iterdir()) == []
    Tracker().open_study(KEY, {})
    made = sorted(Path(os.environ["SAGE_DATA"]).rglob("*"))
    assert main(["watch"]) == 0 and "not explored now" in capsys.readouterr().out
    assert sorted(Path(os.environ["SAGE_DATA"]).rglob("*")) == made


def test_a_reader_that_has_enough_ends_it_quietly(tracker):
    command = [sys.executable, "-m", "sage", "watch"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=paths.ROOT, **pipes)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()
