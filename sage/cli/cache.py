"""The command that shows what the cache holds, and removes some of it."""

import argparse
import os
import shutil
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pandas as pd
import sqlalchemy as sql

from sage.cli.main import CommandFailed
from sage.config import paths
from sage.config.run import unknown
from sage.search.tracker import Tracker

RECORD = "record"
WHAT = {
    "objects": "rendered images of data set objects; seconds to make",
    "images": "images of folders, decoded; minutes",
    "splits": "which images are for validation",
    "teachers": "trained teachers and their RDMs; searches with new ones may start again",
    "cells": "fully trained networks of cells",
    "recordings": "simulated recordings",
    "slurm": "logs of SLURM jobs",
    RECORD: "all trainings of searches and pools; hours or days",
}


def cache(options: argparse.Namespace, _checkout: Path) -> None:
    """Print what the cache holds, or remove the kinds that are named: all but the record if none.

    Raises:
        Refused: a kind that is not there.
        CommandFailed: nobody answers whether to remove it.
    """
    kinds = _kinds()
    for name in options.free or ():
        if name not in kinds:
            raise unknown("kind", name, kinds)
    print(paths.cache())
    if options.free is not None:
        named = options.free or [name for name in kinds if name != RECORD]
        kinds = {name: kinds[name] for name in named}
    if not kinds:
        print("nothing there")
        return
    measured = {name: [*map(_measured, found)] for name, found in kinds.items()}
    sizes = {name: sum(size for size, _ in each) for name, each in measured.items()}
    used = {name: max(last for _, last in each) for name, each in measured.items()}
    rows = {
        name: (f"{sizes[name] / 1e6:.1f} MB", time.strftime("%Y-%m-%d", time.localtime(used[name])))
        for name in sorted(kinds, key=sizes.__getitem__, reverse=True)
    }
    table = pd.DataFrame.from_dict(rows, "index", columns=["size", "last used"])
    table["what"] = [WHAT.get(name, "") for name in table.index]
    print(table.to_string(justify="left", formatters={"what": "{:<60}".format}))
    if options.free is not None:
        _free(kinds, sum(sizes.values()), sure=options.yes)


def _free(kinds: dict[str, list[Path]], size: int, *, sure: bool) -> None:
    if not sure:
        if not sys.stdin.isatty():
            raise CommandFailed("nothing was removed: expected --yes where nobody can be asked")
        if input(f"Remove {size / 1e6:.1f} MB? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was removed.")
            return
    for path in kinds.get(RECORD, ()):
        if path.name in _records():
            _check_idle(path)
    for path in (path for found in kinds.values() for path in found):
        folder = path.is_dir() and not path.is_symlink()
        shutil.rmtree(path) if folder else path.unlink(missing_ok=True)
    print(f"Removed {size / 1e6:.1f} MB.")


def _check_idle(record: Path) -> None:
    """Raise CommandFailed if a search is at work on a record."""
    with suppress(OSError, ValueError):  # none that can be read
        tracker = Tracker(record, make=False)
        if busy := [one["key"] for one in tracker.studies() if tracker.explored(one["key"])]:
            told = f"nothing was removed: a search is at work on study {busy[0]}"
            raise CommandFailed(told)


def _records() -> set[str]:
    """Return the names of database files: the usual one, and that of SAGE_TRACKER."""
    names, place = {"tracker.sqlite"}, paths.tracker()
    if isinstance(place, str) and place.startswith("sqlite"):
        names.add(Path(sql.make_url(place).database or "").name)
    return names


def _kinds() -> dict[str, list[Path]]:
    """Return the files and folders of the cache by kind: a folder's name, or what a file is."""
    found, records = defaultdict(list), _records()
    for path in sorted(paths.cache().glob("*")):
        # A record has further files beside it, such as tracker.sqlite.locks.
        own = any(
            path.name == one or path.name.startswith((f"{one}.", f"{one}-")) for one in records
        )
        found[RECORD if own else path.name.partition("-")[0]].append(path)
    return dict(found)


def _measured(path: Path) -> tuple[int, float]:
    """Return the bytes of a file or folder, and when one of its files was last read or written."""
    inside = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    states = []
    for one in inside or [path]:
        with suppress(FileNotFoundError):  # a journal of the record comes and goes
            states.append(one.lstat())
    last = max((max(one.st_atime, one.st_mtime) for one in states), default=0)
    return sum(one.st_size for one in states), last
