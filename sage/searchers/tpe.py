"""The tree of Parzen estimators, by hyperopt."""

from collections.abc import Iterator

import hyperopt
import numpy as np

from sage.searchers.base import Searcher
from sage.spaces import Architecture, SearchSpace

GAMMA, PRIOR_WEIGHT = 0.25, 1.0
SINGLE_DRAWS = 4  # before random samples stand in for suggestions that were all proposed before


class TPE(Searcher):
    """Proposes what good candidates have more often than the others, for each choice on its own.

    The first proposals are those of random search. Later ones are new as long as the space has anything new:
    a suggestion that was proposed before is drawn again with half the draws, since the fewer draws, the
    nearer to plain samples of the good candidates' density.

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
            raise ValueError(f"starts is {starts} and draws {draws}, expected 0 or more and 1 or more")
        self.starts, self.draws = starts, draws
        dimensions = {choice.name: hyperopt.hp.randint(choice.name, len(choice.options)) for choice in space.choices}
        self._domain = hyperopt.Domain(None, dimensions)
        self.trials = hyperopt.Trials()
        self._seen: set[Architecture] = set()

    @property
    def description(self) -> dict:
        return super().description | {
            "starts": self.starts, "draws": self.draws, "gamma": GAMMA, "prior_weight": PRIOR_WEIGHT
        }  # fmt: skip

    def _propose(self, rng: np.random.Generator) -> Architecture:
        if len(self.proposed) < self.starts:
            return self.space.sample(rng)
        self._register()
        exhausted = len(self._seen) == self.space.size
        for draws in _halved(self.draws):
            architecture = self._suggest(draws, int(rng.integers(2**31)))
            if exhausted or architecture not in self._seen:
                return architecture
        while (architecture := self.space.sample(rng)) in self._seen:
            pass
        return architecture

    def _learn(self, number: int, score: float) -> None:
        self._register()
        self.trials.trials[number].update(
            state=hyperopt.JOB_STATE_DONE, result={"status": hyperopt.STATUS_OK, "loss": -score}
        )

    def _suggest(self, draws: int, seed: int) -> Architecture:
        (document,) = hyperopt.tpe.suggest(
            [len(self.proposed)], self._domain, self.trials, seed, prior_weight=PRIOR_WEIGHT, gamma=GAMMA,
            n_startup_jobs=0, n_EI_candidates=draws, verbose=False,
        )  # fmt: skip
        values = document["misc"]["vals"]
        return self.space.canonical(tuple(int(values[choice.name][0]) for choice in self.space.choices))

    def _register(self) -> None:
        """Documents of the proposals that have none yet: hyperopt gives one without a result infinite loss."""
        new = range(len(self.trials), len(self.proposed))
        if new:
            self.trials.insert_trial_docs([self._document(number) for number in new])
            self.trials.refresh()
            self._seen.update(self.proposed[new.start :])

    def _document(self, number: int) -> dict:
        """A running trial. Choices without effect are left out: they would blur the densities."""
        architecture = self.proposed[number]
        used = list(zip(self.space.choices, architecture, self.space.active(architecture)))
        misc = {
            "tid": number,
            "cmd": self._domain.cmd,
            "idxs": {choice.name: [number] * active for choice, _, active in used},
            "vals": {choice.name: [option] * active for choice, option, active in used},
        }
        result = {"status": hyperopt.STATUS_RUNNING}
        (document,) = self.trials.new_trial_docs([number], [None], [result], [misc])
        return document | {"state": hyperopt.JOB_STATE_RUNNING}


def _halved(draws: int) -> Iterator[int]:
    while draws > 1:
        yield draws
        draws //= 2
    yield from [1] * SINGLE_DRAWS
