"""REINFORCE, and its policy."""

import itertools
import math

import numpy as np
import pytest
import torch

from sage.search.searchers import Reinforce
from sage.search.searchers.reinforce import Policy
from sage.spaces import Architecture, SearchSpace
from tests.support.searching import CNN, FLAT, SPACES, STEPS, everything, lead, taste


def sharpened(space: SearchSpace, seed: int = 0) -> Policy:
    """A policy far from uniform."""
    policy = Reinforce(space, seed=seed).policy
    with torch.no_grad():
        policy.heads.weight.mul_(30)
    return policy


def log_probability(policy: Policy, space: SearchSpace, architecture: Architecture) -> float:
    """From the definition, a step, a unit layer and a choice at a time."""
    weights = {name: value.detach().numpy() for name, value in policy.named_parameters()}
    column, row = {}, {}
    for offsets, width in (
        (column, lambda choice: len(choice.options)),
        (row, lambda choice: len(choice.options) if choice.source is None else choice.source + 1),
    ):
        end = 0
        for kind in dict.fromkeys(choice.kind for choice in space.choices):
            offsets[kind] = end
            end += max(width(choice) for choice in space.choices if choice.kind == kind)
    used = [
        (choice, option)
        for choice, option, active in zip(space.choices, architecture, space.active(architecture))
        if active
    ]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    hidden, cell, outputs = [np.zeros(32)] * 2, [np.zeros(32)] * 2, []
    signal = weights["embeddings"][-1]
    for step in range(space.choices[-1].step + 1):
        for layer in range(2):
            gates = (
                weights[f"lstm.weight_ih_l{layer}"] @ signal
                + weights[f"lstm.bias_ih_l{layer}"]
                + weights[f"lstm.weight_hh_l{layer}"] @ hidden[layer]
                + weights[f"lstm.bias_hh_l{layer}"]
            )
            enter, keep, new, leave = np.split(gates, 4)
            cell[layer] = sigmoid(keep) * cell[layer] + sigmoid(enter) * np.tanh(new)
            hidden[layer] = signal = sigmoid(leave) * np.tanh(cell[layer])
        outputs.append(hidden[1])
        signal = np.zeros(32)
        for choice, option in used:
            if choice.step == step and choice.source is None:
                signal = signal + weights["embeddings"][row[choice.kind] + option]
            elif choice.step == step and option:
                signal = signal + weights["embeddings"][row[choice.kind] + choice.source]

    total = 0.0
    for choice, option in used:
        heads = weights["heads.weight"][column[choice.kind] :]
        if choice.source is None:
            odds = np.exp(heads[: len(choice.options)] @ outputs[choice.step])
            total += np.log(odds[option] / odds.sum())
        else:
            connected = sigmoid(heads[1] @ outputs[choice.step] - heads[0] @ outputs[choice.source])
            total += np.log(connected if option else 1 - connected)
    return total


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_log_probability_is_that_of_the_definition(space):
    policy, rng = sharpened(space), np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(12)]
    expected = [log_probability(policy, space, architecture) for architecture in architectures]
    assert policy.log_probability(architectures).tolist() == pytest.approx(expected, rel=1e-9)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize("space", [FLAT, STEPS], ids=lambda space: space.name)
def test_probabilities_sum_to_one_and_are_those_of_samples(space):
    policy, rng = sharpened(space), np.random.default_rng(0)
    architectures = sorted(everything(space))
    with torch.no_grad():
        probabilities = policy.log_probability(architectures).exp().numpy()
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities.max() > 5 / len(
        architectures
    )  # far from uniform, or samples would tell little
    count = 1500
    drawn = [policy.sample(rng) for _ in range(count)]
    for position, choice in enumerate(space.choices):
        for option in range(len(choice.options)):
            chosen = np.array([architecture[position] == option for architecture in architectures])
            p = probabilities[chosen].sum()
            found = sum(architecture[position] == option for architecture in drawn)
            assert abs(found - count * p) < 4.5 * math.sqrt(count * p * (1 - p)) + 1


@pytest.mark.parametrize("seed", range(4))
def test_an_update_per_five_makes_rewarded_candidates_likelier(seed):
    searcher = Reinforce(CNN, seed=seed)
    asked = [searcher.ask() for _ in range(7)]
    before = searcher.policy.log_probability([asked[2][1]]).item()
    for number, _ in asked[:4]:
        searcher.tell(number, float(number == 2))
    assert searcher.policy.log_probability([asked[2][1]]).item() == before
    searcher.tell(4, 0.0)
    assert searcher.policy.log_probability([asked[2][1]]).item() > before


def weights_after(searcher: Reinforce, scores: list[float]) -> torch.Tensor:
    for told in scores:
        searcher.tell(searcher.ask()[0], told)
    return torch.cat([parameter.detach().flatten() for parameter in searcher.policy.parameters()])


def test_scores_at_the_baseline_teach_nothing():
    """It starts at the first batch's mean, and moves a tenth of the way to each later one's."""
    searcher = Reinforce(STEPS, seed=0)
    batches = [], [0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], [0.9 * 0.5 + 0.1 * 0.3] * 5, [0.3] * 5
    states = [weights_after(searcher, scores) for scores in batches]
    changes = [(new - old).abs().max().item() for old, new in itertools.pairwise(states)]
    # The second of Adam's steps, and the first with a gradient: sqrt(2) of the rate.
    step, nothing = math.sqrt(2) * 1e-3, pytest.approx(0, abs=1e-12)
    assert changes[:3] == [0, pytest.approx(step, rel=1e-3), nothing]
    assert changes[3] > 1e-4


def test_gradients_are_clipped():
    searcher = Reinforce(STEPS, seed=0)
    for scores, norm in (([0.0, 0.0, 0.0, 0.0, 1e6], 1), ([2e5] * 4 + [2e5 + 1e-3], None)):
        weights_after(searcher, scores)
        gradients = [parameter.grad.flatten() for parameter in searcher.policy.parameters()]
        found = torch.cat(gradients).norm().item()
        assert found == pytest.approx(norm, rel=1e-3) if norm else found < 0.1


@pytest.mark.parametrize("space", [STEPS, CNN], ids=lambda space: space.name)
def test_every_weight_of_the_policy_learns(space):
    policy, rng = Policy(space), np.random.default_rng(0)
    policy.log_probability([space.sample(rng) for _ in range(60)]).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    # No step reads the connection to the last from the one before: all other embeddings take part.
    assert (policy.embeddings.grad.abs().sum(1) == 0).sum() == 1


def test_reinforce_beats_random_search():
    """1000 candidates of the 10-layer space: the last 200 are better than most random ones."""
    for seed in range(2):
        assert lead(Reinforce(CNN, seed=seed), 1000, 200, taste(CNN, seed)) > 1.5
