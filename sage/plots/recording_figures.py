"""Figures of recordings, and of what searches guided by them found."""

from collections import Counter
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sage.analysis import estimates
from sage.plots import figures
from sage.plots.figures import COLUMN, STYLE, score_name
from sage.rsa import guidance
from sage.search.scores import SCORES
from sage.teachers.recordings import Region

EXAMPLES = 8  # images of a category


def stimuli(regions: Sequence[Region]) -> Figure:
    """What was shown, a panel for each set: examples of those rendered here, and how many of each kind there are else.

    Images of others' recordings are not drawn: they are not ours to publish.
    """
    sets = {one.stimuli.identity: one for one in regions}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(sets), figsize=(0.8 + 2.8 * len(sets), 3.1), squeeze=False
        )
        for axis, one in zip(axes[0], sets.values()):
            groups = np.array(one.stimuli.categories["image"])
            images = one.stimuli.images[one.stimuli.conditions["image"] >= 0]
            if one.simulated:
                _examples(axis, images.numpy(), groups)
            else:
                _numbers(axis, groups)
            shown_in = [
                other.region for other in regions if other.stimuli.identity == one.stimuli.identity
            ]
            axis.set_title(
                f"{', '.join(shown_in)}\n{len(one.stimuli.images)} images, {len(groups)} of them in RDMs"
            )
    return figure


def _examples(axis: Axes, images: np.ndarray, groups: np.ndarray) -> None:
    """A row of evenly chosen images [N, 3, H, W] for each group, white where it has no more."""
    names = np.unique(groups)
    sheet = np.full((len(names), EXAMPLES, *images.shape[1:]), 255, np.uint8)
    for row, name in zip(sheet, names):
        members = np.flatnonzero(groups == name)
        chosen = np.unique(members[np.linspace(0, len(members) - 1, EXAMPLES).round().astype(int)])
        row[: len(chosen)] = images[chosen]
    figures.show_images(axis, sheet, names)


def _numbers(axis: Axes, groups: np.ndarray) -> None:
    counts = Counter(group or "not named" for group in groups.tolist())
    axis.barh(list(counts), list(counts.values()), color="0.6")
    axis.invert_yaxis()
    axis.set(xlabel="images in RDMs")


def dissimilarity(regions: Sequence[Region], level: str) -> Figure:
    """Every region's RDM at one level, with its noise ceiling."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(regions), figsize=(1 + 2.3 * len(regions), 2.5), squeeze=False
        )
        for axis, one in zip(axes[0], regions):
            figures.show_rdm(axis, one.rdm(level), one.stimuli.categories[level], named=True)
            ceiling = one.ceiling(level)
            known = "unknown" if np.isnan(ceiling) else f"r = {ceiling:.2f}"
            axis.set_title(f"{one.region}\n{one.extent}\nnoise ceiling {known}")
            axis.set_xlabel(f"{level} level, S = {len(one.stimuli.categories[level])}")
    return figure


def similarity(
    table: xr.DataArray, regions: Sequence[Region], level: str, *, alpha: float
) -> Figure:
    """How similar the best layer's RDM of every candidate is to each region's, by the search that proposed it.

    Args:
        table: see `comparison.similarity`.
    """
    matches = guidance.best_match(table)
    scores = [score for score in SCORES if score in matches.score]
    apart = 0.27 * (np.arange(len(scores)) - (len(scores) - 1) / 2)
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(max(COLUMN + 0.6, 1.2 + 1.6 * len(regions)), 3))
        for score, aside in zip(scores, apart):
            of_score = matches[matches.score == score]  # [candidate, teacher_layer]
            places = np.arange(len(regions)) + aside
            beside = places + np.linspace(-0.09, 0.09, len(of_score))[:, None]
            axis.plot(beside, of_score, "o", ms=2, mew=0, color=SCORES[score].colour, alpha=0.5)
            found = [estimates.mean(one.values) for one in of_score.T]
            means, lows, highs = (
                np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high")
            )
            style = {
                "fmt": "D",
                "ms": 4,
                "mec": "w",
                "color": SCORES[score].colour,
                "label": score_name(score, alpha),
            }
            axis.errorbar(places, means, [means - lows, highs - means], **style)
        for place, one in enumerate(regions):
            axis.hlines(one.ceiling(level), place - 0.4, place + 0.4, color="0.6", lw=2)
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        count = len(matches) // len(scores)
        axis.set(xticks=range(len(regions)), xticklabels=matches.teacher_layer.values)
        axis.set_ylabel("r with the region's RDM\n(best layer of a candidate)")
        axis.set_title(
            f"n = {count} candidates of each score\ndiamonds: mean and 95 % interval\ngrey: noise ceiling, where known"
        )
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def agreement(table: xr.Dataset) -> Figure:
    """How well TG from few sites and trials orders candidates as TG from all of them does.

    Args:
        table: see `sampling.agreement`.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(COLUMN + 1.2, 2.9))
        if not table.sizes["sites"]:
            axis.set_axis_off()
            axis.set_title("published RDMs alone: there are no sites to sample")
            return figure
        colours = sns.color_palette("viridis", table.sizes["trials"] + 1)
        for trials, colour in zip(table.trials.values, colours):
            line = table.sel(trials=trials)
            name = f"{trials} trial{'s' if trials > 1 else ''} an image"
            axis.plot(line.sites, line.value, "o-", ms=3, color=colour, label=name)
            axis.fill_between(line.sites, line.low, line.high, color=colour, alpha=0.15, lw=0)
        axis.set(
            xscale="log",
            xticks=table.sites.values,
            xticklabels=table.sites.values,
            ylim=(None, 1.02),
        )
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set(
            xlabel="sites a region", ylabel="rank correlation with TG\nfrom all sites and trials"
        )
        axis.set_title(
            f"{table.attrs['regions']}\nn = {int(table.n)} candidates; mean and range of {table.attrs['draws']}\n"
            "random samples, but those in which all sites are silent"
        )
        axis.legend()
    return figure
