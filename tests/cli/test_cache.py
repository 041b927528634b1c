"""What lies in the cache, and what is removed of it."""

import sys
from types import SimpleNamespace

import pytest

from sage.cli.main import main
from sage.config import paths
from sage.search.tracker import Tracker
from tests.support.records import KEY


@pytest.fixture
def cache() -> list:
    """A cache with a teacher, an image archive, and records, of which the second is in use."""
    for name in ("teachers/a.nc", "teachers/b.pt", "objects-0.npz", "tracker.sqlite"):
        paths.replace(paths.cache() / name, lambda path: path.write_bytes(bytes(400_000)))
    paths.replace(paths.cache() / "mine.sqlite-wal", lambda path: path.touch())
    return names()


def names() -> list[str]:
    return sorted(path.name for path in paths.cache().iterdir())


@pytest.fixture(autouse=True)
def own_record(monkeypatch):
    monkeypatch.setenv("SAGE_TRACKER", f"sqlite:///{paths.cache()}/mine.sqlite")


def test_it_says_what_lies_there_and_removes_nothing(cache, capsys):
    assert main(["cache"]) == 0
    lines = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[2:]]
    sizes = [["teachers", "0.8", "MB"], ["objects", "0.4", "MB"], ["record", "0.4", "MB"]]
    assert sorted(lines) == sorted(sizes) and names() == cache


def test_the_record_goes_only_if_it_is_named(cache, capsys):
    assert main(["cache", "--free", "--yes"]) == 0
    assert names() == ["mine.sqlite-wal", "tracker.sqlite"]
    assert "Removed 1.2 MB" in capsys.readouterr().out
    assert main(["cache", "--free", "record", "--yes"]) == 0
    assert names() == []
    assert main(["cache"]) == main(["cache", "--free"]) == 0


def test_a_record_in_use_stays(cache, capsys):
    (paths.cache() / "mine.sqlite-wal").unlink()
    tracker = Tracker()
    tracker.open_study(KEY, {})
    with tracker.exclusive(KEY):
        assert main(["cache", "--free", "record", "teachers", "--yes"]) == 1
    assert f"a search is at work on study {KEY}" in capsys.readouterr().err
    assert {"mine.sqlite", "teachers"} <= {*names()}


def test_so_does_one_that_another_shell_uses(capsys):
    """SAGE_TRACKER names another record here."""
    tracker = Tracker(paths.cache() / "tracker.sqlite")
    tracker.open_study(KEY, {})
    with tracker.exclusive(KEY):
        assert main(["cache", "--free", "record", "--yes"]) == 1
    assert "a search is at work" in capsys.readouterr().err and "tracker.sqlite" in names()


@pytest.mark.parametrize("answer", ["", "n", "y"])
def test_it_asks_first(cache, monkeypatch, answer):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    assert main(["cache", "--free", "objects"]) == 0
    assert ("objects-0.npz" in names()) == (answer != "y")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert main(["cache", "--free", "teachers"]) == 1 and "teachers" in names()


def test_an_unknown_kind_is_refused(cache, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["cache", "--free", "teacher", "--yes"])
    assert "unknown kind 'teacher' (did you mean 'teachers'?)" in capsys.readouterr().err
    assert names() == cache
