"""Figures of the images, of how the teacher learns, and of its RDMs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sage.images import objects
from sage.images.datasets import Dataset
from sage.plots import style
from sage.plots.style import COLUMN


@style.applied
def training_images(images: Dataset) -> Figure:
    """Draw training images as networks are shown them, some of each class in a row.

    Beside those that are rendered here stands every object in its best-known view.
    """
    rendered = images.name == "objects"
    figure, axes = style.grid(1 + rendered, figsize=((1 + rendered) * COLUMN, 1), sharey=False)
    pixels, labels = images.train.images.numpy(), images.train.labels.numpy()
    drawn = style.show_examples(axes[-1], pixels, labels, images.classes)
    figure.set_figheight(0.6 + 0.36 * max(drawn, 8 * rendered))
    size = f"{pixels.shape[3]} x {pixels.shape[2]} pixels"
    classes = f"{drawn} of {len(images.classes)} classes, {size}"
    axes[-1].set_title(f"training images as shown to networks\n{classes}")
    if rendered:
        views, order = objects.render(64, size=96, difficulty=0)
        sheet = views[order.argsort()].reshape(8, 8, 3, 96, 96)
        style.show_images(axes[0], sheet, objects.CATEGORIES)
        axes[0].set_title("every object\nfrom its best-known side, 96 x 96 pixels")
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
