"""Published results, analysed again from their tables: nothing is trained, no images are needed."""

import argparse
import json
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import xarray as xr

from sage.cli import page
from sage.cli.notebooks import Step, defaults, digest, duration, number_of, package, sources
from sage.cli.publish import ATTRIBUTE
from sage.compute import devices
from sage.config import paths, provenance
from sage.config.run import unknown
from sage.experiments.results import FOLLOWS, VERDICTS, Missing, Results
from sage.plots import style
from sage.plots.figures import FIGURES

AGAIN = "published-again"  # the folder of what is made again, among those of runs
# Of the teachers whose tables lie in one folder, the one whose figures are published.
NAMED = {"00_teacher": "resnet-12-epochs", "00_teacher_rdms": "resnet-12-epochs_rdms"}


class Made(NamedTuple):
    """Names of the figures and tables of a published result that were made again."""

    drawn: list[str]
    left: list[str]  # figures that cannot be drawn from tables
    same: list[str]  # tables with the same numbers
    other: list[str]  # tables with other numbers
    problem: str = ""  # why it was given up, as with a profile that has other sizes today

    def __str__(self) -> str:
        if self.problem:
            return f"left out: {self.problem}"
        told = {"not drawn from tables": self.left, "same numbers": self.same}
        told |= {"OTHER NUMBERS": self.other}
        lists = (f"; {name}: {', '.join(one)}" for name, one in told.items() if one)
        return f"{len(self.drawn)} figures{''.join(lists)}"


def published(options: argparse.Namespace, checkout: Path) -> None:
    """Analyse published results again: write figures, tables and a page, and print the verdicts.

    They go to the folder `AGAIN`, or with `publish` to where the published ones are. In `AGAIN` all
    is kept that was made with the same code and tables.

    Raises:
        Refused: an unknown name.
    """
    committed, results = checkout / "figures" / "published", checkout / "data" / "results"
    known = sorted(one.name for one in committed.iterdir() if one.is_dir())
    for name in options.names:
        if name not in known:
            raise unknown("published result", name, known)
    names, begin = options.names or known, time.monotonic()
    to = committed if options.publish else paths.figures() / AGAIN
    tables = results if options.publish else to
    every = sorted(results.rglob("*.nc"))  # a result can use another's
    read = [*every, *sources(checkout / "notebooks").values()]
    shown = [str(one) for one in sorted(committed.glob("*/*.png"))]
    key = provenance.key(
        package=package(), files={str(one): digest(one) for one in read}, shown=shown
    )
    done = {path.parent.name for path in to.glob("*/key.txt") if path.read_text() == key}
    todo = [name for name in names if options.publish or name not in done]
    # The largest first, so that no process is left with one of them in the end.
    sizes = {one: sum(path.stat().st_size for path in every if one in path.parts) for one in todo}
    todo.sort(key=sizes.__getitem__, reverse=True)
    print(f"{len(todo)} of {len(names)} published results are analysed again, without training;")
    print("all of them take about two minutes on two cores", flush=True)
    with ProcessPoolExecutor(devices.cores(), mp_context=get_context("spawn")) as processes:
        # A PDF takes longer than the picture, and is published already.
        suffixes = paths.FIGURES if options.publish else paths.FIGURES[:1]
        work = partial(analyse, checkout=checkout, figures=to, tables=tables, suffixes=suffixes)
        for name, made in zip(todo, processes.map(work, todo)):
            print(f"  {name:<24} {made}", flush=True)
            if not (options.publish or made.problem or made.other):
                (to / name / "key.txt").write_text(key)
    notebooks = [path.stem for path in sources(checkout / "notebooks").values()]
    for name in names:
        for notebook, told in page.verdicts(tables / name, notebooks).items():
            print(f"\n{name}, {notebook}:\n{textwrap.indent(told, '  ')}")
    print(f"\nTook {duration((time.monotonic() - begin) / 60)}.")
    print(f"Open {page.write_published(to, tables, checkout)}")


def analyse(
    name: str,
    checkout: Path,
    figures: Path,
    tables: Path,
    suffixes: tuple[str, ...] = paths.FIGURES,
) -> Made:
    """Draw the figures of a published result again, and write its tables that follow from others.

    Args:
        figures: gets them in a folder of that name; `tables` likewise.
        suffixes: of the files of a figure.
    """
    made = Made([], [], [], [])
    try:
        for number, results in load(name, checkout).items():
            shown = (checkout / "figures" / "published" / name).glob(f"{number}_*.png")
            for stem in sorted(path.stem for path in shown):
                try:
                    figure = FIGURES[stem](results) if stem in FIGURES else None
                except Missing:
                    figure = None
                if not figure:
                    made.left.append(stem)
                else:
                    style.save(figure, figures / name, stem, suffixes=suffixes)
                    plt.close(figure)
                    made.drawn.append(stem)
            for path in sorted((checkout / "data" / "results" / name).glob(f"{number}_*.nc")):
                if path.stem in FOLLOWS or path.stem in VERDICTS:
                    known = xr.load_dataset(path, engine="h5netcdf")
                    found = results.save(path.stem, folder=tables / name, further=known.attrs)
                    (made.same if _alike(found, known) else made.other).append(path.stem)
    except ValueError as problem:
        return made._replace(problem=str(problem))
    return made


def load(name: str, checkout: Path) -> dict[str, Results]:
    """Return the results of a published folder of tables, by the number of their notebook."""
    folder, found = checkout / "data" / "results" / name, {}
    shown = (checkout / "figures" / "published" / name).glob("*.png")
    named = {one: folder / f"{other}.nc" for one, other in NAMED.items()}
    known = sources(checkout / "notebooks")
    for beginning in sorted({number_of(path.stem) for path in shown} & known.keys()):
        source = known[beginning]
        own = {one: at for one, at in named.items() if number_of(one) == beginning and at.is_file()}
        parameters = defaults(source)
        for path in (*sorted(folder.glob(f"{beginning}_*.nc")), *own.values()):
            with xr.open_dataset(path, engine="h5netcdf") as table:
                parameters |= json.loads(table.attrs.get(ATTRIBUTE, "{}"))
        measured = {one: xr.load_dataset(path) for one, path in own.items()}
        found[beginning] = Results(Step(source, parameters).run(), measured, folder=folder)
    return found


def _alike(one: xr.Dataset, other: xr.Dataset) -> bool:
    """Return True if two tables have the same numbers, but for rounding on another machine."""
    try:
        xr.testing.assert_allclose(one, other, rtol=1e-6)
    except AssertionError:
        return False
    return True
