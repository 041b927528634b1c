from pathlib import Path

import pytest

from sage.config import paths

FOLDERS = [("SAGE_DATA", paths.data), ("SAGE_FIGURES", paths.figures)]


@pytest.mark.parametrize("variable, folder", FOLDERS)
def test_folders_are_those_of_the_environment(monkeypatch, variable, folder):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv(variable, "~/some where")
    assert folder() == Path("/home/me/some where")
    monkeypatch.delenv(variable)
    usual = folder()
    monkeypatch.setenv(variable, "")
    assert folder() == usual and usual.parent == paths.ROOT


def test_an_empty_variable_names_no_record(monkeypatch):
    monkeypatch.setenv("SAGE_TRACKER", "")
    assert paths.tracker() == paths.cache() / "tracker.sqlite"
