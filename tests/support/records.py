"""Candidates and evaluations to put on record."""

from dataclasses import replace

import numpy as np

from sage.search.record import Candidate, Evaluation, Snapshot
from sage.search.tracker import Tracker

KEY = "00c0ffee00c0ffee"


def make_snapshot(epoch: float, seed: int, accuracy: float = 0.5) -> Snapshot:
    rdms = np.random.default_rng(seed).random((2, 6)).astype(np.float16)
    rdms[1, 0] = np.nan
    return Snapshot(
        epoch=epoch,
        examples=int(100 * epoch),
        accuracy=accuracy,
        loss=1.5,
        training_loss_sum=epoch,
        images_shown=20,
        seconds=0.1,
        rdms={("set", "class"): rdms, ("set", "image"): rdms[:, :3]},
    )


def make_evaluation(
    *snapshots: Snapshot, state: str = "finished", failure: str | None = None
) -> Evaluation:
    return Evaluation(
        state=state,
        failure=failure,
        parameters=10,
        multiply_adds=20,
        seconds=3.0,
        test_accuracy=None,
        hardware="a machine",
        losses=np.array([2, 1.5], np.float32),
        proxies={"snip": 3.0, "naswot": np.nan},
        snapshots=snapshots,
    )


def make_candidate(number: int) -> Candidate:
    return Candidate(number=number, architecture=(number, 1), hash=f"h{number}", seed=number)


def record(
    tracker: Tracker, number: int, evaluation: Evaluation, *, score: float = 0.5, commit: str = "a"
) -> int:
    tracker.propose(KEY, make_candidate(number))
    tracker.attempt(KEY, number)
    stored = tracker.store("protocol", f"h{number}", number, evaluation, {"commit": commit})
    state, failure = evaluation.state, evaluation.failure
    ended = replace(make_candidate(number), state=state, failure=failure, score=score)
    tracker.finish(KEY, ended, stored)
    return stored
