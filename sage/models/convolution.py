"""Convolutions that networks of both spaces are made of."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# A map that reaches more of the output than this part is padded to the largest map; less than this saves nothing.
LARGE = 2 / 3


class Convolution(nn.Conv2d):
    """A convolution; one of 1 x 1 with a stride reads the pixels that its stride leaves, and is then plain.

    The same numbers, without a fault of oneDNN: on maps of few channels, in channels-last order, its own kernel for
    this case writes past its memory in the backward pass (uxlfoundation/oneDNN issue 6035; torch 2.15 on a processor
    with AVX2 and without AVX-512: crashes within 60 steps).
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, D, H', W']."""
        return self.convolved(x, self.weight, self.bias, self.padding)

    def convolved(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]
    ) -> Tensor:
        """As `forward`, with other weights [D, C, height, width] and bias [D]."""
        if self.kernel_size != (1, 1) or self.stride == (1, 1):
            return functional.conv2d(
                x, weight, bias, self.stride, padding, self.dilation, self.groups
            )
        rows, columns = self.stride
        return functional.conv2d(x[:, :, ::rows, ::columns], weight, bias)


class MergingConvolution(Convolution):
    """A convolution of maps that are zero-padded around to the largest and concatenated; its own padding is "same".

    The same numbers up to rounding, but products with the maps' padding are left out: what comes of a small map is
    added to the part of the output that it reaches. Of the products in random networks of the paper's ten layers this
    saves 28 %.

    Args:
        channels: of each map. kernel: height and width, odd.
    """

    def __init__(
        self,
        channels: Sequence[int],
        outputs: int,
        kernel: tuple[int, int],
        stride: int,
        *,
        bias: bool,
    ):
        super().__init__(
            sum(channels), outputs, kernel, stride, (kernel[0] // 2, kernel[1] // 2), bias=bias
        )
        self.channels = list(channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps [B, C_i, H_i, W_i] to [B, D, H', W']."""
        whole = max(m.shape[2] for m in maps), max(m.shape[3] for m in maps)
        groups = defaultdict(list)
        for index, m in enumerate(maps):
            groups[self._padded_size(tuple(m.shape[2:]), whole)].append(index)
        if len(groups) == 1 or whole not in groups:
            return super().forward(merge(maps, whole))
        weights = self.weight.split(self.channels, 1)

        def merged(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
            members = groups.pop(size)
            return merge([maps[index] for index in members], size), _joined(
                [weights[index] for index in members]
            )

        output = self.convolved(*merged(whole), self.bias, self.padding)
        for size in list(groups):
            rows, columns = self._reach(size, whole)
            small, weight = merged(size)
            small = functional.pad(small, (columns.before, columns.after, rows.before, rows.after))
            part = self.convolved(small, weight, None, (0, 0))
            output = _AddedTo.apply(output, part, slice(*rows.places), slice(*columns.places))
        return output

    def _padded_size(self, size: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int]:
        """What a map is padded to: the size of the largest, or not at all."""
        rows, columns = self._reach(size, whole)
        part = rows.part * columns.part
        return (
            size if 0 < part <= LARGE else whole
        )  # a stride may step over all of a map, which gets a gradient still

    def _reach(self, size: tuple[int, int], whole: tuple[int, int]) -> list["_Reach"]:
        return [_reach(*axis) for axis in zip(size, whole, self.kernel_size, self.stride)]


def merge(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Maps [B, C_i, H_i, W_i] zero-padded around to a size (H, W) and concatenated [B, sum C_i, H, W]."""
    return _joined([_pad(m, size[0] - m.shape[2], size[1] - m.shape[3]) for m in maps])


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, 1)


def _pad(m: Tensor, rows: int, columns: int) -> Tensor:
    if not rows and not columns:
        return m
    return functional.pad(m, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


class _Reach(NamedTuple):
    """What a padded map reaches along one axis.

    Args:
        places: of the output, first and end. part: of all places. before, after: padding, or cut if negative, with
            which a convolution of the map alone gives just these places.
    """

    places: tuple[int, int]
    part: float
    before: int
    after: int


def _reach(size: int, whole: int, kernel: int, stride: int) -> _Reach:
    padding, offset = kernel // 2, (whole - size) // 2
    count = (whole + 2 * padding - kernel) // stride + 1
    first = max(0, -(-(offset + padding - kernel + 1) // stride))
    last = min(count - 1, (offset + size - 1 + padding) // stride)
    before, end = offset - (first * stride - padding), last * stride - padding + kernel
    return _Reach((first, last + 1), (last + 1 - first) / count, before, end - (offset + size))


class _AddedTo(torch.autograd.Function):
    """Adds to a part of a map, in place. The gradient is that of the map, and a view of it."""

    @staticmethod
    def forward(ctx, whole: Tensor, part: Tensor, rows: slice, columns: slice) -> Tensor:
        ctx.mark_dirty(whole)
        ctx.place = rows, columns
        whole[:, :, rows, columns] += part
        return whole

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:
        rows, columns = ctx.place
        return gradient, gradient[:, :, rows, columns], None, None
