"""What all searchers have in common: numbers, bookkeeping, failures, restoring."""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from sage.spaces import Architecture, SearchSpace


class Searcher(ABC):
    """Proposes architectures of a space and learns from their scores; several may be in flight.

    A searcher of one's own has a `name`, `_propose` and, if it learns, `_learn`. What it proposes may depend
    on its settings, the generator handed in, `proposed` and what it learned, and on nothing else: then the
    seed determines the search, and it goes on from a record as if it had never stopped.

    Attributes:
        proposed: architectures by number.

    Raises:
        ValueError: a negative seed.
    """

    name: str  # in the registry

    def __init__(self, space: SearchSpace, *, seed: int):
        if seed < 0:
            raise ValueError(f"seed is {seed}, expected 0 or more")
        self.space, self.seed = space, seed
        self.proposed: list[Architecture] = []
        self._pending: set[int] = set()
        self._failed: list[int] = []  # told before any finite score
        self._worst = math.inf

    @abstractmethod
    def _propose(self, rng: np.random.Generator) -> Architecture:
        """The next architecture; `rng` depends on the seed and the number of this proposal only."""

    def _learn(self, number: int, score: float) -> None:  # noqa: B027 - random search learns nothing
        """Takes in the finite score of a proposal, in the order of telling."""

    @property
    def description(self) -> dict:
        """The name and all settings that change proposals, JSON-ready; neither seed nor space."""
        return {"name": self.name}

    def ask(self) -> tuple[int, Architecture]:
        """The next proposal: its number, counted from 0, and its canonical architecture."""
        number = len(self.proposed)
        architecture = self._propose(np.random.default_rng([self.seed, number]))
        self.proposed.append(self._canonical(architecture))
        self._pending.add(number)
        return number, self.proposed[number]

    def tell(self, number: int, score: float) -> None:
        """Takes in a proposal's score, higher is better; one that is not finite says that it failed.

        A failure counts as the worst score told so far; before there is any, it waits for the first.

        Raises:
            ValueError: a number that was never proposed or is told a second time.
        """
        failed = not math.isfinite(score)
        if number not in self._pending:
            known = number in range(len(self.proposed))
            raise ValueError(
                f"candidate {number} {'was told before' if known else 'was never proposed'}, "
                f"expected one of {len(self._pending)} in flight"
            )
        self._pending.remove(number)
        if failed and self._worst == math.inf:
            self._failed.append(number)
            return
        self._worst = self._worst if failed else min(self._worst, float(score))
        self._learn(number, self._worst if failed else float(score))
        while self._failed:
            self._learn(self._failed.pop(0), self._worst)

    def restore(self, proposed: Sequence[Architecture], told: Iterable[tuple[int, float]]) -> None:
        """Continues a recorded search: proposals by number, and numbers with scores in the order of telling.

        Raises:
            ValueError: this searcher has proposed something; a proposal outside of the space; see `tell`.
        """
        if self.proposed:
            raise ValueError(
                f"restoring a searcher with {len(self.proposed)} proposals, expected a fresh one"
            )
        self.proposed = [self._canonical(architecture) for architecture in proposed]
        self._pending = set(range(len(self.proposed)))
        for number, score in told:
            self.tell(number, score)

    def _canonical(self, architecture: Sequence[int]) -> Architecture:
        return self.space.canonical(tuple(map(operator.index, architecture)))
