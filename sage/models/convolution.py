"""Convolutions and pooling that networks of all spaces are made of."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGE = 2 / 3  # of the output; a map that reaches more is padded: leaving out less saves nothing


class Convolution(nn.Conv2d):
    """A convolution; one of 1 x 1 with a stride first picks the pixels, and is then plain.

    This avoids a fault of oneDNN with the same numbers: on maps of few channels, in channels-last
    order, its kernel for this case writes past its memory in the backward pass (oneDNN issue 6035;
    torch 2.15 on a processor with AVX2 and without AVX-512: crashes within 60 steps).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, D, H', W'] of [B, C, H, W]."""
        return self.convolved(x, self.weight, self.bias)

    def convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None, pad: bool = True) -> Tensor:
        """Return `forward` with other weights [D, C, height, width] and bias [D]."""
        if self.kernel_size == (1, 1) and self.stride != (1, 1):
            rows, columns = self.stride
            return functional.conv2d(x[:, :, ::rows, ::columns], weight, bias)
        assert isinstance(self.padding, tuple)
        padding = self.padding if pad else (0, 0)
        return functional.conv2d(x, weight, bias, self.stride, padding, self.dilation, self.groups)


def conv_norm(
    inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    """Return a "same" convolution without biases, and batch normalisation."""
    padding = dilation * (kernel // 2)
    convolution = Convolution(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class AveragePool(nn.Module):
    """The mean over 3 x 3 pixels around each one, of those that lie within the map.

    It is a convolution with ones, divided. Torch's `avg_pool2d` gives the same numbers in 4 times
    the time (both passes, [256, 16, 32, 32] bfloat16, one core with AVX-512, torch 2.15).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, H, W] of [B, C, H, W]."""
        if x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16):
            return _AveragePool.apply(x)
        return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _AveragePool(torch.autograd.Function):
    """Divides sums by numbers of pixels. The gradient is the sums of what was so divided."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        # One for each channel: bfloat16 is slow to divide by less.
        ctx.counts = _sums_around(torch.ones_like(x[:1]))
        return _sums_around(x).div_(ctx.counts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _sums_around(gradient / ctx.counts)


def _sums_around(x: Tensor) -> Tensor:
    channels = x.shape[1]
    with torch.autocast("cpu", enabled=False):  # it would round float32
        return functional.conv2d(x, x.new_ones(channels, 1, 3, 3), padding=1, groups=channels)


class MergingConvolution(Convolution):
    """A "same" convolution of maps that are zero-padded around to the largest and concatenated.

    Products with the maps' padding are left out: the result of a small map is added to the part of
    the output that it reaches. In random networks of the paper's ten layers this saves 28 % of the
    products, with the same numbers up to rounding.

    Args:
        channels: of each map.
        kernel: height and width, odd.
    """

    def __init__(
        self, channels: list[int], outputs: int, kernel: tuple[int, int], stride: int, *, bias: bool
    ):
        padding = kernel[0] // 2, kernel[1] // 2
        super().__init__(sum(channels), outputs, kernel, stride, padding, bias=bias)
        self.channels = channels

    def forward(self, maps: Sequence[Tensor]) -> Tensor:  # type: ignore[override]
        """Return [B, D, H', W'] of maps [B, C_i, H_i, W_i]."""
        whole = max(m.shape[2] for m in maps), max(m.shape[3] for m in maps)
        groups = defaultdict(list)  # maps and their weights, by the size that they are padded to
        for m, weight in zip(maps, self.weight.split(self.channels, 1)):
            size = m.shape[2], m.shape[3]
            rows, columns = map(_reach, size, whole, self.kernel_size, self.stride)
            # A stride may step over all of a map, which still gets a gradient.
            small = 0 < rows.part * columns.part <= LARGE
            groups[size if small else whole].append((m, weight))
        if len(groups) == 1 or whole not in groups:
            return super().forward(merge(maps, whole))
        members, weights = zip(*groups.pop(whole))
        output = self.convolved(merge(members, whole), _joined(weights), self.bias)
        for size, group in groups.items():
            members, weights = zip(*group)
            rows, columns = map(_reach, size, whole, self.kernel_size, self.stride)
            padded = functional.pad(merge(members, size), (*columns.around, *rows.around))
            part = self.convolved(padded, _joined(weights), None, pad=False)
            output = _AddedTo.apply(output, part, rows.places, columns.places)
        return output


def merge(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Return maps [B, C_i, H_i, W_i] zero-padded around to (H, W) and concatenated."""
    padded = []
    for m in maps:
        rows, columns = size[0] - m.shape[2], size[1] - m.shape[3]
        around = columns // 2, columns - columns // 2, rows // 2, rows - rows // 2
        padded.append(functional.pad(m, around) if any(around) else m)
    return _joined(padded)


def _joined(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, 1)


class _Reach(NamedTuple):
    """The part of the output that a padded map reaches along one axis."""

    places: slice
    part: float  # of all places
    around: tuple[int, int]  # padding with which the map alone gives these places; a cut if < 0


def _reach(size: int, whole: int, kernel: int, stride: int) -> _Reach:
    padding, offset = kernel // 2, (whole - size) // 2
    count = (whole + 2 * padding - kernel) // stride + 1
    first = max(0, -(-(offset + padding - kernel + 1) // stride))
    last = min(count - 1, (offset + size - 1 + padding) // stride)
    start, end = first * stride - padding, last * stride - padding + kernel
    around = offset - start, end - (offset + size)
    return _Reach(slice(first, last + 1), (last + 1 - first) / count, around)


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
