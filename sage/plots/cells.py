"""Cells drawn as graphs: a box per operation, a circle where a block adds up two of them."""

from itertools import pairwise

import igraph
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.interpolate import PchipInterpolator

from sage.models.genotypes import Cell, Genotype
from sage.plots import style
from sage.plots.searches import named

UNTRAINED = {"id": "identity", "avg3": "average\n3 × 3", "max3": "max\n3 × 3"}  # no weights
SEPARABLE = {f"sep{size}": f"separable\n{size} × {size}" for size in (3, 5, 7)}
NAMES = UNTRAINED | SEPARABLE | {"dil3": "dilated\n3 × 3", "1x7-7x1": "1 × 7\n7 × 1"}
COLOURS = {"state": "#d9d9d9", "untrained": "#fff7d6", "trained": "#cfe3f5", "sum": "#ffffff"}
LEGEND = {
    "operation with weights": "trained",
    "without weights": "untrained",
    "input, output": "state",
}
INPUTS = ("last cell", "last but one")
ACROSS, UP = 0.68, 0.46  # inches between places of a drawing


@style.applied
def cell_graph(genotype: Genotype) -> Figure:
    """Draw a genotype's cells, one above the other if they differ; inputs below, output above."""
    cells = {"normal cell": genotype.normal}
    if genotype.reduction != genotype.normal:
        cells["reduction cell"] = genotype.reduction
    graphs = [_graph(cell) for cell in cells.values()]
    layouts = [_layout(graph) for graph in graphs]
    spans = np.array([1 + np.ptp(places, axis=0) for places, _ in layouts])  # [cell, 2]
    width, heights = spans[:, 0].max() * ACROSS + 0.4, spans[:, 1] * UP + 0.3
    size, ratios = (width, heights.sum() + 0.3), heights.tolist()
    figure, axes = plt.subplots(len(cells), figsize=size, height_ratios=ratios, squeeze=False)
    for axis, title, graph, layout in zip(axes[:, 0], cells, graphs, layouts):
        _draw(axis, graph, *layout, width)
        axis.set_title(f"{named(genotype.name)}: {title}")
    patches = [
        Patch(fc=COLOURS[kind], ec="0.3", lw=0.6, label=told) for told, kind in LEGEND.items()
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
    return figure


def _graph(cell: Cell) -> igraph.Graph:
    """Return vertices with label and kind, and edges from what is read to what reads it."""
    graph = igraph.Graph(directed=True)
    states = [graph.add_vertex(label=name, kind="state").index for name in INPUTS]
    for block in cell.blocks:
        steps = []
        for step in block:
            kind = "untrained" if step.operation in UNTRAINED else "trained"
            steps.append(graph.add_vertex(label=NAMES[step.operation], kind=kind).index)
            graph.add_edge(states[step.state], steps[-1])
        states.append(graph.add_vertex(label="+", kind="sum").index)
        graph.add_edges((step, states[-1]) for step in steps)
    output = graph.add_vertex(label="concatenated", kind="state").index
    graph.add_edges((states[state], output) for state in cell.outputs)
    return graph


def _layout(graph: igraph.Graph) -> tuple[np.ndarray, list[list[int]]]:
    """Return places [V, 2] of vertices and bends, and for each edge the places that it passes.

    A vertex is one layer above the highest that it reads. An edge bends at places of its own, one
    in each layer between its ends; they come after the graph's vertices.
    """
    layers, routes = [0] * graph.vcount(), []
    for vertex in graph.topological_sorting():
        layers[vertex] = 1 + max((layers[one] for one in graph.predecessors(vertex)), default=-1)
    for edge in graph.es:
        between = list(range(layers[edge.source] + 1, layers[edge.target]))
        bends = range(len(layers), len(layers) + len(between))
        routes.append([edge.source, *bends, edge.target])
        layers += between
    pairs = [pair for route in routes for pair in pairwise(route)]
    bent = igraph.Graph(len(layers), pairs, directed=True)
    return np.array(bent.layout_sugiyama(layers=layers, maxiter=1000).coords), routes


def _draw(axis: Axes, graph: igraph.Graph, places: np.ndarray, routes: list, width: float) -> None:
    for points in routes:
        x, y = places[points].T
        heights = np.linspace(y[0], y[-1], 20 * len(points))
        axis.plot(PchipInterpolator(y, x)(heights), heights, color="0.45", lw=0.8, zorder=1)
    for vertex, (x, y) in zip(graph.vs, places):
        shape = "circle,pad=0.12" if vertex["kind"] == "sum" else "round,pad=0.25"
        colour = COLOURS[vertex["kind"]]
        box = {"boxstyle": shape, "facecolor": colour, "edgecolor": "0.3", "lw": 0.6}
        axis.text(x, y, vertex["label"], ha="center", va="center", fontsize=6.5, bbox=box, zorder=2)
    (left, low), (right, high) = places.min(0), places.max(0)
    middle, half = (left + right) / 2, width / ACROSS / 2  # places as far apart in every panel
    axis.set(xlim=(middle - half, middle + half), ylim=(low - 0.5, high + 0.5))
    axis.axis("off")
