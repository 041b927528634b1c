"""The command line. Its help needs the standard library alone, so that set-up can come later."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from sage.config import paths
from sage.config.profiles import PROFILES
from sage.config.run import Refused, Run


class CommandFailed(RuntimeError):
    """A command cannot go on; the message says why."""


def main(argv: list[str] | None = None, *, checkout: Path = paths.ROOT) -> int:
    """Do what the command line asks for; exit with code 2 if it asks for what is not there.

    Args:
        argv: the arguments, by default those of this process.
        checkout: has `notebooks/` and `sage/`, and takes what is published.

    Returns:
        Exit code: 0, 1 if the command failed, 130 if it was interrupted, 141 if nobody reads on.
    """
    options = parser().parse_args(argv)
    try:
        resolve_name(f"sage.cli.{options.call}")(options, checkout)
        sys.stdout.flush()
    except Refused as error:
        options.error(str(error))
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as of `tg-sage watch | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left
        return 141
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands.

    It also sets `call`, the subcommand as "module:function", and `error`, to refuse the options.
    """
    top = argparse.ArgumentParser(prog="tg-sage", description="Teacher guided architecture search.")
    commands = top.add_subparsers(
        required=True, metavar="run | published | grid | watch | page | compare | cache"
    )
    asked = argparse.ArgumentParser(add_help=False)
    add, text = asked.add_argument, "how large a run is (default: %(default)s)"
    add("--profile", choices=PROFILES, default=Run.profile, help=text)
    add("--dataset", metavar="NAME", default=Run.dataset, help="images (default: %(default)s)")
    text = "only this notebook, by its number or whole name; can be repeated (default: all)"
    add("--notebook", metavar="NN", action="append", default=[], help=text)
    given: dict[str, Any] = {"dest": "parameter", "metavar": ("NAME", "VALUE"), "action": "append"}
    workers = "where networks train: auto (a process per core, or eight for a GPU), a number of "
    workers += "processes, 0 (within the notebook), slurm:JOBS, or the address of a Dask scheduler"

    text = "run the notebooks in order; those finished with the same code and data are skipped"
    add = _command(commands, "run", "run:run", text, asked).add_argument
    add("-p", nargs=2, default=[], help="set a parameter; can be repeated", **given)
    add("--workers", metavar="WHERE", help=workers)
    name = _like("[A-Za-z0-9][A-Za-z0-9.-]*", "letters, digits, dots and hyphens, as cifar100-pool")
    text = "copy the results to where git tracks them, under this name; the code must be committed"
    add("--publish", metavar="NAME", type=name, help=text)

    text = "draw published figures again, from published tables: no training, under two minutes"
    add = _command(commands, "published", "published:published", text).add_argument
    add("names", nargs="*", metavar="NAME", help="folders of data/results (default: all)")
    text = "replace what is published, instead of writing to figures/published-again"
    add("--publish", action="store_true", help=text)

    grid = commands.add_parser("grid", help="a run for every combination of parameter values")
    grids = grid.add_subparsers(required=True, metavar="submit | gather")
    text = "a parameter and its values; repeated, the grid has all combinations"
    asked.add_argument("-p", nargs="+", required=True, help=text, **given)
    add = _command(grids, "submit", "grid:submit", "a SLURM job per point", asked).add_argument
    add("--workers", metavar="WHERE", help=workers)
    count = _like("[1-9][0-9]*", "a number of 1 or more")
    add("--at-once", type=count, metavar="N", help="run at most N points at a time")
    text = 'options for sbatch, as --sbatch="--partition=gpu --gres=gpu:1"'
    add("--sbatch", type=shlex.split, default=[], metavar="OPTIONS", help=text)
    text = "the points' summaries as one table"
    add = _command(grids, "gather", "grid:gather", text, asked).add_argument
    add("--table", type=Path, required=True, metavar="FILE", help="the NetCDF file to write")
    add("--partial", action="store_true", help="missing points are NaN, instead of an error")

    add = _command(commands, "watch", "watch:watch", "show the studies on record").add_argument
    text = "a study's key or the beginning of it; without one all are listed"
    add("study", nargs="?", default="", metavar="STUDY", help=text)
    add("--json", action="store_true", help="all that is known, candidates included, for scripts")
    text = "show it again and again, until Ctrl-C"
    add("--every", type=_like("[1-9][0-9]*", "seconds, 1 or more"), metavar="SECONDS", help=text)

    text = "write figures/published/index.html, a page of all published results"
    _command(commands, "page", "page:published", text)

    text = "show how the parameters and numbers of two runs differ"
    add = _command(commands, "compare", "compare:compare", text).add_argument
    add("folders", nargs=2, type=Path, metavar="RUN", help="a run's folder, in figures/")

    text = "show what lies in the cache, or remove some"
    add = _command(commands, "cache", "cache:cache", text).add_argument
    text = "remove these kinds; without a name all but the record of trainings"
    add("--free", nargs="*", metavar="KIND", help=text)
    add("--yes", action="store_true", help="remove without asking")
    return top


def _command(commands, name: str, call: str, text: str, *parents: argparse.ArgumentParser):
    told = {"help": text, "description": f"{text[0].upper()}{text[1:]}."}
    command = commands.add_parser(name, parents=parents, allow_abbrev=False, **told)
    command.set_defaults(call=call, error=command.error)
    command._negative_number_matcher = re.compile(r"-\.?\d.*|-inf|-nan")  # its own lacks -1e-3
    return command


def _like(pattern: str, expected: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected {expected}")
        return text

    return checked
