"""Searchers propose architectures and learn from scores. The registry: a class and a line each."""

from sage.config.profiles import Budget
from sage.search.searchers.base import Listed, Random, Searcher
from sage.search.searchers.evolution import POPULATION, Evolution
from sage.search.searchers.reinforce import Reinforce
from sage.search.searchers.tpe import TPE
from sage.spaces import SearchSpace

_KINDS = Random, Reinforce, TPE, Evolution
SEARCHERS: dict[str, type[Searcher]] = {kind.name: kind for kind in _KINDS}


def make(name: str, space: SearchSpace, *, seed: int, **settings) -> Searcher:
    """Return a new searcher on a space by its name.

    Raises:
        ValueError: an unknown name.
        TypeError: a setting that this searcher does not have.
    """
    if name not in SEARCHERS:
        raise ValueError(f"searcher {name!r}, expected one of {', '.join(SEARCHERS)}")
    return SEARCHERS[name](space, seed=seed, **settings)


def within(budget: Budget, name: str, space: SearchSpace, *, seed: int) -> Searcher:
    """Return a new searcher with the settings that a budget has for it; errors as `make`."""
    settings = {
        TPE.name: {"starts": budget.starts},
        Evolution.name: {"population": min(budget.starts, POPULATION)},
    }
    return make(name, space, seed=seed, **settings.get(name, {}))
