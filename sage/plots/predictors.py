"""Figures of how well predictors tell mature accuracy: by epoch, cost, weight, pool and teacher.

`assessed` is the table of `predictivity.assess`, `ceiling` that of `predictivity.ceiling`, drawn if
it is known, and `alpha` the weight of TG. Pearson's and Spearman's r stand beside each other, with
bands and bars for 95 % intervals over networks.
"""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sage.analysis import simulated_search
from sage.analysis.added_value import ADDED, GIVEN, with_added
from sage.analysis.bootstrap import Estimate, cell
from sage.analysis.contrasts import MATTERS, RANKED
from sage.analysis.predictivity import Analysis, gain
from sage.analysis.predictors import CHOSEN, COMBINED, FAMILIES, display_name
from sage.analysis.published_pools import DEPTH, OWN
from sage.analysis.summaries import told_epochs
from sage.plots import style
from sage.plots.style import COLUMN, Look

MAIN = {"P": "C0", "TG": "C2", COMBINED: "C1", CHOSEN: "C3"}  # the paper's, with their bands
COLOURS = MAIN | {
    "loss": "navy",
    "TSE-E": "C9",
    "log parameters": "C5",
    "P + a log parameters": "peru",
    "TG in order": "yellowgreen",
    "TG before training": "C4",
    "TG untrained": "C8",
    "TG shuffled": "0.6",
    "TG labels": "C6",
    "TG pixels": "0.3",
    simulated_search.BRIEFLY: "k",
}
FAMILY_COLOURS = dict(zip(FAMILIES, ("C0", "C9", "C5", "C8", "C2", "C3", "C4", "peru")))
GROUPS = {  # of families, by what their predictors take
    "trained a little": ("accuracy", "training speed"),
    "training-free": ("size", "zero-cost"),
    "guidance by a teacher": ("guidance",),
    "guidance by recordings": ("recording",),
    "guidance by controls": ("control",),
    "P and a second, alpha chosen on other networks": ("combination",),
}
WIDE = 2.2 * COLUMN
NOTE = f"{display_name(CHOSEN)}: alpha chosen on other networks"
STATISTICS = {statistic: f"{statistic.capitalize()}'s r" for statistic in RANKED}


@style.applied
def predictivity(pool: Analysis, layers: Sequence[str], *, epoch: float) -> Figure:
    """Draw r with mature accuracy by epoch, and below it the networks at one epoch.

    Args:
        layers: predictors that are TG of a single teacher layer.
    """
    alpha, table = pool.scores.attrs["alpha"], pool.assessed
    layout: Any = [list(STATISTICS), ["P", COMBINED]]
    figure, axes = plt.subplot_mosaic(layout, figsize=(WIDE, 5.4), height_ratios=(1.5, 1))
    axes[RANKED[1]].sharey(axes[RANKED[0]])
    greys = dict(zip(layers, sns.color_palette("Greys", len(layers) + 2)[1:]))
    for statistic, title in STATISTICS.items():
        shown = table.sel(statistic=statistic)
        _draw_by_epoch(axes[statistic], shown, [*layers, *MAIN], alpha, COLOURS | greys)
        axes[statistic].set(title=title, ylabel="r with mature accuracy")
    shallow, chance = pool.scores.depth < DEPTH, float(pool.scores.sel(predictor="P")[:, 0].mean())
    for name in ("P", COMBINED):
        place = {"predictor": name, "epoch": epoch}
        scatter(axes[name], pool.scores.sel(place), pool.mature, hollow=shallow, color=MAIN[name])
        style.accuracy_axis(axes[name], "mature accuracy\n", chance=chance)
        rs = [table.sel(place | {"statistic": one}) for one in RANKED]
        values = [f"{one} {told_interval(r)}" for one, r in zip(STATISTICS.values(), rs)]
        axes[name].set_title("\n".join(values), size=8)
        axes[name].set_xlabel(f"{display_name(name, alpha)} after {told_epochs(epoch)}")
    style.accuracy_axis(axes["P"], axes["P"].get_xlabel(), of="x", chance=chance)
    count = table.n.sel(epoch=epoch).item()
    title = f"How well early scores tell the mature accuracy of {count} networks"
    style.legend_below(axes["P"], columns=3, title=f"{title}\n{NOTE}")
    style.letter(axes.values())
    style.label_ends(axes[RANKED[1]])
    return figure


@style.applied
def added_value(pools: Mapping[str, Analysis]) -> Figure:
    """Draw what TG and its controls add to what is free, a row per pool: see `added_value`.

    Pools, and what is given, for which there are too few networks anywhere, are left out.
    """
    known = {(name, given) for name in pools for given in GIVEN if _is_known(pools[name], given)}
    rows = [name for name in pools if any(name == one for one, _ in known)] or [*pools][:1]
    sets = [given for given in GIVEN if any(given == one for _, one in known)] or [*GIVEN][:1]
    panels = [(name, given, one) for name in rows for given in sets for one in RANKED]
    columns = len(RANKED) * len(sets)
    size = (min(WIDE, 2.4 + 2.2 * columns), 1.2 + 1.8 * len(rows))
    figure, axes = style.grid(len(panels), columns, figsize=size, sharey="row", sharex=True)
    for number, (axis, (name, given, statistic)) in enumerate(zip(axes, panels)):
        compared = pools[name].compared.sel(statistic=statistic)
        axis.axhspan(-MATTERS, MATTERS, color="0.93", lw=0, label="too little to matter")
        axis.axhline(0, color="0.5", lw=0.8)
        for added in ADDED:
            pair = (compared["first"] == with_added(given, added)) & (compared["second"] == given)
            if pair.any():
                one, main = compared.isel(pair=pair.values).squeeze("pair"), added == "TG"
                look: Look = {"color": COLOURS[added], "label": f"+ {display_name(added)}"}
                look |= {"lw": 1.8 if main else 1, "shade": 0.2 * main, "zorder": 3 if main else 2}
                style.draw_band(axis, one.epoch, one, **look)
        if (name, given) not in known:
            axis.text(0.5, 0.8, "too few networks", ha="center", transform=axis.transAxes)
        style.epoch_axis(axis, compared.epoch.values)
        if number < columns:
            axis.set_title(f"given {given}\n{STATISTICS[statistic]}")
        if number % columns == 0:
            count = pools[name].assessed.n.max().item()
            axis.set_ylabel(f"{fill(name, 22)}\nn = {count}\ngain in r")
        axis.label_outer()
    style.letter(axes)
    title = "How much better mature accuracy is told with TG, or a control, than by what is free"
    style.legend_below(axes[0], columns=3, title=title)
    return figure


def _is_known(pool: Analysis, given: str) -> bool:
    """Return True if there are networks enough to say what something adds to what is given."""
    pairs = (pool.compared["second"] == given).values
    return bool(pool.compared.value.isel(pair=pairs).notnull().any())


@style.applied
def simulated_searches(pools: Mapping[str, Analysis], *, epoch: float, teacher: float) -> Figure:
    """Draw what simulated random searches find by each score, a row per pool, against their cost.

    Args:
        teacher: multiply-adds of its training, added to searches that take it; NaN for unknown.
    """
    size = (WIDE, 1.0 + 2.1 * len(pools))
    figure, axes = plt.subplots(len(pools), 3, figsize=size, squeeze=False)
    for row, (name, pool) in zip(axes, pools.items()):
        found, scores, alpha = pool.found.sel(epoch=epoch), pool.scores, pool.scores.attrs["alpha"]
        networks = pool.mature.dropna("network")
        known = np.isfinite(found.value).any(["predictor", "choice"]).values
        found, example = found.isel(candidates=known), float(scores.multiply_adds.mean())
        costs = scores.cost.sel(predictor=found.predictor, epoch=epoch) * example
        least = float(costs.where(costs > 0).min() * pool.found.candidates[0])
        for number, score in enumerate(found.predictor.values):
            line = found.sel(predictor=score)
            spent = float(costs.sel(predictor=score)) * line.candidates
            spent = spent + (teacher if "TG" in score and teacher > 0 else 0)
            look: Look = {
                "color": COLOURS[score],
                "marker": "o",
                "label": display_name(score, alpha),
                "clip_on": False,  # the last dot is at the edge
            }
            look |= {"lw": 3, "alpha": 0.5} if score == "P" else {"lw": 1.2}  # seen behind others
            for axis, choice in zip(row, line.choice.values):
                axis.plot(spent, line.value.sel(choice=choice), **look)
            gains = 100 * line[["gain_value", "gain_low", "gain_high"]].sel(choice="first")
            gains = gains.rename({f"gain_{end}": end for end in ("value", "low", "high")})
            places = np.arange(line.sizes["candidates"]) + 0.12 * (number - 3)
            bars: Look = {"color": COLOURS[score], "fmt": "o", "elinewidth": 0.9}
            if score != "P":
                row[2].errorbar(places, gains.value, style.interval_bars(gains), **bars)
        for axis, choice in zip(row, found.choice.values):
            axis.axhline(networks.max(), color="0.5", ls="--", lw=0.8, label="best of all networks")
            axis.set(title=f"{choice}, by the score", xlabel=style.MULTIPLY_ADDS)
            style.cost_axis(axis, least)
            style.accuracy_axis(axis, "mature accuracy")
        row[0].set_ylabel(f"{fill(name, 26)}\nn = {networks.size}\nmature accuracy")
        row[2].axhline(0, color="0.5", lw=0.8)
        row[2].set(title="first, minus the first by P", xlabel="candidates", ylabel="points")
        row[2].set_xticks(np.arange(found.sizes["candidates"]), found.candidates.values)
    style.letter(axes.flat)
    title = f"What random searches find that score their candidates after {told_epochs(epoch)}"
    style.legend_below(axes[0, 0], columns=3, title=f"{title}\n{NOTE}")
    return figure


@style.applied
def alpha_effect(sweep: xr.Dataset, nested: Mapping[str, xr.Dataset]) -> Figure:
    """Draw what TG adds to P against epochs, a panel per alpha.

    Args:
        sweep: see `predictivity.alpha_sweep`.
        nested: gain of `CHOSEN` by statistic, its alpha chosen on other networks; the last panel.
    """
    panels: dict[str, Any] = {
        f"alpha = {one:g}": (sweep.sel(alpha=one), MAIN[COMBINED]) for one in sweep.alpha.values
    }
    panels["alpha chosen on\nother networks"] = None, MAIN[CHOSEN]
    columns, label = -(-len(panels) // 2), "r of P + alpha TG\nminus r of P"
    figure, axes = style.grid(len(panels), columns, label, figsize=(WIDE, 4), sharex=True)
    for axis, (title, (shown, colour)) in zip(axes, panels.items()):
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        for line, (statistic, name) in zip(("-", "--"), STATISTICS.items()):
            one = nested[statistic] if shown is None else shown.sel(statistic=statistic)
            one = one.sel(epoch=one.epoch > 0)  # P is chance before training, and hides the rest
            look: Look = {"color": colour, "ls": line, "label": name}
            style.draw_band(axis, one.epoch, one, shade=0.2 if line == "-" else 0.08, **look)
        style.epoch_axis(axis, sweep.epoch.values[sweep.epoch.values > 0])
        axis.set_title(title)
        axis.label_outer()
    style.letter(axes)
    title = f"What guidance adds to P, by its weight ({sweep.n.max():.0f} networks)"
    style.legend_below(axes[0], columns=2, title=title)
    return figure


@style.applied
def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """Draw r of P, and of TG by the teacher and its controls, by epoch (as Figure 5)."""
    names = assessed.predictor.values
    controls = names[assessed.family.values == "control"].tolist()
    figure, axes = style.grid(2, label="r with mature accuracy", figsize=(WIDE, 3.2))
    for axis, (statistic, title) in zip(axes, STATISTICS.items()):
        _draw_by_epoch(axis, assessed.sel(statistic=statistic), [*controls, "P", "TG"])
        axis.set_title(title)
    style.letter(axes)
    count = assessed.n.max().item()
    by = f"teacher {style.legible(teacher)} and by controls ({count} networks)"
    figure.suptitle(f"How well TG tells mature accuracy, by {by}")
    style.label_ends(axes[1])
    return figure


@style.applied
def rivals(assessed: xr.Dataset, *, epoch: float, ceiling: Estimate, alpha: float) -> Figure:
    """Draw r of all predictors at one epoch by group, the best first, and how far it exceeds P's.

    Dots are Pearson's r, circles below them Spearman's.
    """
    at = assessed.sel(epoch=epoch)
    values = at.value.sel(statistic=RANKED[0]).to_series()
    ordered = values.fillna(-np.inf).sort_values(ascending=False, kind="stable").index
    family = at.family.to_series()
    members = {
        group: [name for name in ordered if family[name] in families]
        for group, families in GROUPS.items()
    }
    members = {group: names for group, names in members.items() if names}
    heights = [len(names) + 1 for names in members.values()]
    size: Any = {"figsize": (WIDE, 1.4 + 0.19 * sum(heights)), "height_ratios": heights}
    shared: Any = {"sharex": "col", "sharey": "row", "squeeze": False}
    figure, axes = plt.subplots(len(members), 2, **size, **shared)
    for row, (group, names) in zip(axes, members.items()):
        places = np.arange(len(names))
        for statistic, below, face in zip(RANKED, (-0.15, 0.2), ({}, {"mfc": "w"})):
            shown = at.sel(statistic=statistic, predictor=names), gain(at, names, statistic)
            for axis, one in zip(row, shown):
                colour = FAMILY_COLOURS[GROUPS[group][0]]
                look: Look = {"color": colour, "fmt": "o", "elinewidth": 0.8, **face}
                ends = style.interval_bars(one)
                label = STATISTICS[statistic]
                axis.errorbar(one.value, places + below, xerr=ends, label=label, **look)
        for statistic, line in zip(RANKED, (":", "--")):
            own, label = at.value.sel(predictor="P", statistic=statistic), STATISTICS[statistic]
            row[0].axvline(own, color=MAIN["P"], lw=0.8, ls=line, label=f"{label} of P")
        _draw_ceiling(row[0], ceiling, across=False)
        row[1].axvline(0, color=MAIN["P"], lw=0.8, ls=":")
        labels = [display_name(name, alpha) for name in names]
        row[0].set(yticks=places, yticklabels=labels, ylim=(len(names) - 0.5, -0.5))
        row[0].set_title(group, loc="left", weight="bold")
        for axis in row:
            axis.grid(axis="y", lw=0.3, color="0.9")
            axis.tick_params(axis="y", length=0, labelsize=7)
    axes[-1, 0].set_xlabel("r with mature accuracy")
    axes[-1, 1].set_xlabel("r minus that of P")
    style.letter(axes[0])
    count = assessed.n.sel(epoch=epoch).item()
    title = f"Predictors of the mature accuracy of {count} networks after {told_epochs(epoch)}"
    style.legend_below(axes[0, 0], columns=4, title=title)
    return figure


@style.applied
def cost_curves(pool: Analysis, *, ceiling: Estimate, teacher: float) -> Figure:
    """Draw r against multiply-adds: P, P + alpha TG and the best predictor of each family.

    Those that take no training stand by themselves at the left.

    Args:
        teacher: multiply-adds of its training, of which P + alpha TG has its share; 0 or NaN for
            none.
    """
    table, alpha = pool.assessed.sel(statistic=RANKED[0]), pool.scores.attrs["alpha"]
    networks, example = table.n.max().item(), float(pool.scores.multiply_adds.mean())
    means = table.value.mean("epoch").to_series().dropna()
    best = means.groupby(table.family.to_series()).idxmax()
    names = dict.fromkeys([*best, *(name for name in ("P", CHOSEN) if name in means)])
    figure, (free, axis) = style.grid(
        2, label="Pearson's r with mature accuracy", figsize=(WIDE, 3.6), width_ratios=(1, 2.6)
    )
    family = table.family.to_series()
    untrained = [name for name in names if family[name] in GROUPS["training-free"]]
    for name in names:
        line = table.sel(predictor=name).dropna("epoch", subset=["value"])
        look: Look = {"color": COLOURS.get(name, FAMILY_COLOURS[family[name]])}
        if name in untrained:
            last = line.isel(epoch=[-1])
            free.errorbar(
                [display_name(name)], last.value, style.interval_bars(last), fmt="D", **look
            )
        else:
            shade = 0.12 * (name in MAIN)
            look |= {"label": display_name(name, alpha), "shade": shade, "lw": 1.5}
            style.draw_band(axis, line.cost * example, line, **look)
    if teacher > 0:
        guided = table.sel(predictor=CHOSEN)
        look = {"color": MAIN[CHOSEN], "ls": ":", "lw": 1, "marker": "^"}
        label = f"{display_name(CHOSEN)}, teacher counted"
        axis.plot(guided.cost * example + teacher / networks, guided.value, label=label, **look)
    axis.set(xscale="log", xlabel="multiply-adds per network")
    both_ways: Any = (lambda x: x / example, lambda x: x * example)
    above = axis.secondary_xaxis("top", functions=both_ways)
    for one in (axis, above):
        style.log_costs(one)
    above.set_xlabel("examples of a mean network")
    above.spines.top.set_visible(True)
    free.set(title="no training", xlim=(-0.5, max(len(untrained), 1) - 0.5))
    free.set_xticks(
        range(len(untrained)),
        [fill(display_name(name), 11, break_long_words=False) for name in untrained],
    )
    free.tick_params(axis="x", labelsize=7)
    _draw_ceiling(free, ceiling, across=True)
    style.letter((free, axis))
    title = f"What it costs to tell the mature accuracy of {networks} networks"
    style.legend_below(free, columns=2, title=f"{title}\n{NOTE}")
    style.label_ends(axis)
    _draw_ceiling(axis, ceiling, across=True)  # named at the left
    return figure


@style.applied
def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """Draw the paper's predictors on pools, by their names: r with mature accuracy by epoch."""
    names, columns, drawn = list(analysed), min(3, len(analysed)), []
    blocks = [names[start : start + columns] for start in range(0, len(names), columns)]
    rows = [(block, statistic) for block in blocks for statistic in RANKED]
    shared: Any = {"sharex": True, "sharey": True, "squeeze": False}
    size = (WIDE, 0.8 + 1.7 * len(rows))
    figure, axes = plt.subplots(len(rows), columns, figsize=size, **shared)
    for row, (block, statistic) in zip(axes, rows):
        row[0].set_ylabel(STATISTICS[statistic])
        for axis, name in zip(row, block):
            pool = analysed[name]
            table, mature = pool.assessed.sel(statistic=statistic), pool.mature.dropna("network")
            _draw_by_epoch(axis, table, MAIN, alpha)
            axis.label_outer()
            drawn.append(axis)
            if statistic == RANKED[0]:
                count = table.n.max().item()
                ends = f", accuracy {mature.min():.1%} to {mature.max():.1%}" if count else ""
                own = "this run's own" if name == OWN else style.legible(name)
                axis.set_title(f"{fill(own, 22)}\nn = {count}{ends}", size=8)
        for axis in row[len(block) :]:
            axis.remove()
    style.letter(drawn)
    title = "How well early scores tell mature accuracy in each pool, as r by epoch"
    style.legend_below(axes[0, 0], columns=4, title=f"{title}\n{NOTE}")
    return figure


def scatter(
    axis: Axes, score: xr.DataArray, mature: xr.DataArray, *, hollow: xr.DataArray, color: str
) -> None:
    """Draw mature accuracy [network] against a score [network], the shallow networks as circles."""
    for some, face, label in (
        (~hollow.values, color, f"depth {DEPTH} or more"),
        (hollow.values, "none", f"depth below {DEPTH}"),
    ):
        look: Look = {"edgecolors": color, "facecolors": face, "s": 9, "alpha": 0.7}
        axis.scatter(score[some], mature[some], label=label, **look)


def _draw_by_epoch(
    axis: Axes,
    table: xr.Dataset,
    names: Iterable[str],
    alpha: float | None = None,
    colours: Mapping[str, Any] = COLOURS,
) -> None:
    """Draw predictors against epochs, those of `MAIN` with their bands; others are dashed."""
    for name in names:
        main, one = name in MAIN, table.sel(predictor=name)
        colour = colours.get(name, FAMILY_COLOURS[one.family.item()])  # of one that users add
        look: Look = {"color": colour, "label": display_name(name, alpha)}
        look |= {"lw": 1.8} if main else {"lw": 1, "ls": "--", "marker": ""}
        style.draw_band(axis, table.epoch, one, shade=0.1 * main, **look)
    style.epoch_axis(axis, table.epoch.values)


def _draw_ceiling(axis: Axes, ceiling: Estimate, *, across: bool) -> None:
    line, span = (axis.axhline, axis.axhspan) if across else (axis.axvline, axis.axvspan)
    if np.isfinite(ceiling.value):
        label = f"ceiling {told_interval(ceiling)}, of {ceiling.n} networks trained twice"
        line(ceiling.value, color="k", lw=1, ls="--", label=label)
    if np.isfinite(ceiling.low):
        span(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)


def told_interval(one: Any) -> str:
    """Return `bootstrap.cell` of what has a value, low and high."""
    return cell(one.value, one.low, one.high)
