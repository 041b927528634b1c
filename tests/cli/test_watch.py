import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sage.cli.main import main
from sage.cli.watch import COLUMNS
from sage.config import paths
from sage.search.tracker import Tracker
from tests.support.records import KEY, make_candidate, make_evaluation, make_snapshot, record

STUDY = {"dataset": "mine", "searcher": {"name": "tpe"}, "score": {"name": "P+TG", "alpha": 0.2}}
STUDY |= {"snapshots": [0.25, 0.5]}


@pytest.fixture
def tracker(database) -> Tracker:
    tracker = Tracker()
    tracker.open_study(KEY, STUDY)
    tracker.open_study("1" * 16, {"seed": 4})
    record(tracker, 0, make_evaluation(make_snapshot(1.0, 0)), score=0.25)
    record(tracker, 1, make_evaluation(state="diverged", failure="loss is inf"), score=float("nan"))
    record(tracker, 2, make_evaluation(make_snapshot(1.0, 2)), score=0.75)
    tracker.propose(KEY, make_candidate(3))
    return tracker


def test_all_studies_are_listed_with_their_states(tracker, capsys):
    with tracker.exclusive(KEY):
        assert main(["watch"]) == 0
    names, *lines = capsys.readouterr().out.splitlines()
    assert names.split() == COLUMNS
    empty, study = (line.split() for line in lines)
    # The one in which something happened last stands at the end.
    assert empty == ["1" * 8, "-", "-", "random", "P", "4", "0", "-", "0", "-", "-"]
    assert study[:9] == [KEY[:8], "mine", "0.5", "tpe", "P+0.2TG", "-", "3+1", "0.7500", "1"]
    assert study[9].count("-") == 2 and study[11:] == ["process", str(os.getpid()), *study[13:]]


def test_a_study_that_somebody_has_just_begun_to_explore(tracker, capsys, monkeypatch):
    """It is locked before the record says by whom."""
    monkeypatch.setattr(Tracker, "explored", lambda *_: True)
    assert main(["watch"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "-"


def test_scripts_read_the_same_as_json(tracker, capsys):
    assert main(["watch", "--json"]) == 0
    empty, study = json.loads(capsys.readouterr().out)
    assert empty["key"] == "1" * 16 and empty["candidates"] == [] and empty["best"] is None
    assert study["states"] == {"finished": 2, "diverged": 1, "running": 1}
    assert study["best"] == 0.75 and not study["explored"]
    assert [one["score"] for one in study["candidates"]] == [0.25, None, 0.75, None]
    assert main(["watch", "--json", "1"]) == 0
    assert [one["key"] for one in json.loads(capsys.readouterr().out)] == ["1" * 16]


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
    assert main(["watch"]) == 0 and KEY[:8] in capsys.readouterr().out
    assert sorted(Path(os.environ["SAGE_DATA"]).rglob("*")) == made


def test_a_reader_that_has_enough_ends_it_quietly(tracker):
    command = [sys.executable, "-m", "sage", "watch"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=paths.ROOT, **pipes)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()
