"""Given architectures instead of a search."""

from collections.abc import Sequence

import numpy as np

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace


class Listed(Searcher):
    """Proposes given architectures in their order, each once; asked for more it raises IndexError."""

    name = "listed"

    def __init__(self, space: SearchSpace, architectures: Sequence[Architecture]):
        super().__init__(space, seed=0)
        self.architectures = architectures

    def _propose(self, rng: np.random.Generator) -> Architecture:
        return self.architectures[len(self.proposed)]
