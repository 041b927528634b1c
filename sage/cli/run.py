"""The command behind run_all.sh: plans which notebooks to run, runs them, and says what they made."""

import argparse
import logging
import signal
import sys
import time
from pathlib import Path

from sage.cli import command_options
from sage.cli.notebooks import NotebookFailed, Step, defaults, execute, parse
from sage.cli.publish import CannotPublish, commit, figures, publish
from sage.config import paths
from sage.config.profiles import PROFILES, Profile
from sage.config.run import Run, check_workers


def main(argv: list[str] | None = None, *, checkout: Path = paths.ROOT) -> int:
    """Run the notebooks that the command line asks for.

    Args:
        argv: the arguments; None means those of this process.
        checkout: has `notebooks/`, and takes what is published.

    Returns:
        Exit code: 0, 1 if a notebook failed or cannot be published, 130 if interrupted.

    Raises:
        SystemExit: code 2, the command line asks for what is not there.
    """
    parser = command_options.parser()
    options = parser.parse_args(argv)
    try:
        steps = plan(options, checkout / "notebooks")
        if options.publish:
            commit(checkout)  # Its error is better known before hours of work than after.
    except (ValueError, CannotPublish) as error:
        parser.error(str(error))
    try:
        _run(steps)
        if options.publish:
            publish(steps, checkout)
            print(
                "Published to figures/published, data/results and notebooks; git shows what changed."
            )
    except (NotebookFailed, CannotPublish) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        logging.getLogger(
            "asyncio"
        ).disabled = True  # It would report the cell that was left waiting.
        print("\nInterrupted; the same command continues with that notebook.", file=sys.stderr)
        return 130
    return 0


def plan(options: argparse.Namespace, notebooks: Path) -> list[Step]:
    """The notebooks to run in their order, each with its parameters.

    Args:
        options: the parsed command line.
        notebooks: folder of the NN_name.py.

    Raises:
        ValueError: an unknown notebook or parameter, or a value that a parameter cannot have.
    """
    takes = {source: defaults(source) for source in _select(notebooks, options.notebook)}
    known = {name: value for parameters in takes.values() for name, value in parameters.items()}
    asked = {"profile": options.profile, "dataset": options.dataset}
    if options.workers is not None:
        asked["workers"] = options.workers
    try:
        for name, text in options.parameter:
            if name not in known:
                raise ValueError(f"unknown parameter {name!r}")
            asked[name] = parse(name, text, like=known[name])
        steps = [
            Step(source, {name: asked.get(name, value) for name, value in parameters.items()})
            for source, parameters in takes.items()
        ]
        for step in steps:
            step.run()  # Checks the values.
            check_workers(step.parameters.get("workers", "auto"))
    except (ValueError, TypeError) as error:
        lines = [f"  {name}: {type(value).__name__} = {value!r}" for name, value in known.items()]
        raise ValueError("\n".join([f"{error}; parameters and defaults are", *lines])) from error
    return steps


def _select(notebooks: Path, wanted: list[str]) -> list[Path]:
    sources = {
        source: {source.stem, source.stem[:2]}
        for source in sorted(notebooks.glob("[0-9][0-9]_*.py"))
    }
    if not sources:
        raise ValueError(f"no notebooks NN_name.py in {notebooks}")
    for name in wanted:
        if not any(name in names for names in sources.values()):
            known = ", ".join(source.stem for source in sources)
            raise ValueError(f"unknown notebook {name!r}, expected a number or name of {known}")
    return [source for source, names in sources.items() if not wanted or names & set(wanted)]


def _run(steps: list[Step]) -> None:
    before = _figures(steps)
    todo = [step for step in steps if not step.finished()]
    _announce(steps, todo)
    seconds = {}
    for step in todo:
        print(step.name, flush=True)
        begin = time.monotonic()
        execute(step)
        seconds[step.name] = time.monotonic() - begin
    _report(steps, seconds, before)


def _announce(steps: list[Step], todo: list[Step]) -> None:
    values = {name: value for step in steps for name, value in step.parameters.items()}
    print("Parameters: " + ", ".join(f"{name} {value}" for name, value in values.items()))
    for step in steps:
        state = "to run" if step in todo else "finished already, skipped"
        print(f"  {step.name:<24} {state:<26} {step.folder}")
    settings = _settings(steps)
    print(
        f"Estimate for all notebooks with nothing done yet: {settings.minutes:g} min, "
        f"{settings.memory_gb:g} GB of memory",
        flush=True,
    )


def _report(steps: list[Step], seconds: dict[str, float], before: dict[Path, int]) -> None:
    written = [path for path, changed in _figures(steps).items() if before.get(path) != changed]
    print("Figures written:" if written else "No figures written.")
    for path in written:
        print(f"  {path}")
    for name, value in seconds.items():
        print(f"  {name:<24} {value:8.1f} s")
    estimate = _settings(steps).minutes * 60
    print(
        f"Took {sum(seconds.values()):.1f} s; the estimate for all notebooks is {estimate:.0f} s."
    )


def _figures(steps: list[Step]) -> dict[Path, int]:
    """The figures in the run's folders, each with its time of change."""
    folders = sorted({step.folder for step in steps})
    return {path: path.stat().st_mtime_ns for folder in folders for path in figures(folder)}


def _settings(steps: list[Step]) -> Profile:
    return PROFILES[steps[0].parameters.get("profile", Run.profile)]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Stops as cleanly as Ctrl-C does.
    sys.exit(main())
