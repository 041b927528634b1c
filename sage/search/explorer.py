"""The explorer: proposes architectures, has them evaluated, records results, tells the searcher."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace

import numpy as np
from tqdm.auto import tqdm

from sage.compute import devices
from sage.config import provenance
from sage.search.dask_workers import LostScheduler, Workers
from sage.search.record import Candidate, Evaluation
from sage.search.searchers import Searcher
from sage.search.tracker import Tracker
from sage.spaces import Architecture

ENDING = (LostScheduler, devices.Unfit)  # not a candidate's fault: what ends a search
FAILURES_IN_A_ROW = 5  # So many have a common cause; a single one may be bad luck.


@dataclass(frozen=True, kw_only=True)
class Study:
    """A set of numbered candidates that are all trained and scored in the same way.

    Args:
        description: all that determines the candidates, JSON-ready; its key names the study.
        protocol: key of all that determines an evaluation, besides architecture and seed.
        evaluate: called on a worker with architecture and seed; can be pickled.
        score: gives the score of a finished evaluation, and of the candidates that ended before, in
            their order; higher is better, NaN where there is none.
        seed: gives the seed of the candidate with a number.
    """

    description: dict
    protocol: str
    evaluate: Callable[[Architecture, int], Evaluation]
    score: Callable[[Evaluation, Sequence[Candidate]], float]
    seed: Callable[[int], int]

    @property
    def key(self) -> str:
        """The study's name in the record, 16 hexadecimal digits."""
        return provenance.key(**self.description)


# Called with each candidate that ends, on record by then, and its evaluation; None if it failed.
# It is called where the search runs, not on workers. What it raises ends the search.
OnEnded = Callable[[Study, Candidate, Evaluation | None], object]


@dataclass
class Explorer:
    """One search: brings a study to `budget` candidates that have ended.

    Nothing on record is done again: the searcher is restored from it, candidates that were in
    flight when an earlier explorer ended are submitted again, and an evaluation with the same
    protocol, architecture and seed is looked up, whatever study it was made for.

    Args:
        searcher: a new one.
        bar: advances by one for every candidate that ends, those on record included.
        on_ended: see `OnEnded`; not called again for candidates that ended in an earlier run.
    """

    study: Study
    searcher: Searcher
    tracker: Tracker
    budget: int
    workers: Workers
    bar: tqdm = field(default_factory=lambda: tqdm(disable=True))
    on_ended: OnEnded | None = None

    def search(self) -> None:
        """Run the search.

        Raises:
            StudyInUse: another explorer is at work on the study.
            LostScheduler: the workers' scheduler is gone.
            RuntimeError: `FAILURES_IN_A_ROW` candidates failed in a row; the next explorer tries
                them once more.
        """
        self.key = self.study.key
        self.tracker.open_study(self.key, self.study.description)
        if self.tracker.ended(self.key, self.budget):
            self.bar.update(self.budget)
        else:
            with self.tracker.exclusive(self.key):
                self._restore()
                self._explore()

    def _restore(self) -> None:
        self.stamp = provenance.stamp()
        recorded = self.tracker.candidates(self.key)
        ended = (one for one in recorded if one.told is not None)
        self.ended = sorted(ended, key=lambda one: one.told or 0)
        scores = [(one.number, one.score) for one in self.ended]
        self.searcher.restore([one.architecture for one in recorded], scores)
        planned = recorded[: self.budget]  # Numbers on record have no gaps.
        self.waiting = deque(one for one in planned if one.told is None)
        # Candidates with the same architecture and seed share one evaluation.
        self.running: dict[Future, list[Candidate]] = {}
        self.failed_in_a_row: list[list[Candidate]] = []
        self._advance(sum(one.told is not None for one in planned))

    def _explore(self) -> None:
        try:
            while self._submit():
                # Wakes up now and then, as more workers may have come.
                ended = wait(self.running, timeout=5, return_when=FIRST_COMPLETED).done
                for future in ended:
                    self._end(future)
                if not ended and not self.workers.slots():
                    self.bar.set_postfix_str("waiting for workers")
        except ENDING:
            for future in list(self.running):
                if future.done() and not isinstance(future.exception(), ENDING):
                    self._end(future)
            raise

    def _submit(self) -> bool:
        """Give free workers something to do; returns False if nothing is left to wait for."""
        while sum(map(len, self.running.values())) < max(1, self.workers.slots()):
            if self.waiting:
                self._start(self.waiting.popleft())
            elif len(self.searcher.proposed) < self.budget:
                number, chosen = self.searcher.ask()
                hash, seed = self.searcher.space.hash(chosen), self.study.seed(number)
                candidate = Candidate(number=number, architecture=chosen, hash=hash, seed=seed)
                self.tracker.propose(self.key, candidate)
                self._start(candidate)
            else:
                break
        return bool(self.running)

    def _start(self, candidate: Candidate) -> None:
        stored = self.tracker.find(self.study.protocol, candidate.hash, candidate.seed)
        if stored is not None:
            self._record([candidate], stored)
            return
        for same in self.running.values():
            if (same[0].hash, same[0].seed) == (candidate.hash, candidate.seed):
                same.append(candidate)
                return
        self.tracker.attempt(self.key, candidate.number)
        future = self.workers.submit(self.study.evaluate, candidate.architecture, candidate.seed)
        self.running[future] = [candidate]

    def _end(self, future: Future) -> None:
        problem = future.exception()
        if isinstance(problem, ENDING):
            raise problem
        candidates = self.running.pop(future)
        if problem:
            self._fail(candidates, problem)
            return
        evaluation, one = future.result(), candidates[0]
        stamp = self.stamp | {"hardware": evaluation.hardware}
        stored = self.tracker.store(self.study.protocol, one.hash, one.seed, evaluation, stamp)
        self._record(candidates, stored)

    def _record(self, candidates: list[Candidate], stored: int) -> None:
        found = self.tracker.evaluation(stored)
        for one in candidates:
            score = self.study.score(found, self.ended) if found.state == "finished" else np.nan
            end = {"state": found.state, "score": score, "failure": found.failure}
            self._finish(one, stored, found, **end)
        self.failed_in_a_row.clear()

    def _fail(self, candidates: list[Candidate], problem: BaseException) -> None:
        failure = f"{type(problem).__name__}: {problem}"
        for candidate in candidates:
            self._finish(candidate, None, None, state="failed", failure=failure)
        if candidates[0].failure is None:  # one that failed in an earlier run does not count
            self.failed_in_a_row.append(candidates)
        if len(self.failed_in_a_row) == FAILURES_IN_A_ROW:
            numbers = [one.number for same in self.failed_in_a_row for one in same]
            self.tracker.reopen(self.key, numbers)
            told = f"{FAILURES_IN_A_ROW} candidates of study {self.key} failed in a row"
            advice = "started again, the search tries them once more and then does without them"
            raise RuntimeError(f"{told}, the last with: {failure}; {advice}") from problem

    def _finish(
        self, candidate: Candidate, stored: int | None, found: Evaluation | None, **end
    ) -> None:
        ended = replace(candidate, **end)
        self.tracker.finish(self.key, ended, stored)
        self.searcher.tell(ended.number, ended.score)
        self.ended.append(ended)
        self._advance(1)
        if self.on_ended:
            self.on_ended(self.study, ended, found)

    def _advance(self, count: int) -> None:
        best = np.fmax.reduce([np.nan, *(one.score for one in self.ended)])
        shown = {"best": "none yet" if np.isnan(best) else f"{best:.3f}"}
        if failures := sum(one.state != "finished" for one in self.ended):
            shown["failed or diverged"] = str(failures)
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(count)
