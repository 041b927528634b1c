"""Figures of the images, of how the teacher learns, and of its RDMs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sage.plots import style
from sage.plots.style import COLUMN


@style.applied
def image_sheets(sheets: Mapping[str, np.ndarray], rows: Sequence[str]) -> Figure:
    """Draw example images, a grid per sheet with a row per category.

    Args:
        sheets: by title, [R, K, 3, H, W] uint8.
    """
    figure, axes = style.grid(len(sheets), figsize=(2 * COLUMN, COLUMN + 0.2), sharey=False)
    for axis, (title, images) in zip(axes, sheets.items()):
        style.show_images(axis, images, rows)
        axis.set_title(title)
    return figure


@style.applied
def learning_curve(curve: xr.Dataset, *, chance: float, linear: float) -> Figure:
    """Draw accuracy on validation images and training loss against epochs.

    Args:
        curve: accuracy in [0, 1] and training_loss in nats over epoch, and the teacher's name.
        linear: accuracy of a linear classifier on pixels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.3))
    left.plot(curve.epoch, curve.accuracy, "o-", label="teacher")
    left.axhline(linear, color="C1", ls="--", label="linear classifier on pixels")
    left.axhline(chance, color="0.5", ls=":", label="chance")
    left.set(xlabel="epochs", ylim=(0, 1), title=curve.attrs["teacher"])
    style.accuracy_axis(left, "validation accuracy")
    left.legend()
    right.plot(curve.epoch, curve.training_loss, "o-")
    right.set(xlabel="epochs", ylabel="training loss (nats)", title="mean over the epoch")
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@style.applied
def teacher_rdms(bank: xr.Dataset, categories: Mapping[str, Sequence[str]]) -> Figure:
    """Draw a teacher's RDMs, a row per level, each coloured over its own range of values.

    Args:
        bank: see `Teacher.bank`.
        categories: by level that is drawn, the category of each stimulus.
    """
    drawn = {(one.level, one.layer): one for one in bank.values() if one.level in categories}
    levels, layers = (list(dict.fromkeys(names)) for names in zip(*drawn))
    size = (1 + 2.1 * len(layers), 1.9 * len(levels))
    figure, axes = plt.subplots(len(levels), len(layers), figsize=size, squeeze=False)
    for (level, layer), one in drawn.items():
        axis = axes[levels.index(level), layers.index(layer)]
        style.show_rdm(axis, one.values, categories[level])
        axis.set(title=layer, ylabel=f"{level} level, S = {len(categories[level])}")
        axis.label_outer()
    return figure
