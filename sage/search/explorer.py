"""The explorer: proposes architectures, has them evaluated, records what came of it, and tells the searcher."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from tqdm.auto import tqdm

from sage.config import provenance
from sage.search.dask_workers import LostScheduler, Workers
from sage.search.record import Candidate, Evaluation
from sage.search.searchers import Searcher
from sage.search.tracker import Tracker
from sage.spaces import Architecture, SearchSpace

# So many failures one after the other are no misfortune of single candidates.
FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is explored, and how its candidates are judged.

    Args:
        description: all that determines the candidates, JSON-ready; its key names the study in the record.
        protocol: key of all that determines an evaluation, besides architecture and seed.
        evaluate: called on a worker with architecture and seed; can be pickled.
        score: higher is better, NaN where there is none.
        seed: of the candidate with this number.
    """

    description: dict
    protocol: str
    evaluate: Callable[[Architecture, int], Evaluation]
    score: Callable[[Evaluation], float]
    seed: Callable[[int], int]

    @property
    def key(self) -> str:
        """16 hexadecimal digits."""
        return provenance.key(**self.description)


def search(
    space: SearchSpace,
    searcher: Searcher,
    study: Study,
    tracker: Tracker,
    budget: int,
    workers: Workers,
    *,
    bar: tqdm | None = None,
) -> str:
    """Bring a study to `budget` candidates that have ended; returns its key.

    What is on record is not done again: the searcher is restored from it, candidates that were in flight
    when an earlier explorer ended are submitted again, and an architecture that was evaluated with the same
    protocol and seed, in whatever study, is looked up.

    Args:
        searcher: a new one. bar: is advanced by every candidate that ends, those on record included.

    Raises:
        StudyInUse: another explorer is at work on the study.
        LostScheduler: the workers' scheduler is gone. RuntimeError: `FAILURES_IN_A_ROW` candidates failed in
            a row; the next explorer tries them once more.
    """
    tracker.open_study(study.key, study.description)
    if not tracker.ended(study.key, budget):
        with tracker.exclusive(study.key):
            _Exploration(space, searcher, study, tracker, budget, workers, bar).run()
    elif bar is not None:
        bar.update(budget)
    return study.key


class _Exploration:
    """One explorer's work on one study, which it has to itself."""

    def __init__(
        self,
        space: SearchSpace,
        searcher: Searcher,
        study: Study,
        tracker: Tracker,
        budget: int,
        workers: Workers,
        bar: tqdm | None,
    ):
        self.space, self.searcher, self.study, self.tracker = space, searcher, study, tracker
        self.budget, self.workers, self.bar = budget, workers, bar
        self.key, self.stamp = study.key, provenance.stamp()
        recorded = tracker.candidates(self.key)
        told = sorted((one for one in recorded if one.told is not None), key=lambda one: one.told)
        searcher.restore(
            [one.architecture for one in recorded], [(one.number, one.score) for one in told]
        )
        self.waiting = deque(one for one in recorded if one.told is None and one.number < budget)
        self.running: dict[
            Future, list[Candidate]
        ] = {}  # Candidates that are the same share one evaluation.
        self.failed_in_a_row: list[list[Candidate]] = []
        self.best = max((one.score for one in told if one.score == one.score), default=None)
        self.failures = sum(one.state != "finished" for one in told)
        self._advance(sum(one.number < budget for one in told))

    def run(self) -> None:
        try:
            self._explore()
        except LostScheduler:
            for future in [future for future in self.running if future.done()]:
                if not isinstance(future.exception(), LostScheduler):
                    self._end(future)
            raise

    def _explore(self) -> None:
        while True:
            while sum(map(len, self.running.values())) < max(1, self.workers.slots()):
                candidate = self._next()
                if candidate is None:
                    break
                self._start(candidate)
            if not self.running:
                return
            # Awakes now and then, as more workers may have come.
            ended = wait(self.running, timeout=5, return_when=FIRST_COMPLETED).done
            for future in ended:
                self._end(future)
            if not ended and self.bar is not None and not self.workers.slots():
                self.bar.set_postfix_str("waiting for workers")

    def _next(self) -> Candidate | None:
        if self.waiting:
            return self.waiting.popleft()
        if len(self.searcher.proposed) >= self.budget:
            return None
        number, architecture = self.searcher.ask()
        candidate = Candidate(
            number=number,
            architecture=architecture,
            hash=self.space.hash(architecture),
            seed=self.study.seed(number),
            state="running",
            attempts=0,
            failure=None,
            score=float("nan"),
            told=None,
        )
        self.tracker.propose(self.key, candidate)
        return candidate

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
        if isinstance(problem, LostScheduler):
            raise problem
        candidates = self.running.pop(future)
        if problem is not None:
            self._fail(candidates, problem)
            return
        evaluation, one = future.result(), candidates[0]
        stamp = self.stamp | {"hardware": evaluation.hardware}
        self._record(
            candidates,
            self.tracker.store(self.study.protocol, one.hash, one.seed, evaluation, stamp),
        )

    def _record(self, candidates: list[Candidate], stored: int) -> None:
        evaluation = self.tracker.evaluation(stored)
        score = self.study.score(evaluation) if evaluation.state == "finished" else float("nan")
        for candidate in candidates:
            self._finish(candidate, evaluation.state, score, stored, evaluation.failure)
        self.failed_in_a_row.clear()

    def _fail(self, candidates: list[Candidate], problem: BaseException) -> None:
        failure = f"{type(problem).__name__}: {problem}"
        for candidate in candidates:
            self._finish(candidate, "failed", float("nan"), None, failure)
        if candidates[0].failure is None:  # One that failed before has had its second chance.
            self.failed_in_a_row.append(candidates)
        if len(self.failed_in_a_row) == FAILURES_IN_A_ROW:
            self.tracker.reopen(
                self.key, [one.number for same in self.failed_in_a_row for one in same]
            )
            raise RuntimeError(
                f"{FAILURES_IN_A_ROW} candidates of study {self.key} failed in a row, the last with: {failure}; "
                "started again, the search tries them once more and then goes on without them"
            ) from problem

    def _finish(
        self,
        candidate: Candidate,
        state: str,
        score: float,
        stored: int | None,
        failure: str | None,
    ) -> None:
        self.tracker.finish(
            self.key, candidate.number, state=state, score=score, evaluation=stored, failure=failure
        )
        self.searcher.tell(candidate.number, score)
        self.failures += state != "finished"
        if score == score and (self.best is None or score > self.best):
            self.best = score
        self._advance(1)

    def _advance(self, count: int) -> None:
        if self.bar is not None:
            shown = {"best": "none yet" if self.best is None else f"{self.best:.3f}"}
            if self.failures:
                shown["failed or diverged"] = str(self.failures)
            self.bar.set_postfix(shown, refresh=False)
            self.bar.update(count)
