"""Small search spaces, and what a searcher can learn in them."""

import itertools

import numpy as np

from sage import spaces
from sage.search.searchers import Searcher
from sage.spaces import Architecture, Choice, SearchSpace

FLAT = SearchSpace(
    "flat",
    (
        Choice("a", ("x", "y", "z")),
        Choice("b", (1, 2), needs=("a", 1)),
        Choice("c", (1, 2, 3, 4)),
        Choice("d", (False, True), needs=("b", 1)),
        Choice("e", (0.1, 0.2, 0.3)),
    ),
)
# Kinds, connections and dependencies as in the space of networks, and few enough to count.
STEPS = SearchSpace(
    "steps",
    (
        Choice("depth", (1, 2, 3)),
        Choice("width 1", (8, 16, 32), kind="width", step=1),
        Choice("width 2", (8, 16), ("depth", 1), kind="width", step=2),
        Choice("0 to 2", (False, True), ("depth", 1), kind="connection", step=2, source=0),
        Choice("1 to 2", (False, True), ("depth", 1), kind="connection", step=2, source=1),
        Choice("width 3", (8, 16), ("depth", 2), kind="width", step=3),
        Choice("1 to 3", (False, True), ("depth", 2), kind="connection", step=3, source=1),
        Choice("2 to 3", (False, True), ("depth", 2), kind="connection", step=3, source=2),
    ),
)
CNN = spaces.cnn(10)
SPACES = [spaces.cnn(4), CNN, FLAT, STEPS]


def score(architecture: Architecture) -> float:
    """Something to learn: greater options are better, early ones more so."""
    return sum(option / (position + 1) for position, option in enumerate(architecture))


def taste(space: SearchSpace, seed: int):
    """A score that depends on the mean value of each kind of choice, in random directions."""
    rng = np.random.default_rng(seed)
    values = {choice.kind: rng.normal(size=len(choice.options)) for choice in space.choices}

    def score(architecture: Architecture) -> float:
        found = {kind: [] for kind in values}
        for choice, option, active in zip(space.choices, architecture, space.active(architecture)):
            if active:
                found[choice.kind].append(values[choice.kind][option])
        return float(sum(np.mean(kind) for kind in found.values() if kind))

    return score


def run(searcher: Searcher, count: int, judge=score) -> list[Architecture]:
    """The next proposals, each told at once."""
    for _ in range(count):
        number, architecture = searcher.ask()
        searcher.tell(number, judge(architecture))
    return searcher.proposed[-count:]


def lead(searcher: Searcher, count: int, last: int, judge) -> float:
    """By how many s.d. of random ones the last of the next proposals are better than their mean."""
    found = [judge(one) for one in run(searcher, count, judge)[-last:]]
    space = searcher.space
    chance = [judge(space.sample(np.random.default_rng(number))) for number in range(500)]
    return (np.mean(found) - np.mean(chance)) / np.std(chance)


def everything(space: SearchSpace) -> set[Architecture]:
    ranges = [range(len(choice.options)) for choice in space.choices]
    return {space.canonical(options) for options in itertools.product(*ranges)}
