"""Zero-cost proxies: predictions of an untrained network's quality, from one batch.

A proxy is a function of a network, images [B, 3, H, W] float and labels [B] int64 to a number,
higher for a better network as in its source, NaN where it is not defined. Parameters of operations
that nothing reads have a gradient of 0. All proxies process the batch once, but `synflow`, which
takes one image of ones. To add one, write its formula under `@_proxy`, list it in `PROXIES` and in
`PREDICTORS` of analysis/predictors, and raise `REVISION` of search/evaluation. All networks are
trained again then, and new pools cannot be put together with published ones.
"""

import copy
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from math import isfinite, nan

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sage.compute import devices


def _proxy(formula: Callable[..., Tensor]) -> Callable[[nn.Module, Tensor, Tensor], float]:
    """Return a proxy that computes its formula on a copy of the network, in training mode.

    Batch norm goes by the batch, as in the authors' code and in the training that is predicted. The
    copy is in float64, as rounding in float32 would change some proxies.
    """

    @wraps(formula)
    def proxy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
        shape, count = list(images.shape), len(images)
        if shape[1:2] != [3] or len(shape) != 4 or count < 2 or not images.is_floating_point():
            expected = "expected two or more, float [B, 3, H, W]"
            raise ValueError(f"images are {images.dtype} {shape}, {expected}")
        if labels.shape != (count,) or labels.dtype != torch.int64:
            shape = list(labels.shape)
            raise ValueError(f"labels are {labels.dtype} {shape}, expected int64 [{count}]")
        own, value = copy.deepcopy(model).double().train(), nan
        with suppress(FloatingPointError), devices.deterministic():
            value = formula(own, images.double(), labels).item()
        return value if isfinite(value) else nan

    return proxy


@_proxy
def synflow(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the logarithm of the synaptic flow, the sum over parameters of |theta dR/dtheta|.

    R is the sum of the scores for an image of ones, with parameters at their absolute values and
    without batch norm. NaN where the logarithm is above 709, where float64 ends.

    Source: Tanaka et al. 2020, arXiv:2006.05467, algorithm 1; Abdelfattah et al. 2021,
    arXiv:2101.08134, section 3.2, for the sum. The latter's code leaves out batch norm as here, but
    counts only the weights of convolutions and linear layers, also in `grad_norm` and `snip`.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    return _saliency(_finite(model(torch.ones_like(images[:1]))).sum(), model).log()


@_proxy
def naswot(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the log determinant of the kernel [B, B]: on how many rectified units images agree.

    Units are all values that `nn.ReLU` or its function gives, active or not. NaN where the kernel
    is singular: with fewer than B - 1 such units, or with two images of one code.

    Source: Mellor et al. 2021, arXiv:2006.04647v3, section 3; K = N_A - Hamming distance.
    """
    with torch.no_grad(), _Agreement(images) as agreement:
        _finite(model(images))
    values = torch.linalg.eigvalsh(agreement.kernel)
    # Zero as for numpy.linalg.matrix_rank: the logarithm of rounding would pass for a score.
    rounding = values[-1] * len(values) * torch.finfo(values.dtype).eps
    return torch.where(values > rounding, values, 0).log().sum()


@_proxy
def jacob_cov(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return minus the sum of log(v + k) + 1 / (v + k) over eigenvalues v, with k = 1e-5.

    They are of the correlation [B, B] of images' Jacobians, the gradients [3HW] of their summed
    scores. NaN where one does not vary. Batch norm has its initial statistics, unlike in the
    authors' code: by the batch's own, outputs of unrectified batch norm add up to zero.

    Source: Mellor et al. 2020, arXiv:2006.04647v1, section 3, and their code for the score.
    """
    shown = images.clone().requires_grad_()
    total = _finite(model.eval()(shown)).sum()
    (jacobians,) = torch.autograd.grad(total, shown, materialize_grads=True)
    values = torch.linalg.eigvalsh(_finite(torch.corrcoef(jacobians.flatten(1)))) + 1e-5
    return -(values.log() + 1 / values).sum()


@_proxy
def grad_norm(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the sum over parameter tensors of the Euclidean norm of the loss's gradient.

    Source: Abdelfattah et al. 2021, section 3.2.
    """
    loss = functional.cross_entropy(_finite(model(images)), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)
    return torch.as_tensor(sum(gradient.norm() for gradient in gradients))


@_proxy
def snip(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the sum over parameters of the connection sensitivity |theta dL/dtheta|, L the loss.

    Source: Lee et al. 2019, arXiv:1810.02340, algorithm 1, before it is normalised; Abdelfattah et
    al. 2021, section 3.2, for the sum.
    """
    return _saliency(functional.cross_entropy(_finite(model(images)), labels), model)


PROXIES = {proxy.__name__: proxy for proxy in (synflow, naswot, jacob_cov, grad_norm, snip)}


def measure(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Return every proxy of a network by its name; the network is left as it was.

    Args:
        model: at its initial weights; returns scores [B, C] in training mode too.
        images: [B, 3, H, W] float, standardised, on the model's device, two or more.
        labels: [B] int64.
    """
    return {name: proxy(model, images, labels) for name, proxy in PROXIES.items()}


class _Agreement(TorchFunctionMode):
    """Counts for a while, in `kernel` [B, B], on how many rectified units two images agree."""

    def __init__(self, images: Tensor):
        super().__init__()
        self.kernel = images.new_zeros(len(images), len(images))

    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if function is functional.relu:
            active = (output > 0).flatten(1).to(self.kernel.dtype)
            self.kernel += active @ active.T + (1 - active) @ (1 - active).T
        return output


def _finite(values: Tensor) -> Tensor:
    """Return values, all finite: later comparisons and gradients may hide that one is not."""
    if not torch.isfinite(values).all():
        raise FloatingPointError("infinite or NaN")
    return values


def _saliency(total: Tensor, model: nn.Module) -> Tensor:
    """Return the sum over parameters of |theta d total / d theta|."""
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(total, parameters, materialize_grads=True)
    return torch.as_tensor(sum((p * g).abs().sum() for p, g in zip(parameters, gradients)))
