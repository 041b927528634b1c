"""Figures of what searches found. A `table` is that of `comparison.results`."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from sage.analysis.bootstrap import FEWEST_OF_INTERVALS, t_interval
from sage.analysis.summaries import told_epochs
from sage.plots import style
from sage.plots.style import Look
from sage.search.scores import SCORES

SEARCHER_NAMES = {
    "random": "random search",
    "reinforce": "reinforcement learning",
    "tpe": "TPE",
    "evolution": "regularised evolution",
}


@style.applied
def search_progress(table: xr.Dataset) -> Figure:
    """Draw the best mature accuracy that each search has found (the paper's Figure 3)."""
    random = table.random_accuracy.values[np.isfinite(table.random_accuracy)]
    chance = f"mean of {random.size} random architectures"
    columns, label = table.sizes["searcher"], "mature validation\naccuracy"
    figure, axes = style.grid(2 * columns, columns, label, figsize=(0.6 + 1.9 * columns, 4.4))
    for above, below, searcher in zip(axes, axes[columns:], table.searcher.values):
        for axis in (above, below):
            axis.axhline(random.mean(), color="0.5", ls=":", lw=1, label=chance)
            _draw_searches(axis, table.sel(searcher=searcher), by_samples=axis is above)
            style.accuracy_axis(axis, axis.get_ylabel())
        above.set(title=SEARCHER_NAMES.get(searcher, searcher), xlabel="candidates")
        above.set(xticks=table.samples.values)
        below.set(xlabel="training examples", xscale="log")
        below.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_formatter=NullFormatter())
        below.xaxis.set_major_formatter(EngFormatter(sep=""))
    title = f"best of the top {table.attrs['top']} by the search's own score\n"
    title += f"mean and s.d. of n = {table.sizes['run']} runs"
    style.legend_below(axes[0], columns=3, title=title)
    return figure


def _draw_searches(axis: Axes, table: xr.Dataset, *, by_samples: bool) -> None:
    """Draw a line per score and number of epochs: colour is the score, dashes the fewest epochs."""
    styles = dict(zip(table.epochs.values, ("--", "-", "-.", ":") * len(table.epochs)))
    lines = list(product(table.epochs.values, table.score.values))
    for place, (epochs, score) in enumerate(lines):
        line = table.sel(score=score, epochs=epochs)
        x = line.samples if by_samples else line.examples.mean("run")
        # Bars in one place would hide each other.
        x = x + 0.015 * (place - (len(lines) - 1) / 2) * (x.max() if by_samples else x)
        label = f"{SCORES[score].label(table.alpha)}, {told_epochs(epochs)}"
        look: Look = {"color": SCORES[score].colour, "ls": styles[epochs], "label": label}
        y, spread = line.mature_accuracy.mean("run"), line.mature_accuracy.std("run", ddof=1)
        axis.errorbar(x, y, spread, marker="o", elinewidth=0.8, **look)


@style.applied
def finalists(table: xr.Dataset) -> Figure:
    """Draw mature accuracy of every network that a search chose, and of random ones."""
    groups = {"not selected": ("0.5", table.random_accuracy)}
    for searcher, score in product(table.searcher.values, table.score.values):
        label = f"{SEARCHER_NAMES.get(searcher, searcher)}\n{SCORES[score].label(table.alpha)}"
        groups[label] = SCORES[score].colour, table.top_accuracy.sel(searcher=searcher, score=score)
    figure, axis = plt.subplots(figsize=(0.7 + 1.15 * len(groups), 2.8))
    labels = []
    for x, (name, (colour, found)) in enumerate(groups.items()):
        values = found.values[np.isfinite(found.values)]
        beside = x + np.linspace(-0.12, 0.12, len(values)) - 0.1
        axis.plot(beside, values, "o", ms=3.5, mfc="none", color=colour, alpha=0.8)
        mean = t_interval(values, bounds=(0, 1))
        axis.errorbar(x + 0.2, mean.value, style.interval_bars(mean), fmt="D", ms=4, color=colour)
        labels.append(f"{name}\nn = {len(values)}")
    axis.set(xticks=range(len(groups)), xticklabels=labels, xlim=(-0.5, len(groups) - 0.5))
    style.accuracy_axis(axis)
    title = f"each search's top {table.attrs['top']}, best score first, and random architectures\n"
    axis.set_title(
        title + f"diamonds: mean, and from n = {FEWEST_OF_INTERVALS} on its 95 % interval"
    )
    return figure


@style.applied
def final_errors(frame: pd.DataFrame, *measures: str, found: int, images: int) -> Figure:
    """Draw test errors of fully trained networks with their 95 % intervals, a panel per measure.

    Args:
        frame: see `cell_tables.table_2`, its first `found` rows are searched, the rest published.
        measures: the data set's name, or with top-1 or top-5 behind it.
    """
    places = np.arange(len(frame))
    here = places < found
    size = (1.2 + 2.8 * len(measures), 0.9 + 0.24 * len(frame))
    figure, axes = style.grid(len(measures), figsize=size)
    names = frame.index.get_level_values("network")
    for axis, measure in zip(axes, measures):
        errors = frame[[f"{measure} {name}" for name in ("error (%)", "low", "high")]]
        errors = errors.set_axis(["value", "low", "high"], axis=1)
        for label, colour, rows in (("found here", "C1", here), ("published", "C0", ~here)):
            part, look = errors[rows], {"fmt": "o", "ms": 4, "color": colour, "label": label}
            axis.errorbar(part.value, places[rows], xerr=style.interval_bars(part), **look)
        axis.set(yticks=places, yticklabels=names, ylim=(len(frame) - 0.5, -0.5))
        axis.set(xlabel=f"{measure} test error (%)")
    title = f"one training each; bars: 95 % over n = {images:,} images"
    style.legend_below(axes[0], columns=2, title=title)
    return figure
