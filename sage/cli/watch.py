"""A look at the record from another terminal."""

import argparse
import json
import time
from math import isfinite
from pathlib import Path

from sage.cli.main import CommandFailed
from sage.config.run import Refused
from sage.search.record import Candidate
from sage.search.tracker import Tracker

# Of a study's description, what tells it from others at a glance.
TOLD = ("dataset", "searcher", "score", "chosen by", "snapshots", "seed")


def watch(options: argparse.Namespace, _checkout: Path) -> None:
    """Print the studies on record, or one of them with its latest and its best candidates."""
    try:
        tracker = Tracker(make=False)
    except (OSError, ValueError) as problem:
        raise CommandFailed(str(problem)) from problem
    while True:
        studies = [one for one in tracker.studies() if one["key"].startswith(options.study)]
        if not studies:
            raise Refused(f"no study {options.study} in {tracker.name}")
        for study in studies:
            print(describe(tracker, study), flush=True)
        if options.study and len(studies) == 1:
            print(candidates(tracker, studies[0]["key"]), flush=True)
        if not options.every:
            return
        time.sleep(options.every)


def describe(tracker: Tracker, study: dict) -> str:
    """Return what a study is, how many candidates are in which state, and who explores it."""
    description = study["description"]
    told = ", ".join(f"{name} {_short(description[name])}" for name in TOLD if name in description)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(study["states"].items()))
    active = tracker.explored(study["key"])
    by = f"explored by {study['explorer']}" if active else "not explored now"
    return f"{study['key']}  {counts or 'no candidates'}; {by}\n    {told}"


def candidates(tracker: Tracker, study: str, *, count: int = 5) -> str:
    """Return the candidates that ended last, those with the highest scores, and those in flight."""
    found = tracker.candidates(study)
    ended = sorted((one for one in found if one.told is not None), key=lambda one: one.told or 0)
    scored = sorted((one for one in ended if isfinite(one.score)), key=lambda one: -one.score)
    running = [one for one in found if one.told is None]
    groups = {"latest": ended[-count:], "best": scored[:count], "in flight": running}
    return "\n".join("\n".join([f"{title}:", *map(_line, groups[title])]) for title in groups)


def _line(candidate: Candidate) -> str:
    score = f"{candidate.score:.4f}" if isfinite(candidate.score) else "-"
    told = f"{candidate.state:<9} {score:>8}  attempt {candidate.attempts}"
    return f"    {candidate.number:5d}  {told}  {candidate.failure or ''}".rstrip()


def _short(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
