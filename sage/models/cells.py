"""Networks that repeat a convolutional cell, on CIFAR's images, ImageNet's, and the search's.

To add an operation, append its name to `spaces.OPERATIONS`, add a line to `OPERATIONS` here, with a
function of the channels that come in and go out and the stride, and one to `NAMES` in plots/cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sage.compute import parallel
from sage.models.convolution import Convolution, conv_norm
from sage.models.genotypes import Cell, Genotype, Step


@dataclass(frozen=True)
class Skeleton:
    """The layers around the cells of a network.

    Source: Zoph et al. 2018, figure 2, and the authors' code in tensorflow/models, slim.
    """

    stem_filters: int | None = None  # of the 3 x 3 convolution on the image; None for 3F
    stem_stride: int = 1  # with 2 that convolution has no padding
    stem_cells: int = 0  # of stride 2, after it; filters double after each, until F is reached
    skips: bool = False  # the cell after a reduction cell shares that cell's second input


SKELETONS = {
    "cifar": Skeleton(),
    "imagenet mobile": Skeleton(stem_filters=32, stem_stride=2, stem_cells=2),
    "imagenet large": Skeleton(stem_filters=96, stem_stride=2, stem_cells=2, skips=True),
    # Section 4.4 of the paper: ImageNet's without its first two reductions.
    "imagenet search": Skeleton(stem_filters=32, stem_stride=2),
}


class CellNetwork(nn.Module):
    """N cells, a reduction, N cells, a reduction, N cells; F doubles at each reduction.

    In training mode a network with an auxiliary classifier returns both its scores.

    Args:
        filters: F, at least 2 in the first cell.
        repeats: N.
        skeleton: one of `SKELETONS`.
        auxiliary_size: image size in pixels of an auxiliary classifier, None for no classifier.

    Source: Zoph et al. 2018, doi:10.1109/CVPR.2018.00907; Liu et al. 2018, arXiv:1712.00559.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        classes: int,
        filters: int,
        repeats: int,
        skeleton: str = "cifar",
        auxiliary_size: int | None = None,
    ):
        super().__init__()
        if skeleton not in SKELETONS:
            expected = ", ".join(SKELETONS)
            raise ValueError(f"unknown skeleton {skeleton!r}, expected one of {expected}")
        # For files, see `saved`.
        sizes = dict(classes=classes, filters=filters, repeats=repeats)
        self.settings = dict(genotype=str(genotype), skeleton=skeleton, **sizes)
        self.settings |= dict(auxiliary_size=auxiliary_size)
        plan = SKELETONS[skeleton]
        fewest = {"filters": (filters, 2 << plan.stem_cells), "repeats": (repeats, 1)}
        for name, (given, least) in fewest.items():
            if given < least:
                raise ValueError(f"{name} is {given}, expected {least} or more on {skeleton}")
        channels, stride = plan.stem_filters or 3 * filters, plan.stem_stride
        convolution = nn.Conv2d(3, channels, 3, stride, padding=2 - stride, bias=False)
        self.stem = nn.Sequential(convolution, nn.BatchNorm2d(channels))
        size = auxiliary_size or 0
        maps = [_Map(channels, (size - 1) // 2 if stride == 2 else size)]
        self.cells = nn.ModuleList()
        self.reads: list[tuple[int, int]] = []  # places of the two maps that each cell reads
        for first, (width, reduces, back) in enumerate(_plan(genotype, filters, repeats, plan)):
            second = max(0, first - back)
            cell = genotype.reduction if reduces else genotype.normal
            previous = maps[second] if first else None
            self.cells.append(built := _Cell(cell, maps[first], previous, width, 1 + reduces))
            self.reads.append((first, second))
            maps.append(built.output)
            if reduces:
                self._branch = first  # in the end, what the last reduction reads
        self.layer_names = tuple(f"cells.{index}" for index in range(len(self.cells)))
        self.classifier = nn.Linear(maps[-1].channels, classes)
        branch = maps[self._branch]
        self.auxiliary = None if auxiliary_size is None else _auxiliary(branch, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # He et al. 2015, by the weights that read a channel. Torch's own fan-out counts
                # all channels, which is wrong for depthwise convolutions.
                fan_out = module.weight.numel() / module.in_channels
                nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)

    def set_drop_path(self, *, keep: float, generator: torch.Generator | None) -> None:
        """Let the next training steps drop paths: operations but identity, image by image.

        Args:
            keep: probability that a path of the last cell stays; falls linearly from 1 with depth.
        """
        for number, cell in enumerate(self.cells, 1):
            assert isinstance(cell, _Cell)
            cell.keep = 1 - (1 - keep) * number / len(self.cells)
            cell.generator = generator

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return class scores [B, C] of standardised images [B, 3, H, W]."""
        states = [self.stem(images)]
        for cell, (first, second) in zip(self.cells, self.reads):
            states.append(cell(states[first], states[second]))
        scores = self.classifier(nn.functional.relu(states[-1]).mean((2, 3)))
        if self.auxiliary and self.training:
            return scores, self.auxiliary(states[self._branch])
        return scores


class _Map(NamedTuple):
    channels: int
    size: int  # pixels a side; has a meaning in networks with an auxiliary classifier only
    halvings: int = 0


def _plan(genotype: Genotype, filters: int, repeats: int, plan: Skeleton) -> Iterator[tuple]:
    """Yield each cell's filters, if it reduces, and how far its inputs are apart."""
    for number in range(plan.stem_cells, 0, -1):
        yield filters >> number, True, 1
    for stage in range(3):
        reduction = stage > 0 and not genotype.in_line  # a cell of its own
        for number in range(repeats + reduction):
            skips = plan.skips and reduction and number == 1
            yield filters << stage, stage > 0 and number == 0, 1 + skips


class _Cell(nn.Module):
    """One cell, which first brings the two maps that it reads to its own size and channels."""

    def __init__(self, cell: Cell, current: _Map, previous: _Map | None, filters: int, stride: int):
        super().__init__()
        self.cell = cell
        self.current = nn.Sequential(nn.ReLU(), *conv_norm(current.channels, filters, 1))
        channels = [filters] * (2 + len(cell.blocks))
        self.previous: nn.Module = nn.Identity()
        if previous is None:  # the first cell reads the stem twice, the second time as it is
            channels[1] = current.channels
        else:
            stride_between = 1 + current.halvings - previous.halvings
            self.previous = _fit(previous.channels, filters, stride_between, nn.ReLU())
        strides = [stride, stride] + [1] * len(cell.blocks)
        self.operations = nn.ModuleList(
            OPERATIONS[operation](channels[state], filters, strides[state])
            for operation, state in chain(*cell.blocks)
        )
        inputs = [state for state in cell.outputs if state < 2]
        fits = {str(state): _fit(channels[state], filters, stride) for state in inputs}
        self.outputs = nn.ModuleDict(fits)
        size, halvings = -(-current.size // stride), current.halvings + stride - 1
        self.output = _Map(filters * len(cell.outputs), size, halvings)
        self.keep: float = 1.0
        self.generator: torch.Generator | None = None

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        states = [self.current(current), self.previous(previous)]
        operations = iter(self.operations)
        for block in self.cell.blocks:
            left, right = (self._drop(step, next(operations)(states[step.state])) for step in block)
            states.append(left + right)
        for state, fit in self.outputs.items():
            states[int(state)] = fit(states[int(state)])
        return torch.cat([states[state] for state in self.cell.outputs], 1)

    def _drop(self, step: Step, path: Tensor) -> Tensor:
        if not self.training or self.keep == 1 or step.operation == "id":
            return path
        # Draws are those of the whole batch, of which a rank has its share.
        shape = parallel.size() * len(path), 1, 1, 1
        draws = torch.rand(shape, generator=self.generator, device=path.device)
        return path * ((parallel.share(draws) < self.keep) / self.keep).to(path.dtype)


class _FactorizedReduction(nn.Module):
    """Halves a map by two strided 1 x 1 convolutions, the second on the map shifted by a pixel."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.straight = Convolution(inputs, outputs // 2, 1, 2, bias=False)
        self.shifted = Convolution(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.normalization = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.normalization(torch.cat([self.straight(x), self.shifted(shifted)], 1))


class _Depthwise(nn.Conv2d):
    """A convolution with a kernel of its own for every channel.

    On a CPU always in its weights' format: in bfloat16 whole cell networks train at 0.55 to 0.75 of
    the speed (Xeon with AMX, torch 2.15, five cells with F = 8 on 16 x 16 pixels).
    """

    def __init__(self, channels: int, kernel: int, stride: int):
        padding = kernel // 2
        super().__init__(channels, channels, kernel, stride, padding, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.to(self.weight.dtype))


def _fit(inputs: int, outputs: int, stride: int, *before: nn.Module) -> nn.Module:
    """Return what brings a map to a size and number of channels, by as little as that takes."""
    if stride == 2:
        return nn.Sequential(*before, _FactorizedReduction(inputs, outputs))
    if inputs != outputs:
        return nn.Sequential(*before, *conv_norm(inputs, outputs, 1))
    return nn.Identity()


def _identity(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.ReLU(), *conv_norm(inputs, outputs, 1, stride))


def _pooling(pool: Callable[..., nn.Module], inputs: int, outputs: int, stride: int) -> nn.Module:
    widen = conv_norm(inputs, outputs, 1) if inputs != outputs else []
    return nn.Sequential(pool(3, stride, padding=1), *widen)


def _dilated(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), *conv_norm(inputs, outputs, 3, stride, 2))


def _symmetric(inputs: int, outputs: int, stride: int) -> nn.Module:
    across = nn.Conv2d(inputs, outputs, (1, 7), (1, stride), padding=(0, 3), bias=False)
    down = nn.Conv2d(outputs, outputs, (7, 1), (stride, 1), padding=(3, 0), bias=False)
    return nn.Sequential(nn.ReLU(), across, down, nn.BatchNorm2d(outputs))


def _separable(kernel: int, inputs: int, outputs: int, stride: int) -> nn.Module:
    layers = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        layers += [nn.ReLU(), _Depthwise(channels, kernel, step)]
        layers += conv_norm(channels, outputs, 1)
    return nn.Sequential(*layers)


OPERATIONS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "id": _identity,
    "avg3": partial(_pooling, partial(nn.AvgPool2d, count_include_pad=False)),
    "max3": partial(_pooling, nn.MaxPool2d),
    "dil3": _dilated,
    "1x7-7x1": _symmetric,
    "sep3": partial(_separable, 3),
    "sep5": partial(_separable, 5),
    "sep7": partial(_separable, 7),
}


def _auxiliary(read: _Map, classes: int) -> nn.Module:
    size, pooled = f"{read.size} x {read.size}", (read.size - 5) // 3 + 1
    if pooled < 1:
        raise ValueError(f"the auxiliary classifier reads maps of {size}, expected 5 x 5 or more")
    narrowed = [nn.ReLU(), nn.AvgPool2d(5, 3), *conv_norm(read.channels, 128, 1), nn.ReLU()]
    widened = [nn.Conv2d(128, 768, pooled, bias=False), nn.BatchNorm2d(768), nn.ReLU()]
    return nn.Sequential(*narrowed, *widened, nn.Flatten(), nn.Linear(768, classes))
