"""Cells drawn: every operation and connection is there, and nothing hides anything."""

import numpy as np
import pytest

from sage import plots, spaces
from sage.models import genotypes
from sage.plots import cells

SPACE = spaces.cells(5)
RANDOM = [
    genotypes.from_architecture(SPACE, SPACE.sample(np.random.default_rng(seed)))
    for seed in range(5)
]
CELLS = [*genotypes.PUBLISHED.values(), *RANDOM]


def boxes(axis) -> list:
    renderer = axis.figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in axis.texts]


@pytest.mark.parametrize("drawn", CELLS, ids=lambda genotype: genotype.name)
def test_every_operation_and_connection_is_drawn_and_readable(drawn):
    figure = plots.cell_graph(drawn)
    figure.draw_without_rendering()
    drawn_cells = (
        [drawn.normal] if drawn.normal == drawn.reduction else [drawn.normal, drawn.reduction]
    )
    assert len(figure.axes) == len(drawn_cells)
    for axis, cell in zip(figure.axes, drawn_cells):
        expected = [cells.NAMES[step.operation] for block in cell.blocks for step in block]
        expected += ["+"] * len(cell.blocks) + [*cells.INPUTS, "concatenated"]
        assert sorted(text.get_text() for text in axis.texts) == sorted(expected)
        assert len(axis.lines) == 4 * len(cell.blocks) + len(cell.outputs)
        extents = boxes(axis)
        for number, one in enumerate(extents):
            assert axis.bbox.contains(one.x0, one.y0) and axis.bbox.contains(one.x1, one.y1)
            assert not any(one.overlaps(other) for other in extents[:number])


def test_connections_run_from_what_is_read_to_what_reads_it():
    graph = cells._graph(genotypes.parse_cell("sep3(0)+id(1); max3(2)+avg3(0) -> 1 3"))
    read = {
        (
            graph.vs[edge.source]["label"].split("\n")[0],
            graph.vs[edge.target]["label"].split("\n")[0],
        )
        for edge in graph.es
    }
    assert {
        ("last cell", "separable"),
        ("last but one", "identity"),
        ("+", "max"),
        ("last cell", "average"),
        ("last but one", "concatenated"),
        ("+", "concatenated"),
    } < read
    place, routes = cells._layout(graph)
    for edge, route in zip(graph.es, routes):
        assert (route[0], route[-1]) == (edge.source, edge.target)
        assert (np.diff(place[route, 1]) == 1).all()


def test_drawings_are_the_same_each_time(tmp_path):
    for name in ("first", "second"):
        plots.save(plots.cell_graph(genotypes.AMOEBANET_A), tmp_path, name)
    for suffix in (".png", ".pdf"):
        first, second = (
            (tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second")
        )
        assert first == second
