"""Figures of recordings, and of what searches guided by them found."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from sage.plots import style
from sage.rsa import guidance
from sage.search.scores import find
from sage.teachers.recordings import Region


@style.applied
def stimuli(regions: Sequence[Region]) -> Figure:
    """Draw what was shown, a panel per set: examples of images rendered here, else their numbers.

    Images of others' recordings are not drawn: they are not ours to publish.
    """
    sets = {one.stimuli.identity: one for one in regions}
    groups = {name: [*one.stimuli.categories["image"]] for name, one in sets.items()}
    most = max(len(set(names)) for names in groups.values())
    height = 3.1 if any(one.simulated for one in regions) else 0.9 + 0.2 * most
    figure, axes = style.grid(len(sets), figsize=(0.8 + 2.8 * len(sets), height), sharey=False)
    for axis, (identity, one) in zip(axes, sets.items()):
        if one.simulated:
            images = one.stimuli.images[one.stimuli.conditions["image"] >= 0]
            names, numbers = np.unique(groups[identity], return_inverse=True)
            style.show_examples(axis, images.numpy(), numbers, names.tolist())
        else:
            labels = [style.legible(name or "not named") for name in groups[identity]]
            sns.countplot(y=labels, ax=axis, color="0.75")
            axis.bar_label(axis.containers[0], padding=2)
            axis.set(xlabel="images", ylabel="")
        shown = ", ".join(one.region for one in regions if one.stimuli.identity == identity)
        counted = f"{len(groups[identity])} of {len(one.stimuli.images)} images in RDMs"
        axis.set_title(f"{fill(style.legible(shown), 36)}\n{counted}")
    if len(sets) > 1:
        style.letter(axes)
    return figure


@style.applied
def region_rdms(regions: Sequence[Region], level: str) -> Figure:
    """Draw every region's RDM at one level as percentiles, with its noise ceiling."""
    size = (1.2 + 2.9 * len(regions), 2.7)
    figure, axes = style.grid(len(regions), figsize=size, sharey=False)
    for axis, one in zip(axes, regions):
        groups = one.stimuli.categories[level]
        style.show_rdm(axis, one.rdm(level), groups)
        ceiling = one.ceiling(level)
        known = "unknown" if np.isnan(ceiling) else f"r = {ceiling:.2f}"
        axis.set_title(f"{style.legible(one.region)}, {style.counted(groups, level)}")
        axis.set_xlabel(f"{one.extent}\nnoise ceiling: {known}")
    style.letter(axes)
    style.percentile_bar(axes)
    return figure


@style.applied
def region_similarity(table: xr.Dataset) -> Figure:
    """Draw how similar every candidate's best layer is to each region, a panel each.

    Args:
        table: similarity, see `comparison.similarity`, ceiling, see `teachers.ceilings`, and as an
            attribute alpha. The first is drawn as a fraction of the second where that is known.
    """
    matches = guidance.best_match(table.similarity)
    scores = {name: find(name) for name in matches.score.values.tolist()}
    names = {name: score.label(table.alpha) for name, score in scores.items()}
    colours = {names[name]: score.colour for name, score in scores.items()}
    regions = matches.teacher_layer.values
    size = (1 + 2.5 * len(regions), 1.1 + 0.4 * len(scores))
    figure, axes = style.grid(len(regions), figsize=size)
    for axis, region in zip(axes, regions):
        ceiling = float(table.ceiling.sel(teacher_layer=region))
        known = np.isfinite(ceiling)
        values = matches.sel(teacher_layer=region) / (ceiling if known else 1)
        groups = [names[name] for name in matches.score.values]
        one = pd.DataFrame({"value": values, "run": matches.run, "group": groups})
        style.draw_runs(axis, one, colours)
        axis.set_title(style.legible(region))
        axis.set_xlabel("similarity, r\n(noise ceiling unknown)")
        if known:
            axis.set_xlabel(f"similarity, as part of the\nnoise ceiling (r = {ceiling:.2f})")
            axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    style.letter(axes)
    return figure


@style.applied
def site_agreement(table: xr.Dataset) -> Figure:
    """Draw how well TG from few sites and trials orders candidates, from `site_sampling`."""
    if not table.sizes["sites"]:
        figure, (axis,) = style.grid(1, figsize=(4, 1))
        axis.set_axis_off()
        axis.set_title("published RDMs alone: there are no sites to sample")
        return figure
    label, count = "rank correlation with TG\nfrom all sites and trials", table.sizes["trials"]
    figure, axes = style.grid(count, label=label, figsize=(0.8 + 2.0 * count, 2.4), sharex=True)
    sites = table.sites.values
    for axis, trials in zip(axes, table.trials.values):
        style.draw_band(axis, sites, table.sel(trials=trials), shade=0.15, color="C2")
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        axis.set(xscale="log", xticks=sites, xticklabels=sites, xlabel="sites a region")
        axis.set_title(f"{trials} trial{'s' if trials > 1 else ''} an image")
        axis.minorticks_off()
    axes[0].set_ylim(top=1.02)  # of all panels
    style.letter(axes)
    return figure
