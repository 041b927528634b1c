"""The convolution of both spaces is torch's in everything but the way to it."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from sage.models.convolution import AveragePool, Convolution, MergingConvolution, merge


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kernel, stride", [(1, 1), (1, 2), (1, (2, 1)), (3, 2), ((1, 3), 2)])
def test_numbers_are_those_of_torch(kernel, stride, bias):
    own = Convolution(3, 4, kernel, stride, bias=bias)
    plain = nn.Conv2d(3, 4, kernel, stride, bias=bias)
    plain.load_state_dict(own.state_dict())
    images = torch.randn(2, 3, 9, 12)  # in the order in which torch's own is sound
    found, expected = own(images), plain(images)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    for result in (found, expected):
        (result * weights).sum().backward()
    torch.testing.assert_close(own.weight.grad, plain.weight.grad)


def test_a_strided_convolution_of_single_pixels_trains_on_channels_last_maps():
    """Torch's own writes past its memory here on some processors; the gradient is that of a product
    of matrices.
    """
    convolution = Convolution(3, 8, 1, 2, bias=False).to(memory_format=torch.channels_last)
    images = torch.randn(64, 3, 16, 16)
    for _ in range(30):
        convolution.weight.grad = None
        convolution(images.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    weight = convolution.weight.detach()[:, :, 0, 0].double().requires_grad_()
    pixels = images[:, :, ::2, ::2].double()
    torch.einsum("dc,bchw->bdhw", weight, pixels).square().sum().backward()
    found, expected = convolution.weight.grad[:, :, 0, 0].double(), weight.grad
    # Sums of 4,096 products keep the largest of them to some 5e-7 in single precision.
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_merging_pads_around_and_concatenates():
    large, small = torch.ones(1, 1, 4, 4), torch.full((1, 2, 2, 1), 3.0)
    merged = merge([large, small], (4, 4))
    assert merged.shape == (1, 3, 4, 4)
    assert torch.equal(merged[:, :1], large)
    assert merged[0, 1].tolist() == [[0, 0, 0, 0], [0, 3, 0, 0], [0, 3, 0, 0], [0, 0, 0, 0]]


SIZES = [
    [(9, 9), (2, 2), (2, 2), (9, 9)],
    [(8, 8), (4, 4), (1, 1), (2, 2)],
    [(4, 4), (1, 1)],  # single pixels at an odd place, which a stride of 2 may step over
    [(8, 8), (8, 8)],
    [(8, 2), (2, 8)],  # none is the largest both ways
]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (3, 3), (7, 5), (7, 1)])
def test_a_convolution_of_merged_maps_is_that_of_their_padded_concatenation(kernel, stride, sizes):
    generator = torch.Generator().manual_seed(0)
    channels = [2, 3, 1, 4][: len(sizes)]
    own = MergingConvolution(channels, 5, kernel, stride, bias=True).double()
    plain = nn.Conv2d(
        sum(channels), 5, kernel, stride, tuple(side // 2 for side in kernel)
    ).double()
    plain.load_state_dict(own.state_dict())
    maps = [
        torch.randn(2, count, *size, generator=generator, dtype=torch.float64, requires_grad=True)
        for count, size in zip(channels, sizes)
    ]
    found, expected = own(maps), plain(merge(maps, tuple(map(max, zip(*sizes)))))
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    gradients = torch.autograd.grad((found * weights).sum(), [*maps, *own.parameters()])
    references = torch.autograd.grad((expected * weights).sum(), [*maps, *plain.parameters()])
    torch.testing.assert_close(gradients, references)


def test_products_with_padding_are_left_out():
    maps = [torch.randn(1, 4, 32, 32), torch.randn(1, 64, 4, 4)]
    convolution = MergingConvolution([4, 64], 8, (3, 3), 1, bias=False)
    with FlopCounterMode(display=False) as counter:
        convolution(maps)
    assert counter.get_total_flops() == 2 * 8 * 9 * (4 * 32 * 32 + 64 * 6 * 6)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(8, 8), (5, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("format", [torch.float32, torch.bfloat16, torch.float64])
def test_pooling_averages_pixels_within_the_map(format, size, order):
    generator = torch.Generator().manual_seed(0)
    map, weights = torch.randn(2, 2, 3, *size, generator=generator).to(format)
    map = map.contiguous(memory_format=order).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = AveragePool()(map)
    found.backward(weights)
    reference = map.detach().double().requires_grad_()
    expected = functional.avg_pool2d(reference, 3, 1, 1, count_include_pad=False)
    expected.backward(weights.double())
    rounding = {"rtol": 0.02, "atol": 0.02} if format is torch.bfloat16 else {}
    torch.testing.assert_close(found, expected.to(format), **rounding)
    torch.testing.assert_close(map.grad, reference.grad.to(format), **rounding)
    assert found.is_contiguous(memory_format=order)
    assert not list(AveragePool().state_dict())
