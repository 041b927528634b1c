"""The baseline that any network has to beat: a linear classifier on pixels."""

import torch
from torch import Tensor

from sage.images.datasets import Images
from sage.images.preprocessing import standardise

# Relative to the mean squared singular value: from hardly any to nearly all of the weights' freedom removed.
PENALTIES = tuple(10.0**power for power in range(-3, 3))


def accuracy(train: Images, validation: Images) -> float:
    """Validation accuracy in [0, 1] of ridge regression onto class indicators.

    The penalty is the best of `PENALTIES` on the validation images themselves, in the baseline's favour.

    Source: Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 4.2.
    """
    pixels, seen = _rows(train), _rows(validation)
    centre = pixels.mean(0)
    pixels, seen = pixels - centre, seen - centre
    targets = torch.nn.functional.one_hot(train.labels).float()
    mean = targets.mean(0)
    products, correlations = pixels.T @ pixels, pixels.T @ (targets - mean)
    scale = products.diagonal().mean()
    found = []
    for penalty in PENALTIES:
        ridge = penalty * scale * torch.eye(len(products))
        weights = torch.linalg.solve(products + ridge, correlations)  # [3HW, C]
        scores = seen @ weights + mean
        found.append((scores.argmax(1) == validation.labels).float().mean().item())
    return max(found)


def _rows(images: Images) -> Tensor:
    """[N, 3HW]: the standardised images that networks get too."""
    return standardise(images.images).flatten(1)
