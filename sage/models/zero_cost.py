"""Zero-cost proxies: what networks at their initial weights tell of their quality, from one batch.

Each is a function of a network, images [B, 3, H, W] and labels [B] to a number, higher for a network that is predicted
to be better, as in its source; NaN where it is not defined. All compute in float64, since some look at what rounding in
float32 would change. The batch is processed once by each, B examples, forward and (all but `naswot`) backward; only
`synflow` processes one image of ones instead. `PROXIES` names them.
"""

import copy
from collections.abc import Callable
from functools import wraps
from math import isfinite, nan

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sage.compute import devices

Proxy = Callable[[nn.Module, Tensor, Tensor], float]


def _proxy(formula: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> Proxy:
    """A proxy from its formula, which has a copy of the network to itself: in float64, and in training mode.

    So batch norm goes by the batch, as in the authors' code and in the training that is predicted, and the network
    is left as it was: weights, gradients, buffers and mode.
    """

    @wraps(formula)
    def proxy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
        _check(images, labels)
        with devices.deterministic():
            try:
                value = formula(
                    copy.deepcopy(model).double().train(), images.double(), labels
                ).item()
            except FloatingPointError:
                value = nan
        return value if isfinite(value) else nan

    return proxy


@_proxy
def synflow(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Natural logarithm of the synaptic flow, the sum over parameters of |theta dR/dtheta|.

    R is the sum of the scores for an image of ones, with parameters at their absolute values and batch norm left out.
    The flow spans tens of orders of magnitude over a space: its logarithm ranks the same. NaN above 709, where float64
    ends.

    Source: Tanaka et al. 2020, arXiv:2006.05467, algorithm 1; Abdelfattah et al. 2021, arXiv:2101.08134, section 3.2,
    for the sum. The latter's code leaves batch norm out as here, and counts weights of convolutions and linear layers.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    flow = _scores(model, torch.ones_like(images[:1])).sum()
    return _saliency(flow, model).log()


@_proxy
def naswot(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Log determinant of the kernel [B, B] of binary codes: on how many rectified units two images agree.

    Units are all values that `nn.ReLU` or its function gives, active or not. NaN where the kernel is singular:
    without any such unit, with fewer than B - 1 of them, or with two images of one code.

    Source: Mellor et al. 2021, arXiv:2006.04647v3, section 3; K = N_A - Hamming distance.
    """
    with torch.no_grad(), _Agreement(images) as agreement:
        _scores(model, images)
    values = torch.linalg.eigvalsh(agreement.kernel)
    # What numpy.linalg.matrix_rank takes for zero: the logarithm of the rounding would pass for a score.
    rounding = values[-1] * len(values) * torch.finfo(values.dtype).eps
    return torch.where(values > rounding, values, 0).log().sum()


@_proxy
def jacob_cov(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Minus the sum of log(v + k) + 1 / (v + k), k = 1e-5, over eigenvalues v of the Jacobians' correlation [B, B].

    An image's Jacobian is the gradient [3HW] of its summed scores. NaN where one does not vary at all. Batch norm has
    its initial statistics here, unlike in the authors' code: whatever the images are, its outputs by the statistics of
    the batch add up to zero, so that networks which end in it unrectified would have gradients of mere rounding.

    Source: Mellor et al. 2020, arXiv:2006.04647v1, section 3, and their code for the score; Abdelfattah et al. 2021.
    """
    shown = images.clone().requires_grad_()
    (jacobians,) = torch.autograd.grad(_scores(model.eval(), shown).sum(), shown)
    values = torch.linalg.eigvalsh(_finite(torch.corrcoef(jacobians.flatten(1)))) + 1e-5
    return -(values.log() + 1 / values).sum()


@_proxy
def grad_norm(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Sum over the parameter tensors of the Euclidean norm of the loss's gradient.

    Source: Abdelfattah et al. 2021, section 3.2; their code counts weights of convolutions and linear layers.
    """
    return sum(gradient.norm() for _, gradient in _gradients(_loss(model, images, labels), model))


@_proxy
def snip(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Sum over parameters of the connection sensitivity |theta dL/dtheta|, L the loss.

    Source: Lee et al. 2019, arXiv:1810.02340, algorithm 1, before it is normalised; Abdelfattah et al. 2021, section
    3.2, for the sum; their code counts weights of convolutions and linear layers.
    """
    return _saliency(_loss(model, images, labels), model)


PROXIES: dict[str, Proxy] = {
    proxy.__name__: proxy for proxy in (synflow, naswot, jacob_cov, grad_norm, snip)
}


def measure(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Every proxy of a network by its name; the network is left as it was.

    Args:
        model: at its initial weights, gives scores [B, C] also in training mode. images: [B, 3, H, W] standardised, on
            the model's device, two or more. labels: [B] int64.

    Raises:
        ValueError: images or labels of another shape or type.
    """
    return {name: proxy(model, images, labels) for name, proxy in PROXIES.items()}


class _Agreement(TorchFunctionMode):
    """Counts while it lasts, in `kernel` [B, B], on how many rectified units two images agree."""

    def __init__(self, images: Tensor):
        super().__init__()
        self.kernel = images.new_zeros(len(images), len(images))

    def __torch_function__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if function is nn.functional.relu:
            active = (output > 0).flatten(1).to(self.kernel.dtype)
            self.kernel += active @ active.T + (1 - active) @ (1 - active).T
        return output


def _check(images: Tensor, labels: Tensor) -> None:
    if (
        images.ndim != 4
        or images.shape[1] != 3
        or len(images) < 2
        or not images.is_floating_point()
    ):
        raise ValueError(
            f"images are {images.dtype} {list(images.shape)}, expected two or more, float [B, 3, H, W]"
        )
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels are {labels.dtype} {list(labels.shape)}, expected int64 [{len(images)}]"
        )


def _finite(values: Tensor) -> Tensor:
    """The values; raises FloatingPointError if one is infinite or NaN."""
    if not torch.isfinite(values).all():
        raise FloatingPointError("infinite or NaN")
    return values


def _scores(model: nn.Module, images: Tensor) -> Tensor:
    """[B, C], all of them finite: comparisons and gradients may hide that one is not."""
    return _finite(model(images))


def _loss(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(_scores(model, images), labels)


def _gradients(total: Tensor, model: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Every parameter with its gradient."""
    parameters = list(model.parameters())
    return list(zip(parameters, torch.autograd.grad(total, parameters)))


def _saliency(total: Tensor, model: nn.Module) -> Tensor:
    """Sum over parameters of |theta d total / d theta|."""
    return sum(
        (parameter * gradient).abs().sum() for parameter, gradient in _gradients(total, model)
    )
