"""Networks of NAS-Bench-201, as its authors build them.

Their convolutions keep torch's own initial weights, as in the authors' code.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sage.models.convolution import AveragePool, conv_norm
from sage.spaces import NASBENCH201_EDGES, NASBENCH201_OPERATIONS, Architecture

WIDTH = 16  # channels of the first stage, doubled in each next one


class NASBench201Network(nn.Module):
    """A stem, and three stages of `cells` equal cells with a residual block between two of them.

    Operations that nothing reads are kept, so that parameters count as the authors' do, but are not
    computed.

    Args:
        cells: N of a stage; the benchmark has 5.

    Source: Dong and Yang 2020, arXiv:2001.00326, figure 1, and the authors' code.
    """

    def __init__(self, architecture: Architecture, *, classes: int, cells: int = 5):
        super().__init__()
        # For files, see `saved`.
        self.settings = {"architecture": architecture, "classes": classes, "cells": cells}
        self.stem = nn.Sequential(*conv_norm(3, WIDTH, 3))
        widths = [WIDTH, 2 * WIDTH, 4 * WIDTH]
        self.cells = nn.ModuleList(_Cell(architecture, w) for w in widths for _ in range(cells))
        self.reductions = nn.ModuleList(map(_Reduction, widths[:-1]))
        self.layer_names = tuple(f"cells.{index}" for index in range(len(self.cells)))
        self.normalization = nn.BatchNorm2d(widths[-1])
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, C] of standardised images [B, 3, H, W]."""
        x, stage = self.stem(images), len(self.cells) // 3
        for number, cell in enumerate(self.cells):
            if number and number % stage == 0:
                x = self.reductions[number // stage - 1](x)
            x = cell(x)
        return self.classifier(nn.functional.relu(self.normalization(x)).mean((2, 3)))


class _Cell(nn.Module):
    def __init__(self, architecture: Architecture, channels: int):
        super().__init__()
        names = [NASBENCH201_OPERATIONS[option] for option in architecture]
        self.operations = nn.ModuleList(OPERATIONS[name](channels) for name in names)
        # Batch norm makes a learned constant of a node without input, other operations nothing.
        filled, read, edges = {0}, {3}, []
        for place, (source, node) in enumerate(NASBENCH201_EDGES):
            normalized = isinstance(self.operations[place], nn.Sequential)
            if names[place] != "none" and (source in filled or normalized):
                filled.add(node)
                edges.append((source, node, place))
        self.computed: list[tuple[int, int, int]] = []  # source, node, place of the operation
        for source, node, place in reversed(edges):
            if node in read:
                read.add(source)
                self.computed.insert(0, (source, node, place))

    def forward(self, x: Tensor) -> Tensor:
        nodes: list[Tensor | None] = [x, None, None, None]
        for source, node, place in self.computed:
            read, so_far = nodes[source], nodes[node]
            term = self.operations[place](torch.zeros_like(x) if read is None else read)
            nodes[node] = term if so_far is None else so_far + term
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


class _Reduction(nn.Module):
    """A residual block that halves a map and doubles its channels."""

    def __init__(self, channels: int):
        super().__init__()
        wide = 2 * channels
        self.body = nn.Sequential(_convolution(channels, wide, 3, 2), _convolution(wide, wide, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, wide, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.body(x)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.ReLU(), *conv_norm(inputs, outputs, kernel, stride))


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "skip_connect": lambda channels: nn.Identity(),
    "nor_conv_1x1": lambda channels: _convolution(channels, channels, 1),
    "nor_conv_3x3": lambda channels: _convolution(channels, channels, 3),
    "avg_pool_3x3": lambda channels: AveragePool(),
}
