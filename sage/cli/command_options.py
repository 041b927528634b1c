"""The options of run_all.sh; apart from the rest and without imports, so that help is there before set-up."""

import argparse

from sage.config.profiles import PROFILES
from sage.config.run import Run


def parser() -> argparse.ArgumentParser:
    """The parser of the options, with defaults as in `Run`."""
    options = argparse.ArgumentParser(
        prog="run_all.sh",
        usage="run_all.sh [options]\n       run_all.sh --test [pytest options]",
        description="Set up, then run the notebooks in order; those finished with the same code and "
        "parameters are skipped. With --test as the first argument, run the tests instead.",
        allow_abbrev=False,
    )
    add_run(options)
    options.add_argument(
        "--notebook",
        metavar="NN",
        action="append",
        default=[],
        help="run only this one, by its number or whole name; can be repeated",
    )
    options.add_argument(
        "-p",
        dest="parameter",
        nargs=2,
        metavar=("NAME", "VALUE"),
        action="append",
        default=[],
        help="set a parameter of the notebooks; can be repeated",
    )
    options.add_argument(
        "--workers",
        metavar="WHERE",
        help="where networks train: auto (a process per core, or eight for a GPU), a number of processes, "
        "0 (within the notebook), slurm:JOBS, or the address of a Dask scheduler",
    )
    options.add_argument(
        "--publish",
        action="store_true",
        help="copy the results to where git tracks them; the code must be committed",
    )
    return options


def add_run(options: argparse.ArgumentParser) -> None:
    """Add the options that every run has."""
    options.add_argument(
        "--profile",
        choices=PROFILES,
        default=Run.profile,
        help="how large a run is (default: %(default)s)",
    )
    options.add_argument(
        "--dataset",
        metavar="NAME",
        default=Run.dataset,
        help="images to train on (default: %(default)s)",
    )


if __name__ == "__main__":
    parser().print_help()
