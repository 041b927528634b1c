"""The tree of Parzen estimators, by hyperopt."""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from hyperopt import tpe
from hyperopt.pyll.stochastic import categorical

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace

GAMMA, PRIOR_WEIGHT = 0.25, 1.0
SINGLE_DRAWS = 4  # before random samples stand in for suggestions that were all proposed before
ABSENT = -1  # the option of a choice that has no effect

# Few numbers of candidates occur in one proposal: those with one layer, with two, and so on.
_forgetting = lru_cache(maxsize=64)(tpe.linear_forgetting_weights)


class TPE(Searcher):
    """Proposes what good candidates have more often than the others, for each choice on its own.

    The first proposals are those of random search. Later ones are new as long as the space has anything new:
    a suggestion that was proposed before is drawn again with half the draws, since the fewer draws, the
    nearer to plain samples of the good candidates' density.

    Splitting, weighting, drawing and judging are hyperopt's functions, and proposals are those of its
    `tpe.suggest`, which reads all trials anew and builds and walks a graph of all choices each time: a second
    per suggestion at 2000 candidates of 330 choices. Here trials stay arrays, and are split and counted once.

    Args:
        starts: random proposals before the first suggestion.
        draws: samples of the good candidates' density, of which the best option is taken.

    Raises:
        ValueError: negative starts, or no draws.

    Source: Bergstra et al. 2011; gamma, forgetting (hyperopt's 25), starts and draws of the paper's supplement.
    """

    name = "tpe"

    def __init__(self, space: SearchSpace, *, seed: int, starts: int = 20, draws: int = 24):
        super().__init__(space, seed=seed)
        if starts < 0 or draws < 1:
            raise ValueError(
                f"starts is {starts} and draws {draws}, expected 0 or more and 1 or more"
            )
        self.starts, self.draws = starts, draws
        # The order in which hyperopt draws from its one generator.
        self._order = sorted(
            range(len(space.choices)), key=lambda index: space.choices[index].name, reverse=True
        )
        self._rows: list[np.ndarray] = []  # options by number of proposal, [C]
        self._losses: dict[int, float] = {}
        self._seen: set[Architecture] = set()

    @property
    def description(self) -> dict:
        return super().description | {
            "starts": self.starts,
            "draws": self.draws,
            "gamma": GAMMA,
            "prior_weight": PRIOR_WEIGHT,
        }

    def _propose(self, rng: np.random.Generator) -> Architecture:
        if len(self.proposed) < self.starts:
            return self.space.sample(rng)
        self._register()
        exhausted = len(self._seen) == self.space.size
        densities = self._densities()
        for draws in _halved(self.draws):
            architecture = self._suggest(densities, draws, int(rng.integers(2**31)))
            if exhausted or architecture not in self._seen:
                return architecture
        while (architecture := self.space.sample(rng)) in self._seen:
            pass
        return architecture

    def _learn(self, number: int, score: float) -> None:
        self._losses[number] = -score

    def _register(self) -> None:
        """Options of the proposals since the last time. Choices without effect would blur the densities."""
        for architecture in self.proposed[len(self._rows) :]:
            self._rows.append(
                np.where(self.space.active(architecture), architecture, ABSENT).astype(np.int32)
            )
            self._seen.add(architecture)

    def _densities(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each choice, the probabilities of its options among good proposals and among the others.

        A proposal without a score has infinite loss, as hyperopt has it.
        """
        numbers = range(len(self._rows))
        losses = [self._losses.get(number, math.inf) for number in numbers]
        good, others = tpe.ap_split_trials(numbers, numbers, numbers, losses, GAMMA)
        columns = np.array(self._rows, np.int32).reshape(-1, len(self.space.choices)).T
        # Without an element, hyperopt's arrays are of floats.
        sides = [np.ascontiguousarray(columns[:, side.astype(int)]) for side in (good, others)]
        return [
            tuple(_density(side[index], len(choice.options)) for side in sides)
            for index, choice in enumerate(self.space.choices)
        ]

    def _suggest(
        self, densities: list[tuple[np.ndarray, np.ndarray]], draws: int, seed: int
    ) -> Architecture:
        rng, options = np.random.default_rng(seed), [0] * len(densities)
        for index in self._order:
            good, others = densities[index]
            drawn = categorical(good, rng, draws)
            judged = (
                tpe.randint_via_categorical_lpdf(drawn, density) for density in (good, others)
            )
            options[index] = int(tpe.broadcast_best(drawn, *judged)[0])
        return self.space.canonical(tuple(options))


def _density(options: np.ndarray, count: int) -> np.ndarray:
    """Probabilities of `count` options, of those of some proposals in the order of proposing."""
    present = options[options != ABSENT]
    counts = np.bincount(present, _forgetting(len(present), tpe.DEFAULT_LF), count) + PRIOR_WEIGHT
    return counts / counts.sum()


def _halved(draws: int) -> Iterator[int]:
    while draws > 1:
        yield draws
        draws //= 2
    yield from [1] * SINGLE_DRAWS
