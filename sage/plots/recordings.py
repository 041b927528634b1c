"""Figures of recordings, and of what searches guided by them found."""

from collections import Counter
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from sage.analysis.bootstrap import t_interval
from sage.plots import style
from sage.plots.style import COLUMN, Look
from sage.rsa import guidance
from sage.search.scores import SCORES
from sage.teachers.recordings import Region


@style.applied
def stimuli(regions: Sequence[Region]) -> Figure:
    """Draw what was shown, a panel per set: examples of images rendered here, else their numbers.

    Images of others' recordings are not drawn: they are not ours to publish.
    """
    sets = {one.stimuli.identity: one for one in regions}
    figure, axes = style.grid(len(sets), figsize=(0.8 + 2.8 * len(sets), 3.1), sharey=False)
    for axis, (identity, one) in zip(axes, sets.items()):
        groups = np.array(one.stimuli.categories["image"])
        if one.simulated:
            images = one.stimuli.images[one.stimuli.conditions["image"] >= 0]
            names, numbers = np.unique(groups, return_inverse=True)
            style.show_examples(axis, images.numpy(), numbers, names.tolist())
        else:
            counts = Counter(group or "not named" for group in groups.tolist())
            labels = [style.legible(name) for name in counts]
            axis.barh(range(len(counts)), list(counts.values()), color="0.6", tick_label=labels)
            axis.invert_yaxis()
            axis.set(xlabel="images in RDMs")
        shown = [one.region for one in regions if one.stimuli.identity == identity]
        counted = f"{len(one.stimuli.images)} images, {len(groups)} of them in RDMs"
        axis.set_title(f"{style.legible(', '.join(shown))}\n{counted}")
    return figure


@style.applied
def region_rdms(regions: Sequence[Region], level: str) -> Figure:
    """Draw every region's RDM at one level, with its noise ceiling."""
    figure, axes = style.grid(len(regions), figsize=(1 + 2.3 * len(regions), 2.5), sharey=False)
    for axis, one in zip(axes, regions):
        style.show_rdm(axis, one.rdm(level), one.stimuli.categories[level])
        ceiling = one.ceiling(level)
        known = "unknown" if np.isnan(ceiling) else f"r = {ceiling:.2f}"
        axis.set_title(f"{style.legible(one.region)}\n{one.extent}\nnoise ceiling {known}")
        axis.set_xlabel(f"{level} level, S = {len(one.stimuli.categories[level])}")
    return figure


@style.applied
def region_similarity(
    table: xr.DataArray, regions: Sequence[Region], level: str, *, alpha: float
) -> Figure:
    """Draw how similar every candidate's best layer is to each region, with noise ceilings.

    Args:
        table: see `comparison.similarity`.
    """
    matches = guidance.best_match(table)
    scores = [name for name in SCORES if name in matches.score]
    apart = 0.27 * (np.arange(len(scores)) - (len(scores) - 1) / 2)
    figure, axis = plt.subplots(figsize=(max(COLUMN + 0.6, 1.2 + 1.6 * len(regions)), 3))
    for name, aside in zip(scores, apart):
        score, of_score = SCORES[name], matches[matches.score == name]  # [candidate, teacher_layer]
        places, colour = np.arange(len(regions)) + aside, score.colour
        beside = places + np.linspace(-0.09, 0.09, len(of_score))[:, None]
        axis.plot(beside, of_score, "o", ms=2, mew=0, color=colour, alpha=0.5)
        means = pd.DataFrame([t_interval(one.values, bounds=(-1, 1)) for one in of_score.T])
        look: Look = {"fmt": "D", "ms": 4, "mec": "w", "color": colour, "label": score.label(alpha)}
        axis.errorbar(places, means.value, style.interval_bars(means), **look)
    for place, one in enumerate(regions):
        axis.hlines(one.ceiling(level), place - 0.4, place + 0.4, color="0.6", lw=2)
    axis.axhline(0, color="0.5", lw=0.8, ls=":")
    names = [*map(style.legible, matches.teacher_layer.values)]
    axis.set(xticks=range(len(regions)), xticklabels=names)
    axis.set_ylabel("r with the region's RDM\n(best layer of a candidate)")
    title = f"n = {len(matches) // len(scores)} candidates of each score\n"
    axis.set_title(title + "diamonds: mean and 95 % interval\ngrey: noise ceiling, where known")
    style.legend_below(axis, columns=3)
    return figure


@style.applied
def site_agreement(table: xr.Dataset) -> Figure:
    """Draw how well TG from few sites and trials orders candidates, from `site_sampling`."""
    figure, axis = plt.subplots(figsize=(COLUMN + 1.2, 2.9))
    if not table.sizes["sites"]:
        axis.set_axis_off()
        axis.set_title("published RDMs alone: there are no sites to sample")
        return figure
    colours = sns.color_palette("viridis", table.sizes["trials"] + 1)
    for trials, colour in zip(table.trials.values, colours):
        label, line = (
            f"{trials} trial{'s' if trials > 1 else ''} an image",
            table.sel(trials=trials),
        )
        style.draw_band(axis, table.sites, line, shade=0.15, color=colour, label=label)
    sites = table.sites.values
    axis.set(xscale="log", xticks=sites, xticklabels=sites, ylim=(None, 1.02))
    axis.minorticks_off()
    axis.set(xlabel="sites a region", ylabel="rank correlation with TG\nfrom all sites and trials")
    counted = f"n = {int(table.n)} candidates; mean and range of {table.draws}"
    title = f"{style.legible(table.regions)}\n{counted}\n"
    axis.set_title(title + "random samples, but those in which all sites are silent")
    axis.legend()
    return figure
