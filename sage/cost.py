"""What a network costs."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(model: nn.Module) -> int:
    """Number of trained values, without those of an auxiliary classifier, which only training has."""
    return sum(value.numel() for name, value in model.named_parameters() if not name.startswith("auxiliary."))


@torch.inference_mode()
def multiply_adds(model: nn.Module, image_size: int) -> int:
    """Multiplications with addition for one image, in convolutions and linear layers."""
    training = model.training
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, image_size, image_size, device=device))
    model.train(training)
    return counter.get_total_flops() // 2
