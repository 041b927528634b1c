"""The space of NAS-Bench-201, in which others published what every architecture reaches.

A cell has four nodes. Node 0 is its input, each other one the sum of an operation on every node
before it, and node 3 the output.

Source: Dong and Yang 2020, arXiv:2001.00326, and their code (D-X-Y/AutoDL-Projects).
"""

import re
from functools import cache
from itertools import groupby, product
from math import inf

from sage.spaces.search_space import Architecture, Choice, SearchSpace

NASBENCH201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NASBENCH201_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order of the string
_STRING = re.compile(r"\+".join(r"\|" + r"(\w+)~(\d)\|" * node for node in (1, 2, 3)))


def nasbench201() -> SearchSpace:
    """Return the space of 15,625 cells: one of five operations on each of six edges."""
    edges = enumerate(NASBENCH201_EDGES, 1)
    named = [(f"{source} to {node}", step) for step, (source, node) in edges]
    options, kind = NASBENCH201_OPERATIONS, "operation"
    return SearchSpace("nasbench201", tuple(Choice(n, options, None, kind, s) for n, s in named))


def nasbench201_string(architecture: Architecture) -> str:
    """Return the official name of a cell: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    chosen = nasbench201().values(architecture).values()
    edges = zip(NASBENCH201_EDGES, chosen)
    nodes = groupby(edges, key=lambda edge: edge[0][1])
    texts = ("".join(f"{name}~{source}|" for (source, _), name in node) for _, node in nodes)
    return "+".join(f"|{text}" for text in texts)


def from_nasbench201_string(text: str) -> Architecture:
    """Return the cell that an official name stands for.

    Raises:
        ValueError: the text is no such name.
    """
    parts = found.groups() if (found := _STRING.fullmatch(text)) else ()
    sources = tuple(map(int, parts[1::2]))
    if sources != tuple(source for source, _ in NASBENCH201_EDGES):
        expected = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
        raise ValueError(f"{text!r} names no cell of NAS-Bench-201, expected {expected}")
    if unknown := set(parts[::2]) - set(NASBENCH201_OPERATIONS):
        expected = f"expected some of {', '.join(NASBENCH201_OPERATIONS)}"
        raise ValueError(f"{text!r} has operations {', '.join(sorted(unknown))}, {expected}")
    return tuple(map(NASBENCH201_OPERATIONS.index, parts[::2]))


def nasbench201_depth(architecture: Architecture) -> int:
    """Return the number of convolutions on the longest path from a cell's input to its output."""
    longest: list[float] = [0, -inf, -inf, -inf]
    for (source, node), option in zip(NASBENCH201_EDGES, architecture):
        name = NASBENCH201_OPERATIONS[option]
        if name != "none":
            longest[node] = max(longest[node], longest[source] + name.startswith("nor_conv"))
    return int(max(longest[-1], 0))


@cache
def representatives() -> tuple[Architecture, ...]:
    """Return the 6,466 cells, of 15,625, that the authors count as different.

    Each is the first of those that count as the same, in the order of options, and has no operation
    whose result nothing reads. The authors compare sums as text, in which a missing term counts and
    the terms of an added sum keep their order; so some of the 6,466 compute the same: 4,930 are
    different functions.
    """
    found: dict[str, Architecture] = {}
    for architecture in product(range(len(NASBENCH201_OPERATIONS)), repeat=len(NASBENCH201_EDGES)):
        found.setdefault(_formula(architecture), architecture)
    return tuple(found.values())


def _formula(architecture: Architecture) -> str:
    """Return a cell's output as the authors write it, `to_unique_str` in their code.

    0 is the cell's input, # a node without any input.
    """
    nodes = ["0"]
    for node in (1, 2, 3):
        terms = []
        for (source, target), option in zip(NASBENCH201_EDGES, architecture):
            if target == node:
                name, read = NASBENCH201_OPERATIONS[option], nodes[source]
                missing = name == "none" or read == "#"
                term = read if name == "skip_connect" else f"({read})@{name}"
                terms.append("#" if missing else term)
        nodes.append("+".join(sorted(terms)))
    return nodes[3]
