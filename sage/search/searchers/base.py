"""The base of all searchers, and those that learn nothing."""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from sage.spaces import Architecture, SearchSpace


class Searcher(ABC):
    """Proposes architectures of a space and learns from their scores; several may be in flight.

    A subclass has a `name`, `_propose` and, if it learns, `_learn`. A proposal may depend on its
    settings, the generator handed in, `proposed` and what it learned, and on nothing else. Then
    the seed determines the search, and it goes on from a record as if it had never stopped.

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
        """Return the next architecture; `rng` depends on the seed and this proposal's number."""

    def _learn(self, number: int, score: float) -> None:  # noqa: B027 - some learn nothing
        """Take in the finite score of a proposal, in the order of telling."""

    @property
    def description(self) -> dict:
        """The name and all settings that change proposals, JSON-ready; neither seed nor space."""
        return {"name": self.name}

    def ask(self) -> tuple[int, Architecture]:
        """Return the next proposal: its number, counted from 0, and its canonical architecture."""
        number = len(self.proposed)
        architecture = self._propose(np.random.default_rng([self.seed, number]))
        self.proposed.append(self._canonical(architecture))
        self._pending.add(number)
        return number, self.proposed[number]

    def tell(self, number: int, score: float) -> None:
        """Take in a proposal's score.

        Args:
            score: higher is better; not finite for a failure, which counts as the worst score told
                so far, and before there is any waits for the first.

        Raises:
            ValueError: the number was never proposed, or is told a second time.
        """
        if number not in self._pending:
            known, flying = number in range(len(self.proposed)), len(self._pending)
            told = f"was {'told before' if known else 'never proposed'}"
            raise ValueError(f"candidate {number} {told}, expected one of {flying} in flight")
        self._pending.remove(number)
        if math.isfinite(score):
            self._worst = min(self._worst, float(score))
            self._learn(number, float(score))
        else:
            self._failed.append(number)
        if self._worst < math.inf:
            for failed in self._failed:
                self._learn(failed, self._worst)
            self._failed = []

    def restore(
        self, proposed: Sequence[Architecture], scores: Iterable[tuple[int, float]]
    ) -> None:
        """Continue a recorded search.

        Args:
            proposed: architectures by number.
            scores: numbers and scores in the order of telling.

        Raises:
            ValueError: this searcher has proposed something, a proposal is not of the space, or a
                number cannot be told.
        """
        if count := len(self.proposed):
            raise ValueError(f"restoring a searcher with {count} proposals, expected a fresh one")
        self.proposed = [self._canonical(architecture) for architecture in proposed]
        self._pending = set(range(len(self.proposed)))
        for number, score in scores:
            self.tell(number, score)

    def _canonical(self, architecture: Sequence[int]) -> Architecture:
        return self.space.canonical(tuple(map(operator.index, architecture)))


class Random(Searcher):
    """Draws every option with the same probability: the baseline of every comparison."""

    name = "random"

    def _propose(self, rng: np.random.Generator) -> Architecture:
        return self.space.sample(rng)


class Listed(Searcher):
    """Proposes given architectures in their order, each once; raises IndexError at their end."""

    name = "listed"

    def __init__(self, space: SearchSpace, architectures: Sequence[Architecture]):
        super().__init__(space, seed=0)
        self.architectures = architectures

    def _propose(self, rng: np.random.Generator) -> Architecture:
        return self.architectures[len(self.proposed)]
