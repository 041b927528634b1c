"""Figures of searches for which nothing is trained: in stored pools, and of a benchmark."""

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sage.analysis.bootstrap import over_runs
from sage.analysis.predictors import COMBINED, display_name
from sage.analysis.search_claims import GUIDED, RIVAL
from sage.analysis.summaries import told_epochs
from sage.experiments.stored_searches import PoolSearches
from sage.plots import style
from sage.plots.predictors import FAMILY_COLOURS
from sage.plots.searches import SEARCHER_NAMES
from sage.plots.style import Look
from sage.search.scores import P

COLOURS = {P: "C0", GUIDED: "C3", RIVAL: "C5"}
ENDS = {f"gain_{end}": end for end in ("value", "low", "high")}
DASHES = ("--", "-", "-.", ":")  # few epochs first
SEARCHER_COLOURS = {"random": "0.4", "reinforce": "C2", "tpe": "C0", "evolution": "C3"}
# On CIFAR-100 of NAS-Bench-201, mean and s.d. over runs of other budgets: Zheng et al. 2022, Neural
# Architecture Search with Representation Mutual Information, CVPR.
LITERATURE = {
    "RMI-NAS": (73.36, 0.19),
    "reinforcement\nlearning": (71.71, 1.09),
    "GDAS": (70.70, 0.30),
}


@style.applied
def pool_searches(pool: PoolSearches) -> Figure:
    """Draw what simulated searches find after few and more epochs, against what they cost."""
    few, *later = pool.main.epoch.values
    lines = [(P, few), *((P, epoch) for epoch in later), (GUIDED, few), (RIVAL, few)]
    figure, axes = style.grid(pool.main.sizes["choice"], figsize=(7.2, 3.6))
    mature, example = pool.mature.dropna("network"), float(pool.scores.multiply_adds.mean())
    dashed = dict(zip(pool.main.epoch.values, cycle(DASHES)))
    for axis, choice in zip(axes, pool.main.choice.values):
        axis.axhline(mature.max(), color="0.5", ls="--", lw=0.8, label="best of the pool")
        axis.axhline(mature.mean(), color="0.5", ls=":", lw=0.8, label="mean of the pool")
        for name, epoch in lines:
            line = pool.main.sel(predictor=name, epoch=epoch, choice=choice)
            cost = float(pool.scores.cost.sel(predictor=name, epoch=epoch)) * example
            label = f"{display_name(name)} after {told_epochs(epoch)}"
            dashes = dashed[epoch] if name == P else "-"
            look: Look = {"color": COLOURS[name], "ls": dashes, "marker": "o", "label": label}
            bars = style.interval_bars(line)
            axis.errorbar(cost * line.candidates, line.value, bars, elinewidth=0.6, **look)
            if name == GUIDED and pool.multiply_adds > 0:
                look |= {"ls": ":", "marker": "^", "label": f"{label}, and the teacher's training"}
                both = cost * line.candidates + pool.multiply_adds
                axis.errorbar(both, line.value, bars, elinewidth=0.6, **look)
        axis.set(title=_title(choice), xlabel=style.MULTIPLY_ADDS, xscale="log")
        style.log_costs(axis, subs=(1, 3))
    style.accuracy_axis(axes[0])
    axes[1].yaxis.set_tick_params(labelleft=False)
    style.letter(axes)
    searched = pool.main.value.dropna("candidates", how="all").candidates
    counts = ", ".join(map(str, searched.values))
    title = f"random searches of {counts} candidates in a pool of n = {mature.size} networks;\n"
    style.legend_below(axes[0], columns=2, title=f"{title}bars: 95 % bootstrap over networks")
    return figure


@style.applied
def pool_scores(pools: Mapping[str, PoolSearches], *, candidates: int) -> Figure:
    """Draw by how much each score finds better networks than P does after as few epochs.

    Args:
        pools: see `stored_searches.simulate_pools`. Of all but the first only guidance is drawn.
        candidates: of a search.
    """
    first = next(iter(pools.values()))
    rows = [(name, first) for name in first.every.predictor.values if name != P]
    rows += [(name, one) for one in [*pools.values()][1:] for name in ("TG", COMBINED, GUIDED)]
    gains = {}
    for name, pool in rows:
        one = pool.every.sel(predictor=name, candidates=candidates).isel(epoch=0)
        label = display_name(name, pool.scores.attrs["alpha"])
        other = f" by {pool.teacher}, n = {one.n.item()}" if pool is not first else ""
        family = pool.scores.family.sel(predictor=name).item()
        gains[f"{label}{other}"] = family, one
    choices = first.every.choice.values
    order = sorted(gains, key=lambda label: -np.nan_to_num(gains[label][1].gain_value[0], nan=-9))
    size = (7.2, 1.2 + 0.155 * len(order))
    figure, axes = style.grid(len(choices), figsize=size)
    for axis, choice in zip(axes, choices):
        for family, colour in FAMILY_COLOURS.items():
            places = [place for place, name in enumerate(order) if gains[name][0] == family]
            if places:
                own = [gains[order[place]][1].sel(choice=choice) for place in places]
                ends = 100 * xr.concat([one[list(ENDS)] for one in own], "row").rename(ENDS)
                look: Look = {"color": colour, "label": family, "fmt": "o", "elinewidth": 0.8}
                axis.errorbar(ends.value, places, xerr=style.interval_bars(ends), **look)
        axis.axvline(0, color=FAMILY_COLOURS["accuracy"], lw=0.8, ls=":")
        _draw_later(axis, first, candidates, choice)
        axis.set(title=_title(choice), xlabel="points of mature accuracy above P")
        axis.grid(axis="y", lw=0.3, color="0.9")
        axis.tick_params(axis="y", length=0, labelsize=7)
    axes[0].set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5))
    few = told_epochs(first.every.epoch.values[0])
    title = f"what searches of {candidates} candidates find, minus what P finds, all after {few};\n"
    title += "bars: 95 % bootstrap over networks; unless said, "
    title += f"n = {first.every.n.max().item()} and TG is by {first.teacher}"
    style.legend_below(axes[0], columns=4, title=title)
    return figure


def _title(choice: str) -> str:
    return f"the {choice} by the score"


def _draw_later(axis: Axes, pool: PoolSearches, candidates: int, choice: str) -> None:
    """Draw by how much P after more epochs finds better networks."""
    few = pool.main.epoch.values[0]
    early = pool.main.value.sel(predictor=P, epoch=few, candidates=candidates, choice=choice)
    for dashes, epoch in zip(cycle(DASHES), pool.main.epoch.values[1:]):
        later = pool.main.value.sel(predictor=P, epoch=epoch, candidates=candidates, choice=choice)
        label = f"P after {told_epochs(epoch)}"
        axis.axvline(100 * (later - early), color="k", lw=0.8, ls=dashes, label=label)


@style.applied
def benchmark_searches(table: xr.Dataset) -> Figure:
    """Draw the test accuracy that searches of NAS-Bench-201 find, and what others report.

    Args:
        table: see `benchmark_searches.compare`.
    """
    means, count = over_runs(table.found), table.sizes["score"]
    ratios = [1] * count + [0.75]
    figure, axes = plt.subplots(1, count + 1, figsize=(7.4, 3.4), sharey=True, width_ratios=ratios)
    for axis, score in zip(axes, table.score.values):
        for searcher in table.searcher.values:
            one = means.sel(score=score, searcher=searcher)
            name = SEARCHER_NAMES.get(searcher, searcher)
            label = f"{name}, n = {one.n.max().item()} runs"
            look: Look = {"color": SEARCHER_COLOURS.get(searcher, "C4"), "label": label}
            style.draw_band(axis, one.candidates, one, shade=0.25, **look)
        axis.set(title=f"score: published validation\naccuracy after {score}", xscale="log")
        ticks = [one for one in table.candidates.values if one in (1, 10, 30, 100, 300)]
        axis.set_xticks(ticks, ticks)
        axis.minorticks_off()
        axis.set(xlabel="candidates", xlim=(4, 1.1 * table.candidates.max().item()))
    for name, (value, spread) in LITERATURE.items():
        axes[-1].errorbar(0, value, spread, fmt="D", color="0.3", ms=4)
        axes[-1].annotate(name, (0, value), (8, 2), textcoords="offset points", va="top", size=7)
    axes[-1].set(title="as Zheng et al. (2022)\nreport: mean and s.d.", xlim=(-0.3, 2), xticks=[])
    for axis in axes:
        label = f"best of all: {table.best:.2f} %"
        axis.axhline(table.best, color="k", ls="--", lw=0.8, label=label)
    axes[0].set_ylabel("test accuracy on CIFAR-100\nafter 200 epochs (%)")
    axes[0].set_ylim(68, 74)
    style.letter(axes)
    style.legend_below(axes[0], columns=3)
    return figure
