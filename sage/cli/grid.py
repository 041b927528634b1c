"""Notebooks at every point of a grid of parameter values: SLURM jobs, then one table of all."""

import argparse
import hashlib
import itertools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from sage.cli import run
from sage.cli.main import CommandFailed, Refused
from sage.cli.notebooks import Step
from sage.config import paths

POINT = "point of the grid"  # the dimension along which summaries are joined


@dataclass(frozen=True)
class Point:
    """One point of a grid: its values as typed, and the notebooks with these."""

    texts: dict[str, str]
    steps: list[Step]

    @property
    def name(self) -> str:
        """The parameters with their values."""
        return ", ".join(f"{name} {text}" for name, text in self.texts.items())

    @property
    def values(self) -> tuple:
        """The values in the parameters' types."""
        found = {name: value for step in self.steps for name, value in step.parameters.items()}
        return tuple(found[name] for name in self.texts)


def submit(options: argparse.Namespace, checkout: Path) -> None:
    """Submit the points that are not finished: the first one alone, then the others as an array.

    Args:
        options: the parsed command line.
        checkout: whose `sage` and notebooks the jobs run.

    Raises:
        CommandFailed: sbatch is missing or failed.
        Refused: as `plan`.
    """
    points = plan(options, checkout / "notebooks")
    todo = [point for point in points if not all(step.finished() for step in point.steps)]
    for point in points:
        print(f"  {point.name:<40} {'to run' if point in todo else 'finished already'}")
    if todo:
        script = _write(_script(todo, options, checkout))
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
                text = f"{error}\nBefore submitting again: scancel {first}"
                raise CommandFailed(text) from error
            print(f"Submitted the other {others} as job {job}, which starts when {first} succeeded")
    print("When all are finished:" if todo else "All points are finished already:")
    command = [sys.executable, "-P", "-m", "sage", "grid", "gather"]
    command += [*_arguments(options, options.parameter), "--table", "grid.nc"]
    print(f"  {shlex.join(command)}")


def gather(options: argparse.Namespace, checkout: Path) -> None:
    """Save and print the tables NN_summary.nc of all points as one.

    It has a dimension for every parameter of the grid. Notebooks that write no summary at any point
    need only be finished. With `partial` a point that is not there is NaN.

    Args:
        options: the parsed command line.
        checkout: has `notebooks/`.

    Raises:
        CommandFailed: points are missing, names clash, or another table is there.
        Refused: as `plan`.
    """
    table = _gather(plan(options, checkout / "notebooks"), options.partial)
    path = options.table
    if not path.exists():
        paths.save_table(table, path)
    elif not _is(path, table):
        raise CommandFailed(f"{path} exists and is another table; give another name, or remove it")
    print(table.drop_attrs())
    print(f"Table: {path}")


def plan(options: argparse.Namespace, notebooks: Path) -> list[Point]:
    """Return all points of the grid, the last parameter varying fastest.

    Raises:
        Refused: as `run.plan`, for any point; or a grid that is empty or has a point twice.
    """
    names = [name for name, *_ in options.parameter]
    for name, *values in options.parameter:
        if names.count(name) > 1:
            expected = "expected one -p with all its values"
            raise Refused(f"parameter {name!r} is given twice, {expected}")
        if not values:
            raise Refused(f"parameter {name!r} has no value, expected one or more")
    points: dict[tuple, Point] = {}
    for combination in itertools.product(*(values for _, *values in options.parameter)):
        texts = dict(zip(names, combination))
        asked = argparse.Namespace(**vars(options) | {"parameter": [*texts.items()]})
        point = Point(texts, run.plan(asked, notebooks))
        # Also finds 1 and 1.0, and parameters such as workers that make no difference.
        other = points.setdefault(tuple(step.output for step in point.steps), point)
        if other is not point:
            same = f"are the same run, {point.steps[-1].output}"
            raise Refused(f"points {other.name!r} and {point.name!r} {same}")
    return list(points.values())


def _arguments(options: argparse.Namespace, parameters: Iterable[Iterable[str]]) -> list[str]:
    """Return what the command lines of `run` and `grid gather` have in common."""
    given = ["--profile", options.profile, "--dataset", options.dataset]
    given += [text for name in options.notebook for text in ("--notebook", name)]
    return given + [text for parameter in parameters for text in ("-p", *parameter)]


def _script(points: list[Point], options: argparse.Namespace, checkout: Path) -> str:
    """Return the batch script, with a case for each number that SLURM gives to an array's tasks."""
    names = ("SAGE_DATA", "SAGE_FIGURES", "SAGE_TRACKER")
    given = [
        f"export {name}={shlex.quote(os.environ[name])}" for name in names if name in os.environ
    ]
    arguments = [_arguments(options, point.texts.items()) for point in points]
    cases = [f"{number}) set -- {shlex.join(texts)} ;;" for number, texts in enumerate(arguments)]
    command = [sys.executable, "-P", "-m", "sage", "run"]
    command += [] if options.workers is None else ["--workers", options.workers]
    root = shlex.quote(str(checkout.resolve()))
    lines = [
        "#!/bin/bash",
        "set -euo pipefail",
        *given,
        f"export PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}}",
        # Not to the checkout: paths among the values are relative to where they were typed.
        f"cd {shlex.quote(str(Path.cwd()))}",
        "case $SLURM_ARRAY_TASK_ID in",
        *cases,
        '*) echo "no point $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;',
        "esac",
        f'exec {shlex.join(command)} "$@"',
        "",
    ]
    return "\n".join(lines)


def _write(script: str) -> Path:
    digest = hashlib.sha256(script.encode()).hexdigest()[:8]

    def write(partial: Path) -> None:
        partial.touch(0o700)  # The record's address, SAGE_TRACKER, can hold a password.
        partial.write_text(script)

    return paths.replace((paths.figures() / "slurm" / f"{digest}.sh").resolve(), write)


def _sbatch(script: Path, *options: str) -> str:
    """Submit a script and return the job's number."""
    log = script.parent / "%A_%a.out"
    command = ["sbatch", "--parsable", "--job-name=sage-grid", f"--output={log}", *options]
    command.append(str(script))
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        text = f"cannot run sbatch, is this a machine of a SLURM cluster? {error}"
        raise CommandFailed(text) from error
    job = result.stdout.strip().split(";")[0]  # "number" or "number;cluster"
    if result.returncode or not job.isdigit():
        said = f"{(result.stderr or result.stdout).strip()}\n{shlex.join(command)}"
        raise CommandFailed(f"sbatch failed with exit code {result.returncode}: {said}")
    return job


def _gather(points: list[Point], partial: bool) -> xr.Dataset:
    steps = [step for point in points for step in point.steps]
    writers = {one.name for one in steps if _summary(one).is_file()} or {one.name for one in steps}
    parts, tables, missing = {}, {}, []
    for point in points:
        if lacks := [problem for step in point.steps if (problem := _problem(step, writers))]:
            missing += [f"  {point.name}: {problem}" for problem in lacks]
            continue
        counted = [step for step in point.steps if step.name in writers]
        found = {f"{step.name}, {point.name}": _read(step, list(point.texts)) for step in counted}
        parts[point.values] = _merge(found)
        tables |= found
    if missing:
        count = f"{len(points) - len(parts)} of {len(points)} points are missing:"
        print(count, *missing, sep="\n", file=sys.stderr)
        if not parts:
            raise CommandFailed("Nothing to gather.")
        if not partial:
            raise CommandFailed("Submit them, or gather the others with --partial.")
    names = list(points[0].texts)
    columns = zip(*(point.values for point in points))
    table = _join(parts, {name: list(dict.fromkeys(found)) for name, found in zip(names, columns)})
    table.attrs = _attributes({name: part.attrs for name, part in tables.items()})
    for name, variable in table.variables.items():
        found = {key: part[name].attrs for key, part in tables.items() if name in part.variables}
        variable.attrs = _attributes(found)
    return table


def _summary(step: Step) -> Path:
    return step.folder / f"{step.number}_summary.nc"


def _problem(step: Step, writers: set[str]) -> str | None:
    if not step.finished():
        return f"{step.output} is not there or was made with other code"
    if step.name in writers and not _summary(step).is_file():
        return f"{_summary(step)} is not there"
    return None


def _read(step: Step, names: list[str]) -> xr.Dataset:
    """Return a notebook's summary, without the grid's parameters where it names their value."""
    part = xr.load_dataset(_summary(step), engine="h5netcdf").drop_encoding()
    # Truth values become 0 and 1: points that are missing are NaN.
    part = part.map(lambda one: one.astype(float) if one.dtype == bool else one, keep_attrs=True)
    part = part.drop_vars([name for name in names if name in part.coords and not part[name].ndim])
    if clash := {*map(str, part.dims), *map(str, part.variables)} & {*names}:
        told = f"{', '.join(sorted(clash))}, which is a parameter of the grid"
        raise CommandFailed(f"{_summary(step)} has its own {told}")
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
    how = {"data_vars": "all", "coords": "different", "compat": "equals", "join": "outer"}
    index = pd.MultiIndex.from_tuples(parts, names=list(grid))
    table = xr.concat(parts.values(), POINT, **how)
    table = table.assign_coords(xr.Coordinates.from_pandas_multiindex(index, POINT))
    table = table.unstack(POINT).reindex(grid).transpose(*grid, ...)
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
    # NetCDF's numbers come as numpy's.
    return json.dumps(value, default=lambda array: array.tolist())


def _is(path: Path, table: xr.Dataset) -> bool:
    try:
        return xr.load_dataset(path, engine="h5netcdf").identical(table)
    except OSError:
        return False
