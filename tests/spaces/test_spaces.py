import dataclasses
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from sage import spaces
from sage.models.cnn import ConvolutionalNetwork
from sage.spaces import Choice, Layer, SearchSpace, cell_space

SPACE = spaces.cnn(10)


def architectures(count: int, space: spaces.SearchSpace = SPACE) -> list[spaces.Architecture]:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


def with_values(space: spaces.SearchSpace, **chosen) -> spaces.Architecture:
    """An architecture by the values of its choices; `_` stands for a space in a name."""
    options = dict.fromkeys(space.position, 0)
    for name, value in chosen.items():
        choice = space.choices[space.position[name.replace("_", " ")]]
        options[choice.name] = choice.options.index(value)
    return tuple(options.values())


def test_appended_operations_are_told(monkeypatch):
    monkeypatch.setattr(cell_space, "OPERATIONS", (*spaces.OPERATIONS, "sep9"))
    expected = [*spaces.OPERATIONS[8:], "sep9"]
    assert spaces.cells(2).appended == {"left operation": expected, "right operation": expected}


@pytest.mark.parametrize(
    "depth, choices",
    # One choice of depth, six per layer, and an edge to every layer but the first from all before
    # it.
    [(10, 1 + 60 + 54), (20, 1 + 120 + 209), (1, 7)],
)
def test_choices_are_the_papers(depth, choices):
    space = spaces.cnn(depth)
    assert len(space.choices) == choices
    assert space.choices[0].options == tuple(range(1, depth + 1))
    assert space.choices[space.position["filters 1"]].options == (32, 64, 128)
    assert space.choices[space.position["height 1"]].options == (1, 3, 5, 7)
    assert space.choices[space.position["stride 1"]].options == (1, 2)


def test_samples_are_in_the_space_and_cover_it():
    samples = architectures(500)
    for architecture in samples:
        SPACE.check(architecture)
        assert json.loads(json.dumps(architecture)) == list(architecture)
    for index, choice in enumerate(SPACE.choices):
        assert {architecture[index] for architecture in samples} == set(range(len(choice.options)))


def test_choices_of_layers_beyond_the_depth_have_no_effect():
    shallow = with_values(SPACE, layers=2)
    other = list(shallow)
    other[SPACE.position["filters 3"]] = 2
    assert SPACE.canonical(tuple(other)) == shallow
    assert SPACE.hash(tuple(other)) == SPACE.hash(shallow)
    assert SPACE.hash(with_values(SPACE, layers=3)) != SPACE.hash(shallow)


def test_hash_is_the_same_in_another_process():
    code = """
import numpy
from sage import spaces
space = spaces.cnn(10)
print(space.hash(space.sample(numpy.random.default_rng(3))))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == SPACE.hash(SPACE.sample(np.random.default_rng(3)))
    # Records name architectures by it: it may never change.
    assert SPACE.hash(with_values(SPACE, layers=1)) == "be264161046e3b2a"


TREES = [
    SearchSpace("flat", (Choice("a", (1, 2, 3)), Choice("b", (1,)), Choice("c", (1, 2)))),
    SearchSpace(
        "chain",
        (
            Choice("a", (1, 2, 3)),
            Choice("b", (1, 2, 3, 4), needs=("a", 1)),
            Choice("c", (1, 2), needs=("b", 2)),
            Choice("d", (1, 2, 3), needs=("c", 1)),
            Choice("e", (1, 2), needs=("a", 2)),
            Choice("f", (1, 2), needs=("b", 1)),
            Choice("g", (1, 2)),
        ),
    ),
    SearchSpace(
        "two roots",
        (Choice("a", (1, 2)), Choice("b", (1, 2)), Choice("c", (1, 2, 3), needs=("b", 0))),
    ),
]


@pytest.mark.parametrize("space", TREES, ids=lambda space: space.name)
def test_size_counts_the_canonical_architectures(space):
    every = itertools.product(*(range(len(choice.options)) for choice in space.choices))
    canonical = {space.canonical(architecture) for architecture in every}
    assert space.size == len(canonical)
    assert all(space.canonical(architecture) == architecture for architecture in canonical)


def test_sizes_of_the_papers_spaces_are_exact():
    layer = 3 * 4 * 4 * 2 * 2 * 2
    for depth in (1, 2, 10, 20):
        expected = sum(
            layer**layers * 2 ** sum(index for index in range(2, layers + 1))
            for layers in range(1, depth + 1)
        )
        assert spaces.cnn(depth).size == expected


def test_what_needs_a_choice_without_effect_has_none():
    space = TREES[1]
    assert space.active((0, 3, 1, 2, 0, 0, 0)) == (True, False, False, False, False, False, True)
    assert space.active((1, 3, 1, 2, 0, 0, 0)) == (True, True, True, True, False, True, True)
    assert space.canonical((0, 3, 1, 2, 1, 1, 1)) == (0, 0, 0, 0, 0, 0, 1)


def test_layers_share_kinds_of_choices():
    choices = {choice.name: choice for choice in SPACE.choices}
    assert {choice.kind for choice in SPACE.choices} == {
        "layers",
        "filters",
        "height",
        "width",
        "stride",
        "activation",
        "normalization",
        "connection",
    }
    assert (choices["layers"].step, choices["width 1"].step, choices["width 10"].step) == (0, 1, 10)
    for source, layer in itertools.combinations(range(11), 2):
        if layer > 1:
            connection = choices[f"{source} to {layer}"]
            assert (connection.kind, connection.source, connection.step) == (
                "connection",
                source,
                layer,
            )
    assert {choice.source for choice in SPACE.choices if choice.kind != "connection"} == {None}
    assert Choice("pool", (1, 2)).kind == "pool"


@pytest.mark.parametrize(
    "choices, problem",
    [
        ((Choice("a", (1,)), Choice("a", (2,))), "two choices are named a"),
        (
            (Choice("a", (1,), needs=("b", 1)), Choice("b", (2,))),
            "a needs b, expected an earlier choice",
        ),
        (
            (Choice("a", (1,), step=2), Choice("b", (2,), step=1)),
            "b is at step 1, expected 2 or later",
        ),
        ((Choice("a", (False, True), step=1, source=1),), "from step 1 to 1, expected"),
        ((Choice("a", (1, 2, 3), step=1, source=0),), "connection a with 3 options"),
    ],
)
def test_what_is_no_space_is_refused(choices, problem):
    with pytest.raises(ValueError, match=problem):
        SearchSpace("own", choices)


@pytest.mark.parametrize("architecture", [(), (0,) * 114, (10, *(0,) * 114), (-1, *(0,) * 114)])
def test_what_is_no_architecture_is_refused(architecture):
    with pytest.raises(ValueError, match="expected"):
        SPACE.check(architecture)


def test_layers_say_what_was_chosen():
    chosen = with_values(
        SPACE,
        layers=3,
        filters_2=64,
        height_2=5,
        width_2=7,
        stride_2=2,
        activation_2="relu",
        normalization_2="batch norm",
        **{"1_to_2": True, "0_to_2": True, "2_to_3": True},
    )
    first, second, third = spaces.cnn_layers(SPACE, chosen)
    assert first.inputs == (0,) and second.inputs == (0, 1) and third.inputs == (2,)
    assert second == Layer(64, (5, 7), 2, "relu", "batch norm", (0, 1))
    assert spaces.describe((first, second)) == (
        " 1  1x1 conv 32 <- image\n 2  5x7 conv 64 /2 batch norm relu <- image, 1"
    )


@pytest.mark.parametrize(
    "inputs, depth",
    [
        ([(0,)], 1),
        ([(0,), (1,), (2,)], 3),
        ([(0,), (1,), (0, 2)], 3),
        ([(0,), (0,), (1, 2)], 2),
        ([(0,), (1,), (0,)], 2),
    ],  # in the last one the classifier reads the second and the third
)
def test_depth_is_the_longest_path(inputs, depth):
    layers = tuple(Layer(32, (1, 1), 1, "relu", "none", sources) for sources in inputs)
    assert spaces.depth(layers) == depth


def test_a_layer_without_input_reads_the_image():
    assert spaces.cnn_layers(SPACE, with_values(SPACE, layers=2))[1].inputs == (0,)


def expected_parameters(layers: tuple[Layer, ...], classes: int) -> int:
    """Counted from the definition, without building anything."""
    channels = {0: 3} | {index: layer.filters for index, layer in enumerate(layers, 1)}
    total = 0
    for layer in layers:
        height, width = layer.kernel
        total += height * width * sum(channels[source] for source in layer.inputs) * layer.filters
        total += 2 * layer.filters if layer.normalization == "batch norm" else layer.filters
    read = {source for layer in layers for source in layer.inputs}
    features = sum(channels[index] for index in channels if index and index not in read)
    return total + (features + 1) * classes


@pytest.mark.parametrize("depth, count", [(10, 200), (20, 100)])
def test_every_architecture_builds_and_learns(depth, count):
    space = spaces.cnn(depth)
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for architecture in architectures(count, space):
        layers = spaces.cnn_layers(space, architecture)
        model = ConvolutionalNetwork(layers, classes=5, width=1 / 16)
        scores = model(images)
        assert scores.shape == (2, 5) and torch.isfinite(scores).all()
        scores.square().sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        narrow = tuple(dataclasses.replace(layer, filters=layer.filters // 16) for layer in layers)
        assert sum(parameter.numel() for parameter in model.parameters()) == expected_parameters(
            narrow, 5
        )


def test_output_sizes_are_those_of_same_padding():
    layers = (
        Layer(8, (7, 1), 2, "relu", "none", (0,)),
        Layer(8, (1, 5), 1, "relu", "none", (1,)),
        Layer(8, (3, 3), 2, "identity", "batch norm", (0, 2)),
    )
    model = ConvolutionalNetwork(layers, classes=5)
    sizes = []
    for layer in model.layers:
        layer.register_forward_hook(
            lambda module, inputs, output: sizes.append(tuple(output.shape[1:]))
        )
    model(torch.zeros(1, 3, 9, 9))
    assert sizes == [(8, 5, 5), (8, 5, 5), (8, 5, 5)]


def test_unread_outputs_all_reach_the_classifier():
    layers = (
        Layer(8, (3, 3), 1, "relu", "none", (0,)),
        Layer(4, (3, 3), 2, "relu", "none", (0,)),
        Layer(6, (3, 3), 1, "relu", "none", (1,)),
    )
    model = ConvolutionalNetwork(layers, classes=5)
    assert model.unread == [2, 3] and model.classifier.in_features == 10


@pytest.mark.parametrize("layers", [0, 101])
def test_one_to_a_hundred_layers(layers):
    with pytest.raises(ValueError, match=f"layers is {layers}, expected 1 to 100"):
        spaces.cnn(layers)


def test_cells_of_nasbench201_have_their_official_names():
    space = spaces.nasbench201()
    assert space.size == 15_625
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|none~2|"
    assert spaces.from_nasbench201_string(text) == (4, 2, 1, 0, 3, 0)
    every = list(itertools.product(range(5), repeat=6))
    names = [spaces.nasbench201_string(architecture) for architecture in every]
    assert names[every.index((4, 2, 1, 0, 3, 0))] == text and len(set(names)) == 15_625
    assert list(map(spaces.from_nasbench201_string, names)) == every


@pytest.mark.parametrize(
    ("edges", "depth"),
    [
        ((3, 3, 3, 3, 3, 3), 3),
        ((2, 1, 0, 1, 3, 2), 2),  # 0 > 1 > 3
        ((0, 1, 3, 0, 3, 4), 0),  # what node 1 gets is cut off
        ((0, 0, 0, 0, 0, 0), 0),
        ((1, 2, 4, 0, 0, 3), 2),  # 0 > 2 > 3
    ],
)
def test_depth_of_a_cell_counts_convolutions_on_the_longest_path(edges, depth):
    assert spaces.nasbench201_depth(edges) == depth


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "names no cell"),
        ("|none~0|+|none~0|none~1|", "names no cell"),
        ("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "names no cell"),
        ("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "operations conv, expected some of"),
    ],
)
def test_what_names_no_cell_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        spaces.from_nasbench201_string(text)


def formula(edges: dict, node: int) -> str:
    """A node as the benchmark's authors write it, from the output backwards."""
    if node == 0:
        return "0"
    terms = []
    for source in range(node):
        inner = formula(edges, source)
        if edges[source, node] == "none" or inner == "#":
            terms.append("#")
        elif edges[source, node] == "skip_connect":
            terms.append(inner)
        else:
            terms.append(f"({inner})@{edges[source, node]}")
    return "+".join(sorted(terms))


def function(edges: dict, node: int) -> tuple:
    """What a node computes: a multiset of terms."""
    if node == 0:
        return ((),)
    terms: list = []
    for source in range(node):
        inner, operation = function(edges, source), edges[source, node]
        if operation == "skip_connect":
            terms += inner
        elif operation != "none" and inner:
            terms.append((operation, inner))
    return tuple(sorted(terms))


def test_cells_that_count_as_the_same_have_one_representative():
    classes: dict = {}
    for architecture in itertools.product(range(5), repeat=6):
        chosen = [spaces.NASBENCH201_OPERATIONS[option] for option in architecture]
        edges = dict(zip(spaces.NASBENCH201_EDGES, chosen))
        found = classes.setdefault(formula(edges, 3), {})
        found[architecture] = function(edges, 3)
    assert list(spaces.representatives()) == sorted(map(min, classes.values()))
    assert len(classes) == 6466 and all(len(set(one.values())) == 1 for one in classes.values())
    assert len({function for one in classes.values() for function in one.values()}) == 4930
