"""Counts of a network's parameters and multiply-adds."""

from contextlib import ExitStack

import torch
from torch import nn


def parameters(model: nn.Module) -> int:
    """Return the number of trained values, without those of an auxiliary classifier."""
    named = model.named_parameters()
    return sum(value.numel() for name, value in named if not name.startswith("auxiliary."))


@torch.inference_mode()
def multiply_adds(model: nn.Module, image_size: int) -> int:
    """Return the multiply-adds for one image, in convolutions and linear layers.

    Products with padding count as by the definition, even where they are not computed.
    """
    counts, device = [], next(model.parameters()).device

    def count(module, inputs, output):
        places = output[0, 0].numel() if isinstance(module, nn.Conv2d) else 1
        counts.append(module.weight.numel() * places)

    with ExitStack() as afterwards:
        afterwards.callback(model.train, model.training)
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                afterwards.enter_context(module.register_forward_hook(count))
        model.eval()(torch.zeros(1, 3, image_size, image_size, device=device))
    return sum(counts)
