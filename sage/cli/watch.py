"""A look at the record from another terminal: `python -m sage.cli.watch [STUDY]`."""

import argparse
import json
import sys
import time
from math import isfinite

from sage.search.record import Candidate
from sage.search.tracker import Tracker

# Of a study's description, what tells it from others at a glance.
TOLD = ("dataset", "searcher", "score", "chosen by", "snapshots", "seed")


def main(argv: list[str] | None = None) -> int:
    """Print the studies on record, or one of them with its latest and its best candidates."""
    parser = argparse.ArgumentParser(
        prog="python -m sage.cli.watch", description="Show the studies on record."
    )
    parser.add_argument(
        "study", nargs="?", help="a study's key or the beginning of it; without, all are listed"
    )
    parser.add_argument(
        "--every", type=float, metavar="SECONDS", help="show it again and again, until Ctrl-C"
    )
    options = parser.parse_args(argv)
    tracker = Tracker()
    try:
        while True:
            found = [
                study for study in tracker.studies() if study["key"].startswith(options.study or "")
            ]
            if not found:
                parser.error(f"no study {options.study or ''} in {tracker.engine.url!r}")
            for study in found:
                print(describe(tracker, study))
            if options.study and len(found) == 1:
                print(candidates(tracker, found[0]["key"]))
            if not options.every:
                return 0
            time.sleep(options.every)
    except KeyboardInterrupt:
        return 130


def describe(tracker: Tracker, study: dict) -> str:
    """One study in a line: what it is, how many candidates in which state, who explores it."""
    description = study["description"]
    told = ", ".join(f"{name} {_short(description[name])}" for name in TOLD if name in description)
    states = (
        ", ".join(f"{count} {state}" for state, count in sorted(study["states"].items()))
        or "no candidates"
    )
    explored = (
        f"explored by {study['explorer']}" if tracker.explored(study["key"]) else "not explored now"
    )
    return f"{study['key']}  {states}; {explored}\n    {told}"


def candidates(tracker: Tracker, study: str, *, count: int = 5) -> str:
    """The candidates that ended last, those with the highest scores, and those in flight."""
    found = tracker.candidates(study)
    ended = sorted((one for one in found if one.told is not None), key=lambda one: one.told)
    scored = sorted((one for one in ended if isfinite(one.score)), key=lambda one: -one.score)
    groups = {
        "latest": ended[-count:],
        "best": scored[:count],
        "in flight": [one for one in found if one.told is None],
    }
    return "\n".join(
        "\n".join([f"{title}:", *map(_line, chosen)]) for title, chosen in groups.items()
    )


def _line(candidate: Candidate) -> str:
    score = f"{candidate.score:.4f}" if isfinite(candidate.score) else "-"
    failure = f"  {candidate.failure}" if candidate.failure else ""
    return f"    {candidate.number:5d}  {candidate.state:<9} {score:>8}  attempt {candidate.attempts}{failure}"


def _short(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    sys.exit(main())
