"""Regularised evolution: the best of a few of the living has a child, and the oldest dies."""

from collections import deque

import numpy as np

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace

POPULATION, SAMPLE = 10, 3


class Evolution(Searcher):
    """Proposes mutations of the best of a few candidates, drawn from those told last.

    A mutation changes one choice that has an effect to another of its options. Choices that have an
    effect in the child only are drawn at random. An architecture may come twice, as in the sources.

    Args:
        population: candidates that live, those told last; as many proposals of random search come
            first, and more until one is told.
        sample: living candidates, drawn with replacement, of which the best is the parent.

    Raises:
        ValueError: no population or no sample.

    Source: Real et al. 2019, arXiv:1802.01548, where 100 live and 25 are drawn; population and
    sample are those of Dong and Yang 2020, arXiv:2001.00326 (`regularized_ea.py` of their code).
    """

    name = "evolution"

    def __init__(
        self, space: SearchSpace, *, seed: int, population: int = POPULATION, sample: int = SAMPLE
    ):
        super().__init__(space, seed=seed)
        if population < 1 or sample < 1:
            given = f"population {population} and sample {sample}"
            raise ValueError(f"{given}, expected 1 or more of each")
        self.population, self.sample = population, sample
        self._living: deque[tuple[float, Architecture]] = deque(maxlen=population)

    @property
    def description(self) -> dict:
        return super().description | {"population": self.population, "sample": self.sample}

    def _propose(self, rng: np.random.Generator) -> Architecture:
        if len(self.proposed) < self.population or not self._living:
            return self.space.sample(rng)
        drawn = [self._living[place] for place in rng.integers(len(self._living), size=self.sample)]
        _, parent = max(drawn, key=lambda one: one[0])
        return self._mutate(parent, rng)

    def _learn(self, number: int, score: float) -> None:
        self._living.append((score, self.proposed[number]))

    def _mutate(self, parent: Architecture, rng: np.random.Generator) -> Architecture:
        counts = np.array([len(choice.options) for choice in self.space.choices])
        active = np.array(self.space.active(parent))
        child = np.where(active, parent, rng.integers(counts))
        place = rng.choice(np.flatnonzero(active & (counts > 1)))
        child[place] = (child[place] + rng.integers(1, counts[place])) % counts[place]
        return tuple(child.tolist())
