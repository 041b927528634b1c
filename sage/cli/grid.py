"""A notebook for every point of a grid of parameter values: submitted to SLURM, then gathered into one table."""

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

import xarray as xr

from sage.cli import command_options, run
from sage.cli.notebooks import Step
from sage.config import paths


class GridFailed(RuntimeError):
    """Points cannot be submitted or gathered; the message says why."""


@dataclass(frozen=True)
class Point:
    """One point of a grid: its values as typed, the batch's arguments for it, and the notebooks these run."""

    texts: dict[str, str]
    arguments: list[str]
    steps: list[Step]

    @property
    def name(self) -> str:
        """The parameters with their values."""
        return ", ".join(f"{name} {text}" for name, text in self.texts.items())

    @property
    def values(self) -> dict:
        """The values in the parameters' types."""
        found = {name: value for step in self.steps for name, value in step.parameters.items()}
        return {name: found[name] for name in self.texts}


def main(argv: list[str] | None = None, *, checkout: Path = paths.ROOT) -> int:
    """Submit or gather the grid that the command line asks for.

    Args:
        argv: the arguments; None means those of this process.
        checkout: has `notebooks/` and `sage/`.

    Returns:
        Exit code: 0, or 1 if sbatch failed, points are missing, or the table would replace another.

    Raises:
        SystemExit: code 2, the command line asks for what is not there.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        points = plan(options, checkout / "notebooks")
    except ValueError as error:
        parser.error(str(error))
    try:
        if options.command == "submit":
            submit(points, options, checkout)
        else:
            save(gather(points, partial=options.partial), options.table)
    except GridFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def plan(options: argparse.Namespace, notebooks: Path) -> list[Point]:
    """All points of the grid, the last parameter varying fastest.

    Args:
        options: the parsed command line.
        notebooks: folder of the NN_name.py.

    Raises:
        ValueError: as `run.plan`, for any point; or a grid that is empty or has a point twice.
    """
    names = [name for name, *_ in options.parameter]
    for name, *values in options.parameter:
        if names.count(name) > 1:
            raise ValueError(
                f"parameter {name!r} is given twice, expected one -p with all its values"
            )
        if not values:
            raise ValueError(f"parameter {name!r} has no value, expected one or more")
    points = {}
    for combination in itertools.product(*(values for _, *values in options.parameter)):
        texts = dict(zip(names, combination))
        arguments = _arguments(options, texts.items())
        if options.workers is not None:
            arguments += ["--workers", options.workers]
        steps = run.plan(command_options.parser().parse_args(arguments), notebooks)
        point = Point(texts, arguments, steps)
        # Also finds 1 and 1.0, and parameters such as workers that make no difference to the result.
        other = points.setdefault(tuple(step.output for step in steps), point)
        if other is not point:
            raise ValueError(
                f"points {other.name!r} and {point.name!r} are the same run, {steps[-1].output}"
            )
    return list(points.values())


def submit(points: list[Point], options: argparse.Namespace, checkout: Path) -> None:
    """Submit the points that are not finished: the first one alone, then the others as an array.

    Args:
        points: of the whole grid.
        options: the parsed command line.
        checkout: whose `sage` the jobs run.

    Raises:
        GridFailed: sbatch is missing or failed.
    """
    todo = [point for point in points if not all(step.finished() for step in point.steps)]
    for point in points:
        print(f"  {point.name:<40} {'to run' if point in todo else 'finished already'}")
    if todo:
        script = _write(_script(todo, checkout))
        print(f"Script: {script}\nLogs:   {script.parent}", flush=True)
        # It makes what all points share: the teacher, and the pool of trained networks on record.
        first = _sbatch(script, ["--array=0", *options.sbatch])
        print(f"Submitted the first point as job {first}", flush=True)
        if others := len(todo) - 1:
            limit = f"%{options.at_once}" if options.at_once else ""
            after = [
                f"--array=1-{others}{limit}",
                f"--dependency=afterok:{first}",
                "--kill-on-invalid-dep=yes",
            ]
            try:
                job = _sbatch(script, [*after, *options.sbatch])
            except GridFailed as error:
                raise GridFailed(f"{error}\nBefore submitting again: scancel {first}") from error
            print(
                f"Submitted the other {others} as job {job}, which starts when {first} has succeeded"
            )
    command = [
        sys.executable,
        "-P",
        "-m",
        "sage.cli.grid",
        "gather",
        *_arguments(options, options.parameter),
    ]
    print("When all are finished:" if todo else "All points are finished already:")
    print(f"  {shlex.join([*command, '--table', 'grid.nc'])}")


def gather(points: list[Point], *, partial: bool = False) -> xr.Dataset:
    """The tables NN_summary.nc of all points as one, with a dimension for every parameter of the grid.

    Args:
        points: of the whole grid; notebooks that write no summary at any of them need only be finished.
        partial: a point that is not finished, or lacks a summary, is NaN.

    Raises:
        GridFailed: there are such points and not `partial`, or no others; or names clash.
    """
    steps = [step for point in points for step in point.steps]
    writers = {step.name for step in steps if _summary(step).is_file()} or {
        step.name for step in steps
    }
    parts, tables, missing = {}, {}, []
    for point in points:
        if lacks := [problem for step in point.steps if (problem := _problem(step, writers))]:
            missing += [f"  {point.name}: {problem}" for problem in lacks]
            continue
        counted = [step for step in point.steps if step.name in writers]
        found = {f"{step.name}, {point.name}": _read(step, list(point.texts)) for step in counted}
        parts[tuple(point.values.values())] = _merge(found)
        tables |= found
    if missing:
        print(
            f"{len(points) - len(parts)} of {len(points)} points are missing:",
            *missing,
            sep="\n",
            file=sys.stderr,
        )
        if not parts or not partial:
            raise GridFailed(
                "Submit them, or gather the others with --partial."
                if parts
                else "Nothing to gather."
            )
    grid = {
        name: list(dict.fromkeys(point.values[name] for point in points))
        for name in points[0].texts
    }
    table = _combine(grid, parts)
    table.attrs = _attributes({name: part.attrs for name, part in tables.items()})
    for name, variable in table.variables.items():
        variable.attrs = _attributes(
            {key: part[name].attrs for key, part in tables.items() if name in part.variables}
        )
    return table


def save(table: xr.Dataset, path: Path) -> None:
    """Save a table and print it in short; a table that is there already is not replaced.

    Args:
        table: as from `gather`.
        path: of the NetCDF file.

    Raises:
        GridFailed: there is something else.
    """
    if not path.exists():
        paths.save_table(table, path)
    elif not _is(path, table):
        raise GridFailed(f"{path} exists and is another table; give another name, or remove it")
    print(table.drop_attrs())
    print(f"Table: {path}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sage.cli.grid", description=__doc__, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="submit | gather")
    submits = commands.add_parser(
        "submit", help="one batch run per point, as SLURM jobs", allow_abbrev=False
    )
    gathers = commands.add_parser(
        "gather", help="the points' summaries as one table", allow_abbrev=False
    )
    for command in (submits, gathers):
        command_options.add_run(command)
        command.add_argument(
            "--notebook",
            metavar="NN",
            action="append",
            default=[],
            help="only this one, by its number or whole name; can be repeated (default: all, in order)",
        )
        command.add_argument(
            "-p",
            dest="parameter",
            nargs="+",
            metavar=("NAME", "VALUE"),
            action="append",
            required=True,
            help="a parameter and its values; repeated, the grid has all combinations",
        )
    submits.add_argument(
        "--workers", metavar="WHERE", help="where each run's networks train, as in run_all.sh"
    )
    submits.add_argument(
        "--at-once", type=_count, metavar="N", help="the most points of the array to run at a time"
    )
    submits.add_argument(
        "--sbatch",
        type=shlex.split,
        default=[],
        metavar="OPTIONS",
        help='options for sbatch, as --sbatch="--partition=gpu --gres=gpu:1"',
    )
    gathers.add_argument(
        "--table", type=Path, required=True, metavar="FILE", help="the NetCDF file to write"
    )
    gathers.add_argument(
        "--partial", action="store_true", help="missing points are NaN, instead of an error"
    )
    gathers.set_defaults(workers=None)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _arguments(options: argparse.Namespace, parameters: Iterable[Iterable[str]]) -> list[str]:
    """The command line for these parameters, in what submit, gather and the batch have in common."""
    given = [("--profile", options.profile), ("--dataset", options.dataset)]
    given += [("--notebook", name) for name in options.notebook]
    return [
        text
        for group in (*given, *(("-p", *parameter) for parameter in parameters))
        for text in group
    ]


def _script(points: list[Point], checkout: Path) -> str:
    """The batch script: a case for each number that SLURM gives to the tasks of the array."""
    given = {
        name: os.environ[name]
        for name in ("SAGE_DATA", "SAGE_FIGURES", "SAGE_TRACKER")
        if name in os.environ
    }
    return "\n".join(
        [
            "#!/bin/bash",
            "set -euo pipefail",
            *(f"export {name}={shlex.quote(value)}" for name, value in given.items()),
            f"export PYTHONPATH={shlex.quote(str(checkout.resolve()))}${{PYTHONPATH:+:$PYTHONPATH}}",
            # Not to the checkout: paths among the values are relative to where they were typed.
            f"cd {shlex.quote(str(Path.cwd()))}",
            "case $SLURM_ARRAY_TASK_ID in",
            *(
                f"{number}) set -- {shlex.join(point.arguments)} ;;"
                for number, point in enumerate(points)
            ),
            '*) echo "no point $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;',
            "esac",
            f'exec {shlex.quote(sys.executable)} -P -m sage.cli.run "$@"',
            "",
        ]
    )


def _write(script: str) -> Path:
    digest = hashlib.sha256(script.encode()).hexdigest()[:8]

    def write(partial: Path) -> None:
        partial.touch(0o700)  # The record's address, SAGE_TRACKER, can hold a password.
        partial.write_text(script)

    return paths.replace((paths.figures() / "slurm" / f"{digest}.sh").resolve(), write)


def _sbatch(script: Path, options: list[str]) -> str:
    """The number of the submitted job."""
    log = script.parent / "%A_%a.out"
    command = [
        "sbatch",
        "--parsable",
        "--job-name=sage-grid",
        f"--output={log}",
        *options,
        str(script),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise GridFailed(
            f"cannot run sbatch, is this a machine of a SLURM cluster? {error}"
        ) from error
    job = result.stdout.strip().split(";")[0]  # "number" or "number;cluster"
    if result.returncode or not job.isdigit():
        said = (result.stderr or result.stdout).strip()
        raise GridFailed(
            f"sbatch failed with exit code {result.returncode}: {said}\n{shlex.join(command)}"
        )
    return job


def _summary(step: Step) -> Path:
    return step.folder / f"{step.name[:2]}_summary.nc"


def _problem(step: Step, writers: set[str]) -> str | None:
    if not step.finished():
        return f"{step.output} is not there or was made with other code"
    if step.name in writers and not _summary(step).is_file():
        return f"{_summary(step)} is not there"
    return None


def _read(step: Step, names: list[str]) -> xr.Dataset:
    """A notebook's summary, without the grid's parameters where it names their value."""
    part = xr.load_dataset(_summary(step), engine="h5netcdf").drop_encoding()
    # Truth values become 0 and 1: points that are missing are NaN.
    part = part.map(
        lambda values: values.astype(float) if values.dtype == bool else values, keep_attrs=True
    )
    part = part.drop_vars([name for name in names if name in part.coords and not part[name].ndim])
    if clash := {*part.dims, *part.variables} & {*names}:
        raise GridFailed(
            f"{_summary(step)} has its own {', '.join(sorted(clash))}, which is a parameter of the grid"
        )
    return part


def _merge(found: dict[str, xr.Dataset]) -> xr.Dataset:
    """The summaries of one point, of several notebooks."""
    names = [name for part in found.values() for name in part.data_vars]
    if clash := {name for name in names if names.count(name) > 1}:
        raise GridFailed(
            f"several notebooks' summaries have {', '.join(sorted(clash))}; gather one --notebook a time"
        )
    return xr.merge(found.values(), join="outer", compat="no_conflicts", combine_attrs="drop")


def _combine(grid: dict[str, list], parts: dict[tuple, xr.Dataset]) -> xr.Dataset:
    empty = next(iter(parts.values())).where(False)
    tables = [parts.get(values, empty) for values in itertools.product(*grid.values())]
    for name, values in reversed(grid.items()):
        dimension = xr.DataArray(values, dims=name, name=name)
        rows = (tables[begin : begin + len(values)] for begin in range(0, len(tables), len(values)))
        tables = [
            xr.concat(
                row, dimension, data_vars="all", coords="different", compat="equals", join="outer"
            )
            for row in rows
        ]
    (table,) = tables
    return table.map(lambda values: values.fillna("") if values.dtype == object else values)


def _attributes(found: dict[str, dict]) -> dict:
    """What all agree on; and as JSON text, by part, what they do not."""
    collected = {}
    for name in dict.fromkeys(name for attributes in found.values() for name in attributes):
        values = {
            part: attributes[name] for part, attributes in found.items() if name in attributes
        }
        agreed = len(values) == len(found) and len({_json(value) for value in values.values()}) == 1
        collected[name] = next(iter(values.values())) if agreed else _json(values)
    return collected


def _json(value) -> str:
    return json.dumps(
        value, default=lambda array: array.tolist()
    )  # NetCDF's numbers come as numpy's.


def _is(path: Path, table: xr.Dataset) -> bool:
    try:
        return xr.load_dataset(path, engine="h5netcdf").identical(table)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
