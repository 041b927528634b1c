"""Networks of the paper's convolutional space."""

from dataclasses import asdict

import torch
from torch import Tensor, nn

from sage.models.convolution import MergingConvolution
from sage.spaces import Layer

ACTIVATIONS = {"identity": nn.Identity, "relu": nn.ReLU}


class ConvolutionalNetwork(nn.Module):
    """A feedforward graph of convolutions.

    Inputs of different size are zero-padded to the largest and concatenated; outputs that no layer
    reads are averaged over space and concatenated before the linear classifier.

    Args:
        layers: from `spaces.cnn_layers`.
        width: factor on every filter count, at least one filter remains.

    Source: supplement of the paper; Zoph and Le 2017 for merging and unread outputs.
    """

    def __init__(self, layers: tuple[Layer, ...], *, classes: int, width: float = 1.0):
        super().__init__()
        # For files, see `saved`.
        self.settings = dict(layers=[asdict(one) for one in layers], classes=classes, width=width)
        channels = [3, *(max(1, round(width * layer.filters)) for layer in layers)]
        self.inputs = [layer.inputs for layer in layers]
        read = {source for inputs in self.inputs for source in inputs}
        self.unread = [index for index in range(1, len(channels)) if index not in read]
        self.layers = nn.ModuleList(
            _convolution(layer, [channels[source] for source in layer.inputs], channels[index])
            for index, layer in enumerate(layers, 1)
        )
        self.layer_names = tuple(f"layers.{index}" for index in range(len(layers)))
        self.classifier = nn.Linear(sum(channels[index] for index in self.unread), classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, C] of standardised images [B, 3, H, W]."""
        outputs = [images]
        for layer, inputs in zip(self.layers, self.inputs):
            outputs.append(layer([outputs[source] for source in inputs]))
        return self.classifier(torch.cat([outputs[index].mean((2, 3)) for index in self.unread], 1))


def _convolution(layer: Layer, inputs: list[int], outputs: int) -> nn.Sequential:
    plain = layer.normalization == "none"
    convolution = MergingConvolution(inputs, outputs, layer.kernel, layer.stride, bias=plain)
    rectified = layer.activation == "relu"
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu" if rectified else "linear")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    normalization = nn.Identity() if plain else nn.BatchNorm2d(outputs)
    return nn.Sequential(convolution, normalization, ACTIVATIONS[layer.activation]())
