"""The CIFAR residual network, the paper's teacher."""

from torch import Tensor, nn
from torch.nn import functional

from sage.models.convolution import conv_norm


class ResNet(nn.Module):
    """Residual network of 6n + 2 layers for small images, shortcuts without parameters (option A).

    Args:
        blocks: n, residual blocks per stage.
        width: channels of the first stage, doubled in each next one.

    Source: He et al. 2016, section 4.2, doi:10.1109/CVPR.2016.90; n = 9 and width 16 have 853,018
    parameters.
    """

    layer_names = ("stages.0", "stages.1", "stages.2")

    def __init__(self, *, blocks: int, width: int, classes: int):
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(3, width, 3), nn.ReLU())
        first, second = _stage(width, width, blocks, 1), _stage(width, 2 * width, blocks, 2)
        self.stages = nn.Sequential(first, second, _stage(2 * width, 4 * width, blocks, 2))
        self.classifier = nn.Linear(4 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, C] of standardised images [B, 3, H, W]."""
        return self.classifier(self.stages(self.stem(images)).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.stride, added = stride, outputs - inputs
        self.around = 0, 0, 0, 0, added // 2, added - added // 2  # the last two add channels
        first, second = conv_norm(inputs, outputs, 3, stride), conv_norm(outputs, outputs, 3)
        self.body = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = functional.pad(x[:, :, :: self.stride, :: self.stride], self.around)
        return functional.relu(self.body(x) + shortcut)


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    first = _Block(inputs, outputs, stride)
    return nn.Sequential(first, *(_Block(outputs, outputs, 1) for _ in range(blocks - 1)))
