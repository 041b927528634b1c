"""Copies of a network on the ranks of a group, trained as the one network that they are."""

import torch
from torch import Tensor, nn
from torch.nn.modules import batchnorm
from torch.nn.parallel import DistributedDataParallel

from sage.compute import parallel


def joined(model: nn.Module) -> nn.Module:
    """What to call for a training step on this rank's share of a batch.

    A loss that is the mean over the share leaves on every rank the gradients of its mean over the whole batch. All
    ranks start from rank 0's weights. The network itself stays what it is, parameters and `state_dict` included, but
    that its batch normalisation counts the whole batch; on a single rank it is what is returned.

    Raises:
        ValueError: a layer that would normalise by the share alone.
    """
    if parallel.size() == 1:
        return model
    for name, module in model.named_modules():
        if (
            type(module) is nn.BatchNorm2d
            and module.affine
            and module.track_running_stats
            and module.momentum
        ):
            module.__class__ = (
                WholeBatchNorm  # in place: others hold references to the network's layers
            )
        elif isinstance(module, batchnorm._BatchNorm) and not isinstance(module, WholeBatchNorm):
            raise ValueError(
                f"{name} is {module}, expected BatchNorm2d with weights, momentum and running statistics"
            )
    # A static graph may have parameters without gradients. Torch sends rank 0's buffers before every step, which
    # changes nothing: they are the same everywhere.
    return DistributedDataParallel(model, static_graph=True)


class WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the statistics of the whole batch, of which every rank has an equal share.

    Torch's SyncBatchNorm does the same on GPUs only. This is in use on both kinds of device, so that what tests on CPUs
    show holds for GPUs; it takes one message of 2C values per pass and saves for the backward pass what torch's does.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1 and the gradients below it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape and type."""
        if not self.training:
            return super().forward(x)
        normalised, mean, variance = _Normalise.apply(x, self.weight, self.bias, self.eps)
        count = parallel.whole(x.numel() // x.shape[1])
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked += 1
        return normalised


class _Normalise(torch.autograd.Function):
    """Of a share [B, C, H, W] the normalised values, and of the whole batch mean [C] and variance [C]."""

    @staticmethod
    def forward(context, x, weight, bias, epsilon):
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
    def backward(context, gradient, *_):
        x, weight, mean, scale = context.saved_tensors
        normal, gradient = (x.float() - _map(mean)) * _map(scale), gradient.float()
        own = torch.stack([gradient.sum((0, 2, 3)), (gradient * normal).sum((0, 2, 3))])
        shift, slope = parallel.mean(own) * (x.shape[1] / x.numel())
        towards_x = (gradient - _map(shift) - normal * _map(slope)) * _map(scale * weight)
        return towards_x.to(x.dtype), own[1], own[0], None


def _map(channels: Tensor) -> Tensor:
    """[C] for use with [B, C, H, W]."""
    return channels[:, None, None]
