"""Networks of NAS-Bench-201: sizes as published, and the same numbers as the authors' plain way."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from sage import spaces
from sage.models import complexity, zero_cost
from sage.models.nasbench201 import NASBench201Network

SPACE = spaces.nasbench201()
NONE, SKIP, ONE, THREE, POOL = range(5)
SINGLE = [
    (NONE,) * place + (one,) + (NONE,) * (5 - place) for place in range(6) for one in range(5)
]
UNREAD = [
    (THREE, ONE, POOL, ONE, NONE, NONE),  # nothing reads nodes 1 and 2
    (NONE, NONE, ONE, SKIP, THREE, POOL),  # node 1 has no input, and is read by convolutions
    (NONE, NONE, POOL, NONE, SKIP, NONE),  # the input does not reach the output
    (NONE,) * 6,
]


def some(count: int) -> list[spaces.Architecture]:
    rng = np.random.default_rng(0)
    return [*UNREAD, *(SPACE.sample(rng) for _ in range(count))]


@pytest.mark.parametrize("architectures", [SINGLE, some(30)], ids=["single", "random"])
def test_sizes_are_the_published_ones(architectures):
    for architecture in architectures:
        with torch.device("meta"):
            model = NASBench201Network(architecture, classes=100)
        ones, threes = architecture.count(ONE), architecture.count(THREE)
        assert complexity.parameters(model) == 79_156 + 28_000 * ones + 243_040 * threes
        computed = {place for _, _, place in model.cells[0].computed}
        ones, threes = ([architecture[place] for place in computed].count(o) for o in (ONE, THREE))
        # The authors count the classifier's 100 biases too.
        expected = 7_788_900 - 100 + 3_932_160 * ones + 35_389_440 * threes
        assert complexity.multiply_adds(model, 32) == expected


def test_all_that_reaches_the_output_is_computed():
    for architecture in some(300):
        edges = zip(spaces.NASBENCH201_EDGES, architecture)
        used = [edge for edge, option in edges if option != NONE]
        paths = [[(0, 3)], [(0, 1), (1, 3)], [(0, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]]
        reaching = {edge for path in paths if set(path) <= set(used) for edge in path}
        with torch.device("meta"):
            computed = NASBench201Network(architecture, classes=2, cells=1).cells[0].computed
        assert reaching <= {(source, node) for source, node, _ in computed} <= set(used)


def plainly(model: NASBench201Network, architecture: spaces.Architecture, images: torch.Tensor):
    """Scores with every operation computed, unread or of zeros, as in the authors' code."""
    pool = partial(
        functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False
    )
    x, count = model.stem(images), len(model.cells) // 3
    for number, cell in enumerate(model.cells):
        if number in (count, 2 * count):
            block = model.reductions[number // count - 1]
            first, second = block.body
            x = block.shortcut(x) + second(first(x))
        nodes = [x]
        for node in (1, 2, 3):
            total = torch.zeros_like(x)
            for place, (source, target) in enumerate(spaces.NASBENCH201_EDGES):
                if target == node:
                    option, read = architecture[place], nodes[source]
                    operation = cell.operations[place]
                    how = {NONE: lambda m: m * 0.0, SKIP: lambda m: m, POOL: pool}
                    total = total + how.get(option, operation)(read)
            nodes.append(total)
        x = nodes[3]
    return model.classifier(model.normalization(x).relu().mean((2, 3)))


@pytest.mark.parametrize("architecture", some(12), ids=str)
def test_scores_and_gradients_are_those_of_the_authors_cell(architecture):
    model = NASBench201Network(architecture, classes=3, cells=2).double()
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    found = {}
    for name, forward in (("ours", type(model).forward), ("plain", plainly)):
        own = copy.deepcopy(model)
        arguments = (architecture, images) if name == "plain" else (images,)
        scores = forward(own, *arguments)
        scores.square().sum().backward()
        found[name] = own, scores
    torch.testing.assert_close(found["ours"][1], found["plain"][1])
    pairs = zip(found["ours"][0].named_parameters(), found["plain"][0].parameters())
    for (name, ours), plain in pairs:
        if plain.grad is not None and plain.grad.any():
            assert ours.grad is not None, name
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, plain.grad, msg=name)


@pytest.mark.parametrize("architecture", some(4), ids=str)
def test_every_network_has_proxies(architecture):
    model = NASBench201Network(architecture, classes=3, cells=1)
    images = torch.randn(4, 3, 8, 8)
    found = zero_cost.measure(model, images, torch.tensor([0, 1, 2, 0]))
    defined = {"synflow", "grad_norm", "snip"}
    if (SKIP in architecture[3:4]) or architecture not in UNREAD:
        defined |= {"naswot", "jacob_cov"}
    assert all(np.isfinite(found[name]) for name in defined)


def test_cells_put_out_maps_of_the_three_stages():
    model = NASBench201Network((THREE,) * 6, classes=3)
    assert len(model.layer_names) == 15
    shapes = {}
    for name in model.layer_names:
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: shapes.update({name: tuple(output.shape)})
        )
    model.eval()(torch.zeros(1, 3, 16, 16))
    assert list(shapes) == list(model.layer_names)
    expected = [(1, 16 << stage, 16 >> stage, 16 >> stage) for stage in range(3)]
    assert list(shapes.values()) == [shape for shape in expected for _ in range(5)]
