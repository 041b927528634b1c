"""Figures of the images, of how the teacher learns, and of its RDMs."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sage.images import objects
from sage.images.datasets import EACH, Dataset
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
        count = len(objects.CATEGORIES) * EACH
        views, order = objects.render(count, size=96, each=EACH, difficulty=0, clutter=0)
        sheet = views[order.argsort()].reshape(-1, EACH, 3, 96, 96)
        style.show_images(axes[0], sheet, objects.CATEGORIES)
        axes[0].set_title("every object\nfrom its best-known side, 96 x 96 pixels")
    return figure


@style.applied
def learning_curve(curve: xr.Dataset) -> Figure:
    """Draw accuracy on validation images and training loss against epochs.

    Args:
        curve: accuracy in [0, 1] and training_loss in nats over epoch; as attributes the teacher's
            name, and accuracies by chance and of a linear classifier on pixels.
    """
    figure, axes = style.grid(2, sharey=False, figsize=(2 * COLUMN, 2.3))
    left, right = axes
    left.plot(curve.epoch, curve.accuracy, "o-")
    right.plot(curve.epoch, curve.training_loss, "o-")
    left.set(ylim=(0, None), title="validation accuracy")
    style.accuracy_axis(left, "")
    for told in ("linear", "chance"):
        level, text = curve.attrs[told], {"linear": "linear classifier on pixels"}.get(told, told)
        left.axhline(level, color="0.5", ls=":", lw=1)
        end = curve.epoch[-1]
        left.annotate(text, (end, level), (0, 2), textcoords="offset points", ha="right")
    right.set(title="training loss (nats), mean over an epoch")
    figure.suptitle(curve.attrs["teacher"])
    for axis in axes:
        axis.set(xlabel="epochs")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.letter(axes)
    return figure


@style.applied
def teacher_rdms(bank: xr.Dataset, categories: Mapping[str, Sequence[str]]) -> Figure:
    """Draw a teacher's RDMs, a row of layers per level, as percentiles.

    Args:
        bank: see `Teacher.bank`.
        categories: by level that is drawn, the category of each stimulus.
    """
    drawn = {(one.level, one.layer): one for one in bank.values() if one.level in categories}
    levels, layers = (list(dict.fromkeys(names)) for names in zip(*drawn))
    size = (1.9 + 1.9 * len(layers), 2.1 * len(levels))
    figure, axes = style.grid(len(levels) * len(layers), len(layers), sharey="row", figsize=size)
    panels = dict(zip(product(levels, layers), axes))
    for (level, layer), one in drawn.items():
        groups = categories[level]
        style.show_rdm(panels[level, layer], one.values, groups)
        panels[level, layer].set_title(f"{layer}, {style.counted(groups, level)}")
    style.letter(axes)
    style.percentile_bar(axes)
    return figure


@style.applied
def rdms_beside(rdms: Mapping[str, np.ndarray], groups: Sequence[str]) -> Figure:
    """Draw condensed RDMs of the same stimuli in a row, by their titles.

    Args:
        groups: of each stimulus, which of one kind stand together.
    """
    figure, axes = style.grid(len(rdms), figsize=(1.9 + 2.2 * len(rdms), 2.6))
    for axis, (title, values) in zip(axes, rdms.items()):
        style.show_rdm(axis, values, groups)
        axis.set_title(title)
    style.letter(axes)
    style.percentile_bar(axes)
    return figure
