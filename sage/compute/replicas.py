"""Copies of a network on the ranks of a group, trained as the one network that they are."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import batchnorm
from torch.nn.parallel import DistributedDataParallel

from sage.compute import parallel


def joined(model: nn.Module) -> nn.Module:
    """Return what to call for a training step on this rank's share of a batch.

    A loss that is the mean over the share gives every rank the gradients of the mean over the whole
    batch. All ranks start from rank 0's weights. Batch normalisation becomes one of the whole batch
    inside the network, with the same `state_dict`. A single rank gets the network itself.

    Raises:
        ValueError: a layer that would normalise by the share alone.
    """
    if parallel.size() == 1:
        return model
    for path, parent in list(model.named_modules()):
        for name, child in parent.named_children():
            if isinstance(child, batchnorm._BatchNorm) and not isinstance(child, WholeBatchNorm):
                parent.add_module(name, _whole(child, f"{path}.{name}".lstrip(".")))
    # A static graph may have parameters without gradients. Rank 0's buffers, which torch sends
    # before every step, are the same everywhere.
    return DistributedDataParallel(model, static_graph=True)


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the statistics of the whole batch, of which ranks have equal shares.

    Torch's SyncBatchNorm works on GPUs only; this also on CPUs, where it is tested. It takes one
    message of 2C values per pass and saves for the backward pass what torch's does.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1 and the gradients below it.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, C, H, W], in its own type."""
        if not self.training:
            return super().forward(x)
        normalised, mean, variance = _Normalise.apply(x, self.weight, self.bias, self.eps)
        count = parallel.size() * x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked += 1
        return normalised


def _whole(usual: batchnorm._BatchNorm, path: str) -> WholeBatchNorm:
    """Return a layer with another's parameters and buffers, as SyncBatchNorm converts one."""
    plain = type(usual) is nn.BatchNorm2d and usual.affine and usual.track_running_stats
    if not (plain and usual.momentum):
        expected = "expected BatchNorm2d with weights, momentum and running statistics"
        raise ValueError(f"{path} is {usual}, {expected}")
    new = WholeBatchNorm(usual.num_features, usual.eps, usual.momentum)
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    for shared in ("training", "weight", "bias", *buffers):
        setattr(new, shared, getattr(usual, shared))
    return new


class _Normalise(torch.autograd.Function):
    """Give a share's normalised values, and the whole batch's mean [C] and variance [C]."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Any:
        own = torch.stack(torch.var_mean(x.float(), (0, 2, 3), correction=0))
        variances, means = parallel.gathered(own).unbind(1)  # [ranks, C] each
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        scale = (variance + epsilon).rsqrt()
        context.save_for_backward(x, weight, mean, scale)
        context.mark_non_differentiable(mean, variance)
        normal = (x.float() - _map(mean)) * _map(scale)
        return (normal * _map(weight) + _map(bias)).to(x.dtype), mean, variance

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Any) -> Any:
        x, weight, mean, scale = context.saved_tensors
        normal, gradient = (x.float() - _map(mean)) * _map(scale), gradient.float()
        own = torch.stack([gradient.sum((0, 2, 3)), (gradient * normal).sum((0, 2, 3))])
        shift, slope = parallel.mean(own) * (x.shape[1] / x.numel())
        towards_x = (gradient - _map(shift) - normal * _map(slope)) * _map(scale * weight)
        return towards_x.to(x.dtype), own[1], own[0], None


def _map(channels: Tensor) -> Tensor:
    """Return [C] for use with [B, C, H, W]."""
    return channels[:, None, None]
