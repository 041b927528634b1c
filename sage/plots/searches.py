"""Figures of what searches found. A `table` is that of `comparison.results`."""

from collections.abc import Mapping
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sage.analysis.published_pools import RANDOM
from sage.analysis.search_tables import ALL, NOTHING, compared_pairs, differences
from sage.analysis.simulated_search import ACCURACY_MATTERS
from sage.analysis.summaries import told_epochs
from sage.plots import style
from sage.search import scores as known

SEARCHER_NAMES = {
    "random": "random search",
    "reinforce": "reinforcement learning",
    "tpe": "TPE",
    "evolution": "regularised evolution",
}


@style.applied
def search_progress(table: xr.Dataset) -> Figure:
    """Draw the best mature accuracy found by what it cost (the paper's Figure 3).

    A panel is of one searcher, the last one of the mean of all where there are several.
    """
    found = {one: table.sel(searcher=one) for one in table.searcher.values.tolist()}
    found = {SEARCHER_NAMES.get(name, name): one for name, one in found.items()}
    if len(found) > 1:
        found["mean of all searchers"] = table.mean("searcher")
    columns = len(found) if len(found) <= 4 else 3
    size = (0.8 + 2.1 * columns, 0.9 + 1.9 * -(-len(found) // columns))
    figure, axes = style.grid(len(found), columns, figsize=size)
    random, count = float(table.random_accuracy.mean()), table.random_accuracy.size
    for axis, (name, one) in zip(axes, found.items()):
        _draw_progress(axis, one, alpha=table.alpha)
        axis.axhline(random, color="0.5", ls="--", lw=1, label=f"mean of {count} {RANDOM}")
        label = "mature validation accuracy\n" if axis.get_subplotspec().is_first_col() else ""
        style.accuracy_axis(axis, label, chance=1 / table.classes)
        axis.set(title=name, xlabel="training examples", xscale="log")
        style.log_costs(axis, subs=(1, 3))
    style.letter(axes)
    style.legend_below(axes[0], columns=columns)
    return figure


def _draw_progress(axis: Axes, table: xr.Dataset, *, alpha: float) -> None:
    """Draw runs as dots and a line through their mean for each score and number of epochs."""
    fewest, scores = table.epochs.values[0], table.score.values.tolist()
    for score, epochs in product(scores, table.epochs.values):
        one = table.mature_accuracy.sel(score=score, epochs=epochs)
        if one.isnull().all():  # the score has epochs of its own
            continue
        beside = 1 + 0.06 * (scores.index(score) - (len(scores) - 1) / 2)  # as all cost the same
        cost = beside * table.examples.sel(score=score, epochs=epochs).mean("run")
        runs = one.assign_coords(cost=cost).to_dataframe().reset_index()
        look: style.Look = {"color": known.find(score).colour, "ax": axis, "x": "cost"}
        look |= {"y": "mature_accuracy", "data": runs, "legend": False}
        sns.scatterplot(**look, s=12, alpha=0.5, lw=0)
        look |= {"errorbar": style.interval_ends, "err_style": "bars", "marker": "o"}
        if epochs == fewest and table.epochs.size > 1:
            look |= {"ls": "--", "mfc": "w", "mec": look["color"]}
        label = f"{known.find(score).label(alpha)} after {told_epochs(epochs)}"
        sns.lineplot(**look, ms=5, label=label)


@style.applied
def search_differences(table: xr.Dataset) -> Figure:
    """Draw by how much guidance finds better networks than other scores, paired by run.

    A panel is one of `search_tables.compared_pairs`; its last row is the mean over searchers.
    """
    if not compared_pairs(table):
        figure, (axis,) = style.grid(1, figsize=(5, 0.6))
        axis.set_axis_off()
        axis.text(0.5, 0.5, NOTHING, ha="center")
        return figure
    found = differences(table).rename("value")
    pairs = [name.split(" minus ") for name in found.contrast.values]
    colours = dict.fromkeys((SEARCHER_NAMES.get(one, one) for one in table.searcher.values), "0.4")
    colours[ALL] = "k"
    size = (1.8 + 2 * len(pairs), 1.6 + 0.3 * len(colours))
    figure, axes = style.grid(len(pairs), figsize=size, sharex=True)
    for axis, runs, (_, rival) in zip(axes, found, pairs):
        least = 100 * ACCURACY_MATTERS
        axis.axvspan(-least, least, color="0.93", lw=0, label="too little to matter")
        axis.axvline(0, color="0.5", lw=0.8)
        shown = runs.to_dataframe().dropna().reset_index()
        shown["group"] = shown.searcher.replace(SEARCHER_NAMES)
        style.draw_runs(axis, shown, colours)
        axis.set(title=fill(f"minus {rival}", 28), xlabel="points of\nmature accuracy")
    style.letter(axes)
    style.legend_below(axes[0], columns=1, title=f"What {pairs[0][0]} finds, each run a dot")
    return figure


@style.applied
def finalists(table: xr.Dataset) -> Figure:
    """Draw mature accuracy of every network that a search chose, and of random ones."""
    random = table.random_accuracy.to_dataframe(name="value").assign(group=RANDOM)
    groups, colours = [random.reset_index()], {RANDOM: "0.5"}
    for searcher, score in product(table.searcher.values, table.score.values):
        name = named(f"{searcher} {score}", table.alpha)
        chosen = table.top_accuracy.sel(searcher=searcher, score=score).to_dataframe(name="value")
        groups.append(chosen.reset_index().assign(group=name))
        colours[name] = known.find(score).colour
    figure, (axis,) = style.grid(1, figsize=(5.4, 0.9 + 0.36 * len(groups)))
    style.draw_runs(axis, pd.concat(groups, ignore_index=True), colours)
    axis.set_title(f"the {table.top} best of each search by its own score")
    style.accuracy_axis(axis, of="x", chance=1 / table.classes)
    return figure


@style.applied
def final_errors(
    frame: pd.DataFrame, accuracies: Mapping[str, xr.DataArray], *, found: int, searched: xr.Dataset
) -> Figure:
    """Draw test errors of fully trained networks with their 95 % intervals, a panel per measure.

    Args:
        frame: see `cell_tables.table_2`, its first `found` rows are searched, the rest published.
        accuracies: [network, training] by measure: the data set's name, or with top-1 or top-5
            behind it.
        searched: the table of the searches.
    """
    measures = list(accuracies)
    errors = frame[f"{measures[0]} error (%)"]  # NaN if a network diverged, whose name stands last
    places = errors.rank(method="first", ascending=False, na_option="top").to_numpy()
    here = np.arange(len(frame)) < found
    size = (1.4 + 2.6 * len(measures), 1 + 0.22 * len(frame))
    figure, axes = style.grid(len(measures), figsize=size)
    networks = frame.index.get_level_values("network")
    names = [named(network, searched.alpha) for network in networks]
    for axis, measure in zip(axes, measures):
        name = f"{measure} error (%)"
        errors = frame[[name, f"{name}, low", f"{name}, high"]] / 100
        errors = errors.set_axis(["value", "low", "high"], axis=1)
        trainings = 1 - accuracies[measure].sel(network=networks).transpose("network", ...).values
        for label, colour, rows in (("found cell", "k", here), ("published cell", "0.6", ~here)):
            dots = {"ls": "", "marker": "o", "ms": 3, "mew": 0, "alpha": 0.6, "color": colour}
            if trainings.shape[1] > 1:  # else it is the mean
                axis.plot(trainings[rows], places[rows] - 0.3, **dots)
            part, look = errors[rows], {"fmt": "o", "ms": 4, "color": colour, "label": label}
            axis.errorbar(part.value, places[rows], xerr=style.interval_bars(part), **look)
        axis.set(yticks=places, yticklabels=names, ylim=(0.4, len(frame) + 0.6), title=measure)
        guesses = 5 if measure.endswith("top-5") else 1
        style.accuracy_axis(
            axis, "test error", of="x", chance=max(0, 1 - guesses / searched.classes)
        )
    if len(measures) > 1:
        style.letter(axes)
    style.legend_below(axes[0], columns=2)
    return figure


def named(network: str, alpha: float = 1) -> str:
    """Return a title of a network named as by `search_tables.winners`, or another's own name."""
    searcher, _, score = network.partition(" ")
    score, dash, variant = score.partition("-")
    if searcher not in SEARCHER_NAMES or known.split(score)[0] not in known.SCORES:
        return network
    return f"{SEARCHER_NAMES[searcher]}, {known.find(score).label(alpha)}{dash}{variant}"
