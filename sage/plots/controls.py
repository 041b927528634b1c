"""Figures of controls of many draws, and of networks that teach each other."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sage.analysis import planned
from sage.analysis.bootstrap import cell
from sage.analysis.predictors import CHOSEN, display_name
from sage.analysis.summaries import told_epochs
from sage.plots import style
from sage.plots.predictors import FAMILY_COLOURS, WIDE

COLOURS = {"shuffled": "0.6", "untrained": "C8", "before training": "C4"}
NAMES = {
    "shuffled": "shuffled\nteachers",
    "untrained": "untrained\nteachers",
    "before training": "candidates\nbefore training",
}
LADDER = {"TG": "C2", "P + alpha TG": "C3"}


@style.applied
def controls(against: Mapping[str, xr.Dataset], epochs: tuple[float, ...]) -> Figure:
    """Draw r of P, of P + alpha TG by the teacher, and by every draw of its controls.

    Args:
        against: `draws.against_draws` by the name of the networks.
        epochs: a row of panels for each.
    """
    panels = [(epoch, name) for epoch in epochs for name in against]
    size = (1.4 + 2.9 * len(against), 0.9 + 1.7 * len(epochs))
    figure, axes = style.grid(len(panels), len(against), figsize=size, sharex=True)
    for axis, (epoch, name) in zip(axes, panels):
        one = against[name].sel(epoch=epoch, statistic="spearman")
        axis.axvline(one.alone[0], color="C0", lw=1.2, ls="--", label="P alone")
        axis.axvline(
            one.teacher[0], color="C3", lw=1.5, label=f"{display_name(CHOSEN)} by the teacher"
        )
        frame = one.r.to_dataframe().reset_index().dropna(subset="r")
        counts = frame.control.value_counts()
        names = {one: f"{counts[one]} {NAMES[one]}".removeprefix("1 ") for one in counts.index}
        frame["by"] = frame.control.map(names)
        look = {"size": 2.4, "alpha": 0.8, "warn_thresh": 1, "legend": False, "ax": axis}
        sns.swarmplot(frame, x="r", y="by", hue="control", palette=COLOURS, **look)
        axis.set(title=f"{name}, after {told_epochs(epoch)}", ylabel="")
        axis.set_xlabel("Spearman's r with mature accuracy")
        axis.label_outer()
    style.letter(axes)
    title = f"{display_name(CHOSEN)} by the teacher, and by controls: a dot for each draw"
    style.legend_below(axes[0], columns=2, title=fill(title, 44 * len(against)))
    return figure


@style.applied
def objects(assessed: xr.Dataset, judged: xr.Dataset, names: Sequence[str]) -> Figure:
    """Draw r of predictors, a panel for each amount of training, and below the planned contrasts.

    Args:
        assessed: see `predictivity.assess`.
        judged: see `planned.judge_objects`.
        names: of the predictors to show, from above.
    """
    epochs = judged.epoch.values.tolist()
    primary = planned.primary(judged)
    layout: Any = [epochs, [""] * len(epochs)]
    heights = [len(names), 1.9 * len(primary)]
    size = (WIDE, 1.9 + 0.19 * sum(heights))
    figure, axes = plt.subplot_mosaic(layout, figsize=size, height_ratios=heights)
    family, places = assessed.family.to_series(), np.arange(len(names))
    for epoch in epochs:
        axis, one = axes[epoch], assessed.sel(epoch=epoch, statistic="spearman")
        for place, name in zip(places, names):
            row = one.sel(predictor=name)
            look = {"fmt": "o", "color": FAMILY_COLOURS[family[name]]}
            axis.errorbar(row.value, place, xerr=style.interval_bars(row), **look)
        axis.set(yticks=places, yticklabels=map(display_name, names), ylim=(len(names) - 0.5, -0.5))
        axis.set(title=f"after {told_epochs(epoch)}", xlabel="Spearman's r")
        axis.axvline(0, color="0.5", lw=0.8)
        if epoch != epochs[0]:
            axis.sharex(axes[epochs[0]])
            axis.tick_params(labelleft=False)
    axis, rows = axes[""], np.arange(len(primary))
    axis.axvline(0, color="0.5", lw=0.8)
    ends = style.interval_bars(primary.to_xarray())
    axis.errorbar(primary.value, rows, xerr=ends, fmt="o", color="k")
    axis.set(yticks=rows, yticklabels=primary.index, ylim=(len(primary) - 0.5, -0.5))
    axis.set(xlabel="difference of Spearman's r", title="the planned comparisons")
    for one in axes.values():
        one.grid(axis="y", lw=0.3, color="0.9")
        one.tick_params(axis="y", length=0, labelsize=7)
    style.letter(axes.values())
    count = int(judged.n.max())
    figure.suptitle(f"Guidance by 92 objects, on {count} networks that nobody had looked at")
    return figure


@style.applied
def ladder(judged: xr.Dataset, epochs: tuple[float, ...]) -> Figure:
    """Draw how well a teacher's checkpoints guide, by what they know.

    Args:
        judged: `draws.by_teacher`, with the teachers' accuracy as a coordinate.
        epochs: of candidates, a panel for each.
    """
    label = "Spearman's r with\nmature accuracy"
    size = (2.6 * len(epochs) + 0.4, 2.9)
    figure, axes = style.grid(len(epochs), label=label, figsize=size, sharey=True)
    for axis, epoch in zip(axes, epochs):
        for name, colour in LADDER.items():
            one = judged.sel(epoch=epoch, score=name).sortby("accuracy")
            options = {"color": colour, "ms": 4, "lw": 1, "elinewidth": 0.6, "label": name}
            axis.errorbar(one.accuracy, one.value, style.interval_bars(one), fmt="o-", **options)
        p = judged.sel(epoch=epoch, score="P + alpha TG") - judged.sel(epoch=epoch, score="gain")
        axis.axhline(p.value.mean(), color="C0", lw=1.2, ls="--", label="P alone")
        axis.set_title(f"candidates after {told_epochs(epoch)}")
        style.accuracy_axis(axis, "the teacher's accuracy", of="x")
    style.letter(axes)
    title = "What a teacher must know: how well its checkpoints guide"
    style.legend_below(axes[0], columns=3, title=title)
    return figure


@style.applied
def teaching(
    taught: xr.Dataset, mature: xr.DataArray, epochs: tuple[float, ...], *, chance: float
) -> Figure:
    """Draw how well each network teaches the others by how good it becomes itself."""
    label = "Spearman's r of the others'\nTG with mature accuracy"
    figure, axes = style.grid(len(epochs), label=label, figsize=(3.4 * len(epochs) + 0.4, 3))
    own = mature.sel(network=taught.teacher.values)
    for axis, epoch in zip(axes, epochs):
        one = taught.sel(epoch=epoch)
        sns.scatterplot(x=own, y=one.taught, s=14, alpha=0.7, color="C2", lw=0, ax=axis)
        axis.axhline(0, color="0.5", lw=0.8)
        relation = f"Spearman's r = {cell(one.value, one.low, one.high)}"
        axis.set_title(f"others after {told_epochs(epoch)}\n{relation}")
        axis.set_ylabel(label)
        own_label = "the teaching network's mature accuracy\n"
        axis.xaxis.set_major_locator(MaxNLocator(5))
        style.accuracy_axis(axis, own_label, of="x", chance=chance)
        axis.label_outer()
    style.letter(axes)
    figure.suptitle(f"How well each of {np.size(own)} networks teaches all others")
    return figure
