"""Run notebooks: plan which, execute those that are not finished, and say what they made."""

import argparse
import logging
import sys
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path

from sage.cli import page, publish
from sage.cli.notebooks import Step, defaults, duration, execute, parse, sources
from sage.compute import devices
from sage.config.run import Refused, check_workers, unknown


def run(options: argparse.Namespace, checkout: Path) -> None:
    """Run the notebooks that the options ask for, and publish what they made if asked to."""
    steps = plan(options, checkout / "notebooks")
    check(step for step in steps if not step.finished())
    if options.publish:
        publish.check(steps, options.publish, checkout)  # before hours of work, not only after
    try:
        _run(steps)
    except KeyboardInterrupt:
        # asyncio would report the cell that was left waiting.
        logging.getLogger("asyncio").disabled = True
        print("\nInterrupted; the same command continues with that notebook.", file=sys.stderr)
        raise
    if options.publish:
        publish.publish(steps, options.publish, checkout)


def plan(options: argparse.Namespace, notebooks: Path) -> list[Step]:
    """Return the notebooks to run in their order, each with its parameters.

    Raises:
        Refused: an unknown notebook or parameter, or a value that a parameter cannot have.
    """
    takes = {source: defaults(source) for source in _select(notebooks, options.notebook)}
    known = {name: value for parameters in takes.values() for name, value in parameters.items()}
    asked = {name: getattr(options, name, None) for name in ("profile", "dataset", "workers")}
    asked = {name: value for name, value in asked.items() if value is not None}
    given: dict[str, str] = {}
    try:
        for name, text in options.parameter:
            if name not in known:
                raise unknown("parameter", name, known)
            if name in given:
                raise Refused(f"parameter {name} is given twice: {given[name]!r} and {text!r}")
            given[name] = text
            asked[name] = parse(name, text, like=known[name])
        steps = [
            Step(source, {name: asked.get(name, value) for name, value in parameters.items()})
            for source, parameters in takes.items()
        ]
        for step in steps:
            step.run()  # Checks the values.
            check_workers(step.parameters.get("workers", "auto"))
    except Refused as error:
        lines = [f"  {name}: {type(value).__name__} = {value!r}" for name, value in known.items()]
        raise Refused("\n".join([f"{error}; parameters and defaults are", *lines])) from error
    return steps


def check(steps: Iterable[Step]) -> None:
    """Raise Refused if something that notebooks ask for by name is not there."""
    from sage.experiments.checks import check_run  # takes a second to import

    for step in steps:
        check_run(step.run(), workers=step.parameters.get("workers", "auto"))


def _select(notebooks: Path, wanted: list[str]) -> list[Path]:
    if not (known := sources(notebooks)):
        raise Refused(f"no notebooks NN_name.py in {notebooks}")
    names = [path.stem for path in known.values()]
    if absent := {*wanted} - {*known, *names}:
        raise unknown("notebook", min(absent), names, "or its number")
    return [path for number, path in known.items() if not wanted or {number, path.stem} & {*wanted}]


def _run(steps: list[Step]) -> None:
    todo = [step for step in steps if not step.finished()]
    values: dict[str, dict] = {}  # of each parameter, as notebooks have defaults of their own
    for step in steps:
        for name, value in step.parameters.items():
            values.setdefault(name, {})[str(value)] = None
    parameters = (f"{name} {' or '.join(each)}" for name, each in values.items())
    print("Parameters: " + ", ".join(parameters))
    for step in steps:
        takes = f"about {duration(step.minutes)}" if step.minutes else "takes minutes"
        state = takes if step in todo else "finished already, skipped"
        print(f"  {step.name:<24} {state:<26} {step.folder}")
    memory_gb = max(step.run().settings.memory_gb for step in steps)
    total = duration(sum(step.minutes for step in todo))
    free = f"{memory_gb:g} GB of memory ({devices.memory() / 1e9:.1f} GB are free)"
    print(f"Estimate with nothing done yet: {total}, {free}", flush=True)
    begin = time.monotonic()
    for number, step in enumerate(todo, start=1):
        print(f"{number} of {len(todo)}: {step.name}", flush=True)
        since = time.monotonic()
        execute(step)
        print(f"  took {duration((time.monotonic() - since) / 60)}", flush=True)
    print(f"Took {duration((time.monotonic() - begin) / 60)}; the estimate was {total}.")
    for folder in dict.fromkeys(step.folder for step in steps):
        names = [step.name for step in steps if step.folder == folder]
        for name, told in page.verdicts(folder, names).items():
            print(f"\n{name}:\n{textwrap.indent(told, '  ')}")
        print(f"\nOpen {page.write_run(folder)}")
