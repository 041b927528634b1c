"""Notebooks at every point of a grid of parameter values: SLURM jobs, then one table of all."""

import argparse
import hashlib
import itertools
import json
import os
import shlex
import subprocess
import sys
from collections import ChainMap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from sage.cli import run
from sage.cli.main import CommandFailed
from sage.cli.notebooks import Step
from sage.config import paths
from sage.config.run import Refused

_SAGE = [sys.executable, "-P", "-m", "sage"]
_OLD = "is not there or was made with other code"
_POINT = "point of the grid"  # the dimension along which summaries are joined


class Point(NamedTuple):
    """One point of a grid."""

    name: str  # the parameters with their values
    values: tuple  # in the parameters' types
    texts: dict[str, str]  # the values as typed
    steps: list[Step]


def submit(options: argparse.Namespace, checkout: Path) -> None:
    """Submit the points that are not finished: the first one alone, then the others as an array."""
    points = plan(options, checkout / "notebooks")
    todo = [point for point in points if not all(step.finished() for step in point.steps)]
    for point in points:
        print(f"  {point.name:<40} {'to run' if point in todo else 'finished already'}")
    run.check(step for point in todo for step in point.steps)
    if todo:
        script = _write_script(todo, options, checkout)
        print(f"Script: {script}\nLogs:   {script.parent}", flush=True)
        # It makes what all points share: the teacher, and the pool of trained networks on record.
        first = _sbatch(script, "--array=0", *options.sbatch)
        print(f"Submitted the first point as job {first}", flush=True)
        if others := len(todo) - 1:
            array = f"--array=1-{others}" + (f"%{options.at_once}" if options.at_once else "")
            after = f"--dependency=afterok:{first}"
            try:
                job = _sbatch(script, array, after, "--kill-on-invalid-dep=yes", *options.sbatch)
            except CommandFailed as error:
                raise CommandFailed(f"{error}\nBefore submitting again: scancel {first}") from error
            print(f"Submitted the other {others} as job {job}, to start when {first} has succeeded")
    command = [*_SAGE, "grid", "gather", *_arguments(options, options.parameter)]
    print("When all are finished:" if todo else "All points are finished already:")
    print(f"  {shlex.join([*command, '--table', 'grid.nc'])}")


def gather(options: argparse.Namespace, checkout: Path) -> None:
    """Save and print the tables NN_summary.nc of all points as one.

    It has a dimension for every parameter of the grid. Notebooks that write no summary at any point
    need only be finished. With `partial` a point that is not there is NaN.
    """
    points = plan(options, checkout / "notebooks")
    steps = [step for point in points for step in point.steps]
    writers = {one.name for one in steps if _summary(one).is_file()} or {one.name for one in steps}
    parts: dict[tuple, xr.Dataset] = {}
    tables: dict[str, xr.Dataset] = {}
    missing = []
    for point in points:
        counted = [step for step in point.steps if step.name in writers]
        lacks = [f"{step.output} {_OLD}" for step in point.steps if not step.finished()]
        lacks += [f"{path} is not there" for path in map(_summary, counted) if not path.is_file()]
        missing += [f"  {point.name}: {problem}" for problem in lacks]
        if not lacks:
            found = {f"{step.name}, {point.name}": _read(step, point.texts) for step in counted}
            parts[point.values] = _merge(found)
            tables |= found
    if missing:
        count = f"{len(points) - len(parts)} of {len(points)} points are missing:"
        print(count, *missing, sep="\n", file=sys.stderr)
        if not parts:
            raise CommandFailed("Nothing to gather.")
        if not options.partial:
            raise CommandFailed("Submit them, or gather the others with --partial.")
    columns = zip(points[0].texts, zip(*(point.values for point in points)))
    table = _join(parts, {name: list(dict.fromkeys(values)) for name, values in columns})
    table.attrs = _attributes({key: one.attrs for key, one in tables.items()})
    for name, variable in table.variables.items():
        having = {key: one[name].attrs for key, one in tables.items() if name in one.variables}
        variable.attrs = _attributes(having)
    try:
        same = xr.load_dataset(options.table, engine="h5netcdf").identical(table)
    except FileNotFoundError:
        paths.save_table(table, options.table)
        same = True
    except OSError:  # not a table at all
        same = False
    if not same:
        raise CommandFailed(f"{options.table} exists and is another table; give another name")
    print(f"{table.drop_attrs()}\nTable: {options.table}")


def plan(options: argparse.Namespace, notebooks: Path) -> list[Point]:
    """Return all points of the grid, the last parameter varying fastest; errors as `run.plan`."""
    names = [name for name, *_ in options.parameter]
    for name, *values in options.parameter:
        if names.count(name) > 1:
            raise Refused(f"parameter {name!r} is given twice, expected one -p with all its values")
        if not values:
            raise Refused(f"parameter {name!r} has no value, expected one or more")
    points: dict[tuple, Point] = {}
    for combination in itertools.product(*(values for _, *values in options.parameter)):
        texts = dict(zip(names, combination))
        asked = argparse.Namespace(**vars(options) | {"parameter": [*texts.items()]})
        name = ", ".join(f"{name} {text}" for name, text in texts.items())
        steps = run.plan(asked, notebooks)
        known = ChainMap(*(step.parameters for step in steps))
        point = Point(name, tuple(known[name] for name in names), texts, steps)
        # Also finds 1 and 1.0, and parameters such as workers that make no difference.
        other = points.setdefault(tuple(step.output for step in steps), point)
        if other is not point:
            both = f"{other.name!r} and {name!r}"
            raise Refused(f"points {both} are the same run, {steps[-1].output}")
    return list(points.values())


def _arguments(options: argparse.Namespace, parameters: Iterable[Iterable[str]]) -> list[str]:
    """Return what the command lines of `run` and `grid gather` have in common."""
    given = ["--profile", options.profile, "--dataset", options.dataset]
    given += [text for name in options.notebook for text in ("--notebook", name)]
    return given + [text for parameter in parameters for text in ("-p", *parameter)]


def _write_script(points: list[Point], options: argparse.Namespace, checkout: Path) -> Path:
    """Write a script with a case for each number that SLURM gives to the tasks of an array."""
    known = ("SAGE_DATA", "SAGE_DEVICE", "SAGE_FIGURES", "SAGE_TRACKER")
    names = [name for name in known if name in os.environ]
    arguments = [_arguments(options, point.texts.items()) for point in points]
    workers = [] if options.workers is None else ["--workers", options.workers]
    lines = [
        "#!/bin/bash",
        "set -euo pipefail",
        *(f"export {name}={shlex.quote(os.environ[name])}" for name in names),
        f"export PYTHONPATH={shlex.quote(str(checkout.resolve()))}${{PYTHONPATH:+:$PYTHONPATH}}",
        # Not to the checkout: paths among the values are relative to where they were typed.
        f"cd {shlex.quote(str(Path.cwd()))}",
        "case $SLURM_ARRAY_TASK_ID in",
        *(f"{number}) set -- {shlex.join(texts)} ;;" for number, texts in enumerate(arguments)),
        '*) echo "no point $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;',
        "esac",
        f'exec {shlex.join([*_SAGE, "run", *workers])} "$@"\n',
    ]
    script = "\n".join(lines)
    digest = hashlib.sha256(script.encode()).hexdigest()[:8]

    def write(partial: Path) -> None:
        partial.touch(0o700)  # The record's address, SAGE_TRACKER, can hold a password.
        partial.write_text(script)

    return paths.replace((paths.figures() / "slurm" / f"{digest}.sh").resolve(), write)


def _sbatch(script: Path, *options: str) -> str:
    """Submit a script and return the job's number."""
    command = ["sbatch", "--parsable", "--job-name=sage-grid"]
    logs = str(script.parent).replace("%", "%%")  # two stand for one in SLURM's names of files
    command += [f"--output={logs}/%A_%a.out", *options, str(script)]
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise CommandFailed(f"cannot run sbatch, is this a SLURM cluster? {error}") from error
    job = result.stdout.strip().split(";")[0]  # "number" or "number;cluster"
    if result.returncode or not job.isdigit():
        said = f"{(result.stderr or result.stdout).strip()}\n{shlex.join(command)}"
        raise CommandFailed(f"sbatch failed with exit code {result.returncode}: {said}")
    return job


def _summary(step: Step) -> Path:
    return step.folder / f"{step.number}_summary.nc"


def _read(step: Step, names: Iterable[str]) -> xr.Dataset:
    """Return a notebook's summary, without the grid's parameters where it names their value."""
    part = xr.load_dataset(_summary(step), engine="h5netcdf").drop_encoding()
    # Truth values become 0 and 1: points that are missing are NaN.
    part = part.map(lambda one: one.astype(float) if one.dtype == bool else one, keep_attrs=True)
    part = part.drop_vars([name for name in names if name in part.coords and not part[name].ndim])
    if clash := [name for name in names if name in part.dims or name in part.variables]:
        raise CommandFailed(f"{_summary(step)} has its own {', '.join(clash)}, as has the grid")
    return part


def _merge(found: dict[str, xr.Dataset]) -> xr.Dataset:
    """Return the summaries of one point, of several notebooks, as one."""
    names = [str(name) for part in found.values() for name in part.data_vars]
    if clash := sorted({name for name in names if names.count(name) > 1}):
        told = f"have {', '.join(clash)}; gather one --notebook a time"
        raise CommandFailed(f"several notebooks' summaries {told}")
    return xr.merge(found.values(), join="outer", compat="no_conflicts", combine_attrs="drop")


def _join(parts: dict[tuple, xr.Dataset], grid: dict[str, list]) -> xr.Dataset:
    """Return the points' tables as one, with NaN where a point of the grid has none."""
    index = pd.MultiIndex.from_tuples(parts, names=list(grid))
    how: dict[str, Any] = {"data_vars": "all", "coords": "different", "compat": "equals"}
    table = xr.concat(parts.values(), _POINT, join="outer", **how)
    table = table.assign_coords(xr.Coordinates.from_pandas_multiindex(index, _POINT))
    table = table.unstack(_POINT).reindex(grid).transpose(*grid, ...)
    return table.map(lambda values: values.fillna("") if values.dtype == object else values)


def _attributes(found: dict[str, dict]) -> dict:
    """Return what all agree on; and as JSON text, by part, what they do not."""
    collected = {}
    for name in dict.fromkeys(name for attributes in found.values() for name in attributes):
        values = {part: given[name] for part, given in found.items() if name in given}
        agreed = len(values) == len(found) and len({_json(value) for value in values.values()}) == 1
        collected[name] = next(iter(values.values())) if agreed else _json(values)
    return collected


def _json(value) -> str:
    return json.dumps(value, default=lambda array: array.tolist())  # NetCDF's numbers are numpy's
