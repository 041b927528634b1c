"""Random search, the baseline of every comparison."""

import numpy as np

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture


class Random(Searcher):
    """Every option equally likely, whatever the scores."""

    name = "random"

    def _propose(self, rng: np.random.Generator) -> Architecture:
        return self.space.sample(rng)
