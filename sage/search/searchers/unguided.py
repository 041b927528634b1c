"""Searchers that learn nothing: random search, and given architectures."""

from collections.abc import Sequence

import numpy as np

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace


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
