"""The tree of Parzen estimators, by hyperopt."""

import math
from functools import lru_cache

import numpy as np
from hyperopt import tpe
from hyperopt.pyll.stochastic import categorical

from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace

GAMMA, PRIOR_WEIGHT = 0.25, 1.0
SINGLE_DRAWS = 4  # before random samples stand in for suggestions that were all proposed before
ABSENT = -1  # stands for the option of a choice without effect

# One proposal asks for few lengths: the numbers of candidates with one layer, with two, and so on.
_forgetting = lru_cache(maxsize=64)(tpe.linear_forgetting_weights)


class TPE(Searcher):
    """Proposes what good candidates have more often than the others, for each choice on its own.

    Proposals are those of hyperopt's `tpe.suggest`, made with its functions from arrays: it takes
    a second per suggestion at 2000 candidates of 330 choices, as it reads all trials anew.

    Args:
        starts: proposals of random search before the first suggestion.
        draws: samples of the good candidates' density, of which the best option is taken.

    Raises:
        ValueError: negative starts, or no draws.

    Source: Bergstra et al. 2011; gamma, forgetting (hyperopt's 25), starts and draws of the
    paper's supplement.
    """

    name = "tpe"

    def __init__(self, space: SearchSpace, *, seed: int, starts: int = 20, draws: int = 24):
        super().__init__(space, seed=seed)
        if starts < 0 or draws < 1:
            raise ValueError(f"{starts} starts and {draws} draws, expected 0 and 1 or more")
        self.starts, self.draws = starts, draws
        # The order in which hyperopt draws from its one generator.
        places, choices = range(len(space.choices)), space.choices
        self._order = sorted(places, key=lambda place: choices[place].name, reverse=True)
        self._rows: list[np.ndarray] = []  # options by number of proposal, [C]
        self._losses: dict[int, float] = {}
        self._seen: set[Architecture] = set()

    @property
    def description(self) -> dict:
        settings = {"starts": self.starts, "draws": self.draws}
        return super().description | settings | {"gamma": GAMMA, "prior_weight": PRIOR_WEIGHT}

    def _propose(self, rng: np.random.Generator) -> Architecture:
        if len(self.proposed) < self.starts:
            return self.space.sample(rng)
        for architecture in self.proposed[len(self._rows) :]:
            # The options of choices without effect would blur the densities.
            options = np.where(self.space.active(architecture), architecture, ABSENT)
            self._rows.append(options.astype(np.int32))
            self._seen.add(architecture)
        exhausted = len(self._seen) == self.space.size
        densities = self._densities()
        # The fewer draws, the nearer a suggestion is to a plain sample of the good candidates'
        # density: one that was proposed before is drawn again with half the draws.
        halved = [self.draws >> times for times in range(self.draws.bit_length() - 1)]
        for draws in [*halved, *[1] * SINGLE_DRAWS]:
            architecture = self._suggest(densities, draws, int(rng.integers(2**31)))
            if exhausted or architecture not in self._seen:
                return architecture
        while (architecture := self.space.sample(rng)) in self._seen:
            pass
        return architecture

    def _learn(self, number: int, score: float) -> None:
        self._losses[number] = -score

    def _densities(self) -> list[list[np.ndarray]]:
        """Return the probabilities of each choice's options among good proposals and the others.

        A proposal without a score has infinite loss, as in hyperopt.
        """
        numbers = range(len(self._rows))
        losses = [self._losses.get(number, math.inf) for number in numbers]
        good, others = tpe.ap_split_trials(numbers, numbers, numbers, losses, GAMMA)
        columns = np.array(self._rows, np.int32).reshape(-1, len(self.space.choices)).T
        # Without an element, hyperopt's arrays are of floats.
        sides = [np.ascontiguousarray(columns[:, side.astype(int)]) for side in (good, others)]
        counts = [len(choice.options) for choice in self.space.choices]
        return [[_density(side[i], count) for side in sides] for i, count in enumerate(counts)]

    def _suggest(self, densities: list[list[np.ndarray]], draws: int, seed: int) -> Architecture:
        rng, options = np.random.default_rng(seed), [0] * len(densities)
        for place in self._order:
            drawn = categorical(densities[place][0], rng, draws)
            judged = [tpe.randint_via_categorical_lpdf(drawn, each) for each in densities[place]]
            options[place] = int(tpe.broadcast_best(drawn, *judged)[0])
        return self.space.canonical(tuple(options))


def _density(options: np.ndarray, count: int) -> np.ndarray:
    """Return the probabilities of `count` options, from proposals' options in their order."""
    present = options[options != ABSENT]
    counts = np.bincount(present, _forgetting(len(present), tpe.DEFAULT_LF), count) + PRIOR_WEIGHT
    return counts / counts.sum()
