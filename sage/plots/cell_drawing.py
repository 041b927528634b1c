"""Cells drawn as graphs: a box per operation, a circle where a block adds up two of them."""

from itertools import pairwise

import igraph
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from sage.models.genotypes import Cell, Genotype
from sage.plots.figures import STYLE

NAMES = {
    "id": "identity",
    "avg3": "average\n3 × 3",
    "max3": "max\n3 × 3",
    "dil3": "dilated\n3 × 3",
    "1x7-7x1": "1 × 7\n7 × 1",
    "sep3": "separable\n3 × 3",
    "sep5": "separable\n5 × 5",
    "sep7": "separable\n7 × 7",
}
# Identity and pooling have no weights; a state is what operations read.
COLOURS = {"state": "#d9d9d9", "plain": "#fff7d6", "trained": "#cfe3f5", "sum": "#ffffff"}
INPUTS = ("previous cell", "cell before it")
ACROSS, UP = 0.68, 0.46  # inches between places of a drawing


def genotype(drawn: Genotype) -> Figure:
    """The cells of a genotype, one above the other if they differ; inputs below and output above."""
    cells = {"normal cell": drawn.normal}
    if drawn.reduction != drawn.normal:
        cells["reduction cell"] = drawn.reduction
    graphs = [_graph(cell) for cell in cells.values()]
    layouts = [_layout(graph) for graph in graphs]
    width, *heights = (
        max(1 + np.ptp(place[:, 0]) for place, _ in layouts) * ACROSS + 0.4,
        *((1 + np.ptp(place[:, 1])) * UP + 0.3 for place, _ in layouts),
    )
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(cells), 1, figsize=(width, sum(heights)), height_ratios=heights, squeeze=False
        )
        for axis, title, graph, layout in zip(axes[:, 0], cells, graphs, layouts):
            _draw(axis, graph, *layout)
            axis.set_title(f"{drawn.name}, {title}" if len(cells) > 1 else drawn.name)
    return figure


def _graph(cell: Cell) -> igraph.Graph:
    """Vertices with label and kind, edges from what is read to what reads it."""
    graph = igraph.Graph(directed=True)
    states = [graph.add_vertex(label=name, kind="state").index for name in INPUTS]
    for block in cell.blocks:
        steps = []
        for step in block:
            kind = "plain" if step.operation in ("id", "avg3", "max3") else "trained"
            steps.append(graph.add_vertex(label=NAMES[step.operation], kind=kind).index)
            graph.add_edge(states[step.state], steps[-1])
        states.append(graph.add_vertex(label="+", kind="sum").index)
        graph.add_edges((step, states[-1]) for step in steps)
    output = graph.add_vertex(label="concatenated", kind="state").index
    graph.add_edges((states[state], output) for state in cell.outputs)
    return graph


def _layers(graph: igraph.Graph) -> list[int]:
    """Of each vertex its height: one above the highest that it reads, and the output above all."""
    heights = [0] * graph.vcount()
    for vertex in graph.topological_sorting():
        heights[vertex] = max(
            (heights[source] + 1 for source in graph.predecessors(vertex)), default=0
        )
    return heights


def _draw(axis: Axes, graph: igraph.Graph, place: np.ndarray, routes: list[list[int]]) -> None:
    for points in routes:
        x, y = place[points].T
        heights = np.linspace(y[0], y[-1], 20 * len(points))
        axis.plot(PchipInterpolator(y, x)(heights), heights, color="0.45", lw=0.8, zorder=1)
    for vertex, (x, y) in zip(graph.vs, place):
        shape = "circle,pad=0.12" if vertex["kind"] == "sum" else "round,pad=0.25"
        box = {
            "boxstyle": shape,
            "facecolor": COLOURS[vertex["kind"]],
            "edgecolor": "0.3",
            "linewidth": 0.6,
        }
        axis.text(x, y, vertex["label"], ha="center", va="center", fontsize=6, bbox=box, zorder=2)
    middle, (low, high) = (
        np.ptp(place[:, 0]) / 2 + place[:, 0].min(),
        (place[:, 1].min(), place[:, 1].max()),
    )
    half = axis.figure.get_figwidth() / ACROSS / 2  # so that places are as far apart in every panel
    axis.set(xlim=(middle - half, middle + half), ylim=(low - 0.5, high + 0.5))
    axis.axis("off")


def _layout(graph: igraph.Graph) -> tuple[np.ndarray, list[list[int]]]:
    """Places [V, 2] of vertices (height counts layers), and of each edge those that it passes from end to end.

    An edge bends at vertices of its own, one in each layer between its ends, which come after the graph's.
    """
    layers, routes = _layers(graph), []
    for edge in graph.es:
        between = list(range(layers[edge.source] + 1, layers[edge.target]))
        bends = range(len(layers), len(layers) + len(between))
        routes.append([edge.source, *bends, edge.target])
        layers += between
    bent = igraph.Graph(
        len(layers), [pair for route in routes for pair in pairwise(route)], directed=True
    )
    return np.array(bent.layout_sugiyama(layers=layers, maxiter=1000).coords[: len(layers)]), routes
