"""A look at the record from another terminal."""

import argparse
import json
import time
from math import isfinite
from pathlib import Path

import pandas as pd

from sage.cli.main import CommandFailed
from sage.config.run import Refused
from sage.search import scores
from sage.search.record import Candidate
from sage.search.tracker import Tracker

SHORT = 8  # digits of a key, which are enough to name a study
SHOWN = 5  # candidates of a group
COLUMNS = "study images epochs searcher score seed n best failed when explorer".split()


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
        if options.json:
            print(json.dumps([_plain(tracker, one) for one in studies]), flush=True)
        else:
            table = pd.DataFrame([_row(tracker, one) for one in studies], columns=COLUMNS)
            print(table.to_string(index=False), flush=True)
            if options.study and len(studies) == 1:
                print(candidates(tracker, studies[0]["key"]), flush=True)
        if not options.every:
            return
        time.sleep(int(options.every))


def _row(tracker: Tracker, study: dict) -> list[str]:
    """Return what tells a study from others at a glance, and how far it is; see `COLUMNS`."""
    about, states = study["description"], study["states"]
    ended = sum(count for state, count in states.items() if state != "running")
    failed = sum(states.get(state, 0) for state in ("failed", "diverged"))
    active = tracker.explored(study["key"])
    score, when = about.get("score", "P"), "-"
    if study["when"]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(study["when"]))
    chosen = any(name.startswith("chosen by") for name in about)  # by searches, to be matured
    return [
        study["key"][:SHORT],
        str(about.get("dataset", "-")),
        f"{max(about['snapshots']):g}" if about.get("snapshots") else "-",
        _name(about.get("searcher", "listed" if chosen else "random")),
        scores.join(_name(score), score.get("alpha", 1) if isinstance(score, dict) else 1),
        str(about.get("seed", "-")),
        f"{ended}+{states['running']}" if "running" in states else str(ended),
        f"{study['best']:.4f}" if isfinite(study["best"]) else "-",
        str(failed),
        when,
        (study["explorer"] or "-").partition(" since")[0] if active else "-",
    ]


def _plain(tracker: Tracker, study: dict) -> dict:
    """Return all of a study as JSON has it: no NaN, and candidates with their numbers."""
    explored = tracker.explored(study["key"])
    found = [vars(one) for one in tracker.candidates(study["key"])]
    shown = [one | {"score": one["score"] if isfinite(one["score"]) else None} for one in found]
    best = study["best"] if isfinite(study["best"]) else None
    return study | {"best": best, "explored": explored, "candidates": shown}


def _name(part: str | dict) -> str:
    return part if isinstance(part, str) else str(part.get("name", "-"))


def candidates(tracker: Tracker, study: str) -> str:
    """Return the candidates that ended last, those with the highest scores, and those in flight."""
    found = tracker.candidates(study)
    ended = sorted((one for one in found if one.told is not None), key=lambda one: one.told or 0)
    scored = sorted((one for one in ended if isfinite(one.score)), key=lambda one: -one.score)
    running = [one for one in found if one.told is None]
    groups = {"latest": ended[-SHOWN:], "best": scored[:SHOWN], "in flight": running}
    return "\n".join("\n".join([f"{title}:", *map(_line, groups[title])]) for title in groups)


def _line(candidate: Candidate) -> str:
    score = f"{candidate.score:.4f}" if isfinite(candidate.score) else "-"
    told = f"{candidate.state:<9} {score:>8}  attempt {candidate.attempts}"
    return f"    {candidate.number:5d}  {told}  {candidate.failure or ''}".rstrip()
