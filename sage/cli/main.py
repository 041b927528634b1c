"""The command `python -m sage run | grid | watch`, installed as `tg-sage`.

Parsing and help need the standard library alone: help is there before anything is installed.
"""

import argparse
import re
import shlex
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name

from sage.config import paths
from sage.config.profiles import PROFILES
from sage.config.run import Run


class CommandFailed(RuntimeError):
    """A command cannot go on; the message says why."""


class Refused(ValueError):
    """The command line asks for what is not there; the message says what was expected."""


def main(argv: list[str] | None = None, *, checkout: Path = paths.ROOT) -> int:
    """Do what the command line asks for.

    Args:
        argv: the arguments; None means those of this process.
        checkout: has `notebooks/` and `sage/`, and takes what is published.

    Returns:
        Exit code: 0, 1 if the command failed, 130 if it was interrupted.

    Raises:
        SystemExit: code 2, the command line asks for what is not there.
    """
    options = parser().parse_args(argv)
    try:
        resolve_name(f"sage.cli.{options.call}")(options, checkout)
    except Refused as error:
        options.error(str(error))
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def script() -> None:
    """Run `main` as a process of its own, which SIGTERM stops as cleanly as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands.

    Beside the options, what it parses has `call`, the function to call ("module:function" of this
    package), and `error`, the subcommand's `argparse.ArgumentParser.error`.
    """
    top = argparse.ArgumentParser(prog="tg-sage", description="Teacher guided architecture search.")
    commands = top.add_subparsers(required=True, metavar="run | grid | watch")

    asked = argparse.ArgumentParser(add_help=False)
    add = asked.add_argument
    text = "how large a run is (default: %(default)s)"
    add("--profile", choices=PROFILES, default=Run.profile, help=text)
    text = "images to train on (default: %(default)s)"
    add("--dataset", metavar="NAME", default=Run.dataset, help=text)
    text = (
        "only this notebook, by its number or whole name; can be repeated (default: all, in order)"
    )
    add("--notebook", metavar="NN", action="append", default=[], help=text)

    text = (
        "run the notebooks in order; those finished with the same code and parameters are skipped"
    )
    add = _command(commands, "run", "run:run", text, [asked]).add_argument
    text = "set a parameter of the notebooks; can be repeated"
    pair = {"nargs": 2, "metavar": ("NAME", "VALUE"), "action": "append", "default": []}
    add("-p", dest="parameter", help=text, **pair)
    workers = "where networks train: auto (a process per core, or eight for a GPU), a number of "
    workers += "processes, 0 (within the notebook), slurm:JOBS, or the address of a Dask scheduler"
    add("--workers", metavar="WHERE", help=workers)
    text = "copy the results to where git tracks them, under this name; the code must be committed"
    add("--publish", metavar="NAME", type=_name, help=text)

    grid = commands.add_parser("grid", help="a run for every combination of parameter values")
    grids = grid.add_subparsers(required=True, metavar="submit | gather")
    text = "a parameter and its values; repeated, the grid has all combinations"
    values = {"nargs": "+", "metavar": ("NAME", "VALUE"), "action": "append", "required": True}
    asked.add_argument("-p", dest="parameter", help=text, **values)
    add = _command(
        grids, "submit", "grid:submit", "a run per point, as SLURM jobs", [asked]
    ).add_argument
    add("--workers", metavar="WHERE", help=workers)
    add("--at-once", type=_count, metavar="N", help="points of the array to run at a time, at most")
    text = 'options for sbatch, as --sbatch="--partition=gpu --gres=gpu:1"'
    add("--sbatch", type=shlex.split, default=[], metavar="OPTIONS", help=text)
    gather = _command(grids, "gather", "grid:gather", "the points' summaries as one table", [asked])
    gather.set_defaults(workers=None)
    add = gather.add_argument
    add("--table", type=Path, required=True, metavar="FILE", help="the NetCDF file to write")
    add("--partial", action="store_true", help="missing points are NaN, instead of an error")

    add = _command(commands, "watch", "watch:watch", "show the studies on record", []).add_argument
    text = "a study's key or the beginning of it; without one all are listed"
    add("study", nargs="?", default="", metavar="STUDY", help=text)
    text = "show it again and again, until Ctrl-C"
    add("--every", type=float, metavar="SECONDS", help=text)
    return top


def _command(commands, name: str, call: str, text: str, parents: list) -> argparse.ArgumentParser:
    described = f"{text[0].upper()}{text[1:]}."
    command = commands.add_parser(
        name, help=text, description=described, parents=parents, allow_abbrev=False
    )
    command.set_defaults(call=call, error=command.error)
    return command


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name, expected letters, digits, dots and hyphens, such as cifar100-pool"
        )
    return text
