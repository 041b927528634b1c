"""Figures of controls of many draws, and of networks that teach each other."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sage.analysis.summaries import told_epochs
from sage.plots import style

COLOURS = {"shuffled": "#8c564b", "untrained": "#bcbd22", "before training": "#9467bd"}

LADDER = {"TG": "tab:green", "P + alpha TG": "tab:blue"}


@style.applied
def controls(against: Mapping[str, xr.Dataset], epochs: tuple[float, ...]) -> Figure:
    """Draw r of P and guidance by the teacher, and by every draw of its controls.

    Args:
        against: `draws.against_draws` by the name of the networks.
        epochs: a row of panels for each.
    """
    panels = [(epoch, name) for epoch in epochs for name in against]
    size = (3.1 * len(against), 2.4 * len(epochs) + 0.5)
    figure, axes = style.grid(len(panels), len(against), figsize=size, sharex=True, sharey="row")
    for axis, (epoch, name) in zip(axes, panels):
        one = against[name].sel(epoch=epoch, statistic="spearman")
        for place, (control, colour) in enumerate(COLOURS.items()):
            drawn = one.r.sel(control=control).values
            beside = np.random.default_rng(0).uniform(-0.15, 0.15, drawn.size)
            axis.plot(place + beside * (drawn.size > 1), drawn, "o", color=colour, alpha=0.6)
        axis.axhline(one.teacher[0], color="tab:green", lw=1.5, label="the teacher")
        title = f"{name}, after {told_epochs(epoch)}"
        axis.set(title=title, ylabel="Spearman's r with\nmature accuracy")
        counts = one.r.notnull().sum("draw")
        labels = [f"{control}\nn = {counts.sel(control=control).item()}" for control in COLOURS]
        axis.set_xticks(range(len(labels)), labels)
    title = "P + a TG by the teacher (line) and by each draw of a control's TG (dots)"
    style.legend_below(axes[0], columns=2, title=title)
    return figure


@style.applied
def ladder(judged: xr.Dataset, epochs: tuple[float, ...]) -> Figure:
    """Draw how well a teacher's checkpoints guide, by what they know.

    Args:
        judged: `draws.by_teacher`, with the teachers' accuracy as a coordinate.
        epochs: of candidates, a panel for each.
    """
    label = "Spearman's r with\npublished accuracy"
    size = (2.6 * len(epochs) + 0.4, 2.9)
    figure, axes = style.grid(len(epochs), label=label, figsize=size, sharey=True)
    for axis, epoch in zip(axes, epochs):
        for name, colour in LADDER.items():
            one = judged.sel(epoch=epoch, score=name).sortby("accuracy")
            options = {"color": colour, "ms": 4, "lw": 1, "elinewidth": 0.6, "label": name}
            axis.errorbar(one.accuracy, one.value, style.interval_bars(one), fmt="o-", **options)
        p = judged.sel(epoch=epoch, score="P + alpha TG") - judged.sel(epoch=epoch, score="gain")
        axis.axhline(p.value.mean(), color="0.3", lw=1, ls="--", label="P alone")
        axis.set(title=f"candidates after {told_epochs(epoch)}", xlabel="the teacher's accuracy")
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    style.legend_below(axes[0], columns=3, title="what a teacher must know")
    return figure


@style.applied
def teaching(taught: xr.Dataset, mature: xr.DataArray, epochs: tuple[float, ...]) -> Figure:
    """Draw how well each network teaches the others by how good it becomes itself."""
    label = "Spearman's r of the others'\nTG with mature accuracy"
    figure, axes = style.grid(len(epochs), label=label, figsize=(2.9 * len(epochs) + 0.4, 2.9))
    own = mature.sel(network=taught.teacher.values)
    for axis, epoch in zip(axes, epochs):
        one = taught.sel(epoch=epoch)
        axis.scatter(own, one.taught, s=9, alpha=0.6, color="tab:green", lw=0)
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        relation = f"Spearman's r = {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
        axis.set_title(f"others after {told_epochs(epoch)}\n{relation}")
        axis.set(xlabel="the teaching network's mature accuracy")
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.suptitle(f"each of {np.size(own)} networks as the teacher of all others")
    return figure
