"""The baseline that any network has to beat: a linear classifier on pixels."""

import torch
from torch.nn.functional import one_hot

from sage.images.datasets import Images
from sage.images.preprocessing import standardise

# Relative to the mean squared singular value: they remove hardly any to nearly all freedom.
PENALTIES = tuple(10.0**power for power in range(-3, 3))


def accuracy(train: Images, validation: Images) -> float:
    """Return the validation accuracy [0, 1] of ridge regression onto class indicators.

    The best of `PENALTIES` is chosen on the validation images, in the baseline's favour.

    Source: Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 4.2.
    """
    # [N, 3HW]: the standardised images that networks get too.
    pixels, shown = (standardise(part.images).flatten(1) for part in (train, validation))
    targets, centre = one_hot(train.labels).float(), pixels.mean(0)
    pixels, shown, mean = pixels - centre, shown - centre, targets.mean(0)
    products, correlations = pixels.T @ pixels, pixels.T @ (targets - mean)
    unit = products.diagonal().mean() * torch.eye(len(products))
    solved = (torch.linalg.solve(products + each * unit, correlations) for each in PENALTIES)
    right = ((shown @ weights + mean).argmax(1) == validation.labels for weights in solved)
    return max(each.float().mean().item() for each in right)
