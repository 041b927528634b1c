"""The convolution of both spaces is torch's in everything but the way to it."""

import pytest
import torch
from torch import nn

from sage.models.convolution import Convolution


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
    for model, result in ((own, found), (plain, expected)):
        (result * weights).sum().backward()
    torch.testing.assert_close(own.weight.grad, plain.weight.grad)


def test_a_strided_convolution_of_single_pixels_trains_on_channels_last_maps():
    """Torch's own writes past its memory here on some processors; the gradient is that of a product of matrices."""
    convolution = Convolution(3, 8, 1, 2, bias=False).to(memory_format=torch.channels_last)
    images = torch.randn(64, 3, 16, 16)
    for _ in range(30):
        convolution.weight.grad = None
        convolution(images.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    weight = convolution.weight.detach()[:, :, 0, 0].requires_grad_()
    torch.einsum("dc,bchw->bdhw", weight, images[:, :, ::2, ::2]).square().sum().backward()
    torch.testing.assert_close(convolution.weight.grad[:, :, 0, 0], weight.grad)
