"""Searchers: one contract for all of them."""

import json
import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from sage.config import paths
from sage.search import searchers
from sage.search.searchers import SEARCHERS, Random, Searcher
from sage.spaces import SearchSpace
from tests.support.searching import CNN, FLAT, SPACES, STEPS, run, score

# Few starts, so that the contract covers suggestions and children.
SETTINGS = {"tpe": {"starts": 4}, "evolution": {"population": 4}}

over_searchers = pytest.mark.parametrize("name", SEARCHERS)
over_spaces = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def make(name: str, space: SearchSpace, seed: int = 3) -> Searcher:
    return searchers.make(name, space, seed=seed, **SETTINGS.get(name, {}))


@over_searchers
@over_spaces
def test_proposals_are_canonical_architectures_of_the_space(name, space):
    searcher = make(name, space)
    for expected in range(30):
        number, architecture = searcher.ask()
        assert number == expected and searcher.proposed[number] == architecture
        assert space.canonical(architecture) == architecture
        assert json.loads(json.dumps(architecture)) == list(architecture)
        searcher.tell(number, score(architecture))


def sequences() -> dict[str, list]:
    return {
        f"{name} {space.name}": run(make(name, space), 14) for name in SEARCHERS for space in SPACES
    }


def test_the_seed_alone_determines_the_sequence_in_any_process():
    code = "import json; from tests.search.searchers import test_contract as tests; "
    code += "print(json.dumps(tests.sequences()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=paths.ROOT
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(sequences()))


@over_searchers
@over_spaces
def test_seeds_differ(name, space):
    assert len({tuple(run(make(name, space, seed), 8)) for seed in range(4)}) == 4


@over_searchers
def test_a_negative_seed_is_refused(name):
    with pytest.raises(ValueError, match="seed is -1"):
        make(name, FLAT, -1)


class Recorder(Searcher):
    """A user's own searcher, that keeps what it was told."""

    name = "recorder"

    def __init__(self, space: SearchSpace, *, seed: int):
        super().__init__(space, seed=seed)
        self.learned = []

    def _propose(self, rng):
        # Neither canonical nor Python's own integers.
        return rng.integers(2, size=len(self.space.choices))

    def _learn(self, number, score):
        self.learned.append((number, score))


@pytest.mark.parametrize("failure", [math.nan, math.inf, -math.inf])
def test_a_failure_counts_as_the_worst_score_so_far(failure):
    searcher = Recorder(FLAT, seed=0)
    for _ in range(8):
        searcher.ask()
    scores = {1: failure, 0: failure, 5: 0.7, 2: failure, 3: 0.2, 4: failure, 6: 0.9, 7: failure}
    for number, each in scores.items():
        searcher.tell(number, each)
    expected = [(5, 0.7), (1, 0.7), (0, 0.7), (2, 0.7), (3, 0.2), (4, 0.2), (6, 0.9), (7, 0.2)]
    assert searcher.learned == expected


def test_own_searchers_may_propose_numpy_integers_and_options_without_effect():
    searcher = Recorder(FLAT, seed=0)
    for _ in range(20):
        _, architecture = searcher.ask()
        assert FLAT.canonical(architecture) == architecture and all(
            type(option) is int for option in architecture
        )


@over_searchers
@pytest.mark.parametrize("failures", [1, 4, 9])
def test_failures_first_are_as_good_as_the_first_score(name, failures):
    """Proposals after failures equal those after the score that they count as."""
    failing, scoring = make(name, STEPS), make(name, STEPS)
    for searcher in (failing, scoring):
        for _ in range(12):
            searcher.ask()
    for number in range(failures):
        failing.tell(number, math.nan)
    for number in (failures, *range(failures)):
        scoring.tell(number, 0.5)
    failing.tell(failures, 0.5)
    for searcher, told in ((failing, math.inf), (scoring, 0.5)):
        searcher.tell(failures + 1, told)
    for searcher in (failing, scoring):
        run(searcher, 8)
    assert failing.proposed == scoring.proposed


@over_searchers
def test_what_cannot_be_told_is_refused(name):
    searcher = make(name, FLAT)
    run(searcher, 2)
    searcher.ask()
    for number in (3, -1):
        with pytest.raises(ValueError, match=f"candidate {number} was never proposed"):
            searcher.tell(number, 0.5)
    for told in (0.5, math.nan):
        with pytest.raises(ValueError, match="candidate 1 was told before"):
            searcher.tell(1, told)
    searcher.tell(2, 0.5)


def interleaved(
    searcher: Searcher, rng: np.random.Generator, told: list[tuple[int, float]], moves: int
) -> None:
    """Ask and tell at random with up to five in flight, some of them failures; adds to `told`."""
    for _ in range(moves):
        flying = sorted(set(range(len(searcher.proposed))) - {number for number, _ in told})
        if flying and (len(flying) == 5 or rng.random() < 0.5):
            number = int(rng.choice(flying))
            found = math.nan if rng.random() < 0.2 else score(searcher.proposed[number])
            told.append((number, found))
            searcher.tell(*told[-1])
        else:
            searcher.ask()


@over_searchers
@over_spaces
@pytest.mark.parametrize("seed", range(3))
def test_a_restored_searcher_goes_on_as_if_never_stopped(name, space, seed):
    searcher, told = make(name, space), []
    interleaved(searcher, np.random.default_rng(seed), told, moves=20 + 11 * seed)
    restored = make(name, space)
    restored.restore(json.loads(json.dumps(searcher.proposed)), iter(told))
    assert restored.proposed == searcher.proposed
    for each in (searcher, restored):
        interleaved(each, np.random.default_rng(seed + 100), list(told), moves=30)
    assert len(searcher.proposed) > 20 and restored.proposed == searcher.proposed


@over_searchers
def test_only_fresh_searchers_restore_and_only_their_space(name):
    searcher = make(name, FLAT)
    with pytest.raises(ValueError, match="expected"):
        searcher.restore([(0, 0, 0, 0, 0), (3, 0, 0, 0, 0)], [])
    assert searcher.proposed == []
    searcher.restore([(0, 0, 0, 0, 0)], [(0, 1.0)])
    with pytest.raises(ValueError, match="1 proposals, expected a fresh one"):
        searcher.restore([], [])


@over_searchers
def test_global_generators_are_untouched(name):
    def states() -> list:
        return [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()]

    before = states()
    run(make(name, STEPS), 12)
    assert states() == before


@over_searchers
def test_descriptions_are_json(name):
    description = make(name, FLAT).description
    assert json.loads(json.dumps(description)) == description and description["name"] == name


def test_unknown_searchers_and_settings_are_refused():
    with pytest.raises(
        ValueError, match="'annealing', expected one of random, reinforce, tpe, evolution"
    ):
        searchers.make("annealing", FLAT, seed=0)
    with pytest.raises(TypeError, match="draws"):
        searchers.make("random", FLAT, seed=0, draws=3)


def test_random_search_is_a_sample_per_number_whatever_is_in_flight():
    expected = [CNN.sample(np.random.default_rng([7, number])) for number in range(8)]
    searcher = Random(CNN, seed=7)
    assert [searcher.ask()[1] for _ in range(3)] + run(searcher, 5) == expected
