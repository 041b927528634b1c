"""The convolution that networks of both spaces are made of."""

from torch import Tensor, nn


class Convolution(nn.Conv2d):
    """A convolution; one of 1 x 1 with a stride reads the pixels that its stride leaves, and is then plain.

    The same numbers, without a fault of oneDNN: on maps of few channels, in channels-last order, its own kernel for
    this case writes past its memory in the backward pass (uxlfoundation/oneDNN issue 6035; torch 2.15 on a processor
    with AVX2 and without AVX-512: crashes within 60 steps).
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, D, H', W']."""
        if self.kernel_size != (1, 1) or self.stride == (1, 1):
            return super().forward(x)
        rows, columns = self.stride
        return nn.functional.conv2d(x[:, :, ::rows, ::columns], self.weight, self.bias)
