"""Figures of how well predictors tell mature accuracy: by epoch, cost, weight, pool and teacher.

`assessed` is the table of `predictivity.assess`, `ceiling` that of `predictivity.ceiling`, drawn if
it is known, and `alpha` the weight of TG. Pearson's and Spearman's r stand beside each other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    EngFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    SymmetricalLogLocator,
)

from sage.analysis.added_value import ADDED, GIVEN, with_added
from sage.analysis.bootstrap import Estimate
from sage.analysis.contrasts import MATTERS, RANKED
from sage.analysis.predictivity import Analysis, gain
from sage.analysis.predictors import COMBINED, FAMILIES
from sage.analysis.published_pools import DEPTH
from sage.plots import style
from sage.plots.style import COLUMN, Look
from sage.search.scores import GUIDED, SCORES

COLOURS = {"P": "C0", "TG": "C2", COMBINED: "C1", "P + a TG": "C3"}
ADDED_COLOURS = dict(zip(ADDED, ("C2", "C8", "C4", "C5", "0.6")))
SEARCH_COLOURS = ("C0", "C1", "C3", "C9", "C5", "0.4")
FAMILY_COLOURS = dict(zip(FAMILIES, ("C0", "C9", "C5", "C8", "C2", "0.45", "C1")))


@style.applied
def added_value(pools: Mapping[str, Analysis]) -> Figure:
    """Draw what TG and its controls add to what is free, a row per pool: see `added_value`."""
    panels = [(name, given, one) for name in pools for given in GIVEN for one in RANKED]
    size = (2.2 * COLUMN, 0.9 + 1.7 * len(pools))
    figure, axes = style.grid(len(panels), 2 * len(GIVEN), "gain in r", figsize=size, sharey="row")
    for axis, (name, given, statistic) in zip(axes, panels):
        compared = pools[name].compared.sel(statistic=statistic)
        axis.axhline(0, color="0.5", lw=0.8)
        axis.axhspan(-MATTERS, MATTERS, color="k", alpha=0.05, lw=0)
        for added, colour in ADDED_COLOURS.items():
            pair = (compared["first"] == with_added(given, added)) & (compared["second"] == given)
            if pair.any():
                one, main = compared.isel(pair=pair.values).squeeze("pair"), added == "TG"
                look: Look = {"color": colour, "label": f"+ {added}", "lw": 1.8 if main else 1}
                style.draw_band(axis, one.epoch, one, shade=0.2 if main else 0.06, **look)
        if not np.isfinite(axis.dataLim.x0):
            axis.text(0.5, 0.3, "too few networks", ha="center", transform=axis.transAxes)
        style.epoch_axis(axis, compared.epoch.values)
        axis.set_xticklabels(axis.get_xticklabels(), size=6)
        network_count = pools[name].assessed.n.max().item()
        axis.set_title(f"{name}, n = {network_count}" if statistic == RANKED[0] else "", loc="left")
        axis.text(
            0.97,
            0.97,
            f"given {given}\n{statistic.capitalize()}",
            ha="right",
            va="top",
            transform=axis.transAxes,
            size=7,
        )
    title = "what is added to a cross-validated regression on what is free; bands: 95 % paired\n"
    title += f"bootstrap; grey: differences below {MATTERS:g}, too small to matter"
    style.legend_below(axes[0], columns=5, title=title)
    return figure


@style.applied
def simulated_searches(pools: Mapping[str, Analysis], *, epoch: float, teacher: float) -> Figure:
    """Draw what simulated random searches find by each score, a row per pool, against their cost.

    Args:
        teacher: multiply-adds of its training, added to searches that take it; NaN for unknown.
    """
    columns = 3
    size = (2.2 * COLUMN, 1.0 + 2.1 * len(pools))
    figure, axes = plt.subplots(len(pools), columns, figsize=size, squeeze=False)
    for row, (name, pool) in zip(axes, pools.items()):
        found, scores = pool.found.sel(epoch=epoch), pool.scores
        networks = pool.mature.dropna("network")
        example = float(scores.multiply_adds.mean())
        for number, score in enumerate(found.predictor.values):
            line, cost = found.sel(predictor=score), scores.cost.sel(predictor=score, epoch=epoch)
            each = float(cost) * example
            spent = each * line.candidates + (teacher if "TG" in score and teacher > 0 else 0)
            look: Look = {"color": SEARCH_COLOURS[number], "marker": "o", "label": score}
            for axis, choice in zip(row, line.choice.values):
                axis.plot(spent, 100 * line.value.sel(choice=choice), **look)
                axis.axhline(100 * networks.mean(), color="0.5", ls=":", lw=0.8)
                axis.axhline(100 * networks.max(), color="0.5", ls="--", lw=0.8)
                axis.set(title=choice, xlabel="multiply-adds of the search")
                if line.value.notnull().any():
                    axis.set_xscale("log")
                    ticks = LogLocator(subs=(1, 2, 5))
                    axis.xaxis.set(major_locator=ticks, minor_formatter=NullFormatter())
                    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
            if score != "P":
                gains = 100 * line[["gain_value", "gain_low", "gain_high"]].sel(choice="first")
                gains = gains.rename({f"gain_{end}": end for end in ("value", "low", "high")})
                places = np.arange(line.sizes["candidates"]) + 0.12 * (number - 3)
                bars: Look = {"color": SEARCH_COLOURS[number], "fmt": "o", "elinewidth": 0.9}
                row[2].errorbar(places, gains.value, style.interval_bars(gains), **bars)
        row[2].axhline(0, color="0.5", lw=0.8)
        row[2].set(title="first, minus that by P", xlabel="candidates")
        row[2].set_xticks(np.arange(found.sizes["candidates"]), found.candidates.values)
        row[0].set_ylabel(f"{name}, n = {networks.size}\nmature accuracy (%)", size=7)
        row[2].set_ylabel("points")
    title = f"simulated random searches of 10 to 100 candidates, scored after {epoch:g} epochs;\n"
    title += "bars: 95 % bootstrap over networks; dotted: mean of all networks; dashed: the best"
    style.legend_below(axes[0, 0], columns=6, title=title)
    return figure


@style.applied
def predictivity(pool: Analysis, layers: Sequence[str], *, epoch: float) -> Figure:
    """Draw mature accuracy against P and P + alpha TG at one epoch, and correlations by epoch.

    Args:
        layers: predictors that are TG of a single teacher layer.
    """
    alpha, shallow = pool.scores.attrs["alpha"], (pool.scores.depth < DEPTH).values
    figure, axes = plt.subplots(1, 4, figsize=(2.5 * COLUMN, 3.1), width_ratios=(1, 1, 1.3, 1.3))
    for axis, name in zip(axes, ("P", COMBINED)):
        place = {"predictor": name, "epoch": epoch}
        rs = [pool.assessed.sel(place | {"statistic": statistic}) for statistic in RANKED]
        for some, look in ((~shallow, {}), (shallow, {"facecolors": "none"})):
            label = f"depth {DEPTH} or more" if not look else f"depth below {DEPTH}"
            colours: Look = {"edgecolors": COLOURS[name], "s": 9, **look}
            if not look:
                colours["color"] = COLOURS[name]
            scatter(axis, pool.scores.sel(place)[some], pool.mature[some], label=label, **colours)
        axis.set_xlabel(f"{_named(name, alpha)}, {epoch:g} epochs")
        told = "\n".join(f"{one.capitalize()} {interval(r)}" for one, r in zip(RANKED, rs))
        axis.set_title(f"{told}\nn = {rs[0].n:.0f} networks", size=8)
        axis.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[0].legend(loc="lower right", fontsize=6, handletextpad=0)
    axes[1].set_ylabel("")
    thin = {"lw": 1, "ls": "--", "marker": ""}
    greys = sns.color_palette("Greys", len(layers) + 2)[1:]
    lines: dict[str, Look] = {name: {"color": grey, **thin} for name, grey in zip(layers, greys)}
    for name in ("TG", "P", COMBINED):
        lines[name] = {"color": COLOURS[name], "lw": 1.8, "label": _named(name, alpha)}
    for axis, statistic in zip(axes[2:], RANKED):
        _draw_by_epoch(axis, pool.assessed.sel(statistic=statistic), lines)
        axis.set(ylabel=f"{statistic.capitalize()}'s r with mature accuracy")
        axis.set_xticklabels(axis.get_xticklabels(), size=7)
    axes[3].sharey(axes[2])
    axes[2].set_title("bands: 95 % bootstrap", size=8)
    style.legend_below(axes[2], columns=len(lines))
    return figure


@style.applied
def alpha_effect(sweep: xr.Dataset, nested: Mapping[str, xr.Dataset]) -> Figure:
    """Draw what TG adds to P against epochs, a panel per alpha.

    Args:
        sweep: see `predictivity.alpha_sweep`.
        nested: gain of "P + a TG" by statistic, alpha chosen on other networks; the last panel.
    """
    panels = {
        rf"$\alpha$ = {one:g}": (
            {name: sweep.sel(alpha=one, statistic=name) for name in RANKED},
            "C1",
        )
        for one in sweep.alpha.values
    }
    panels["chosen on others"] = dict(nested), "C3"
    label = r"r(P + $\alpha$ TG) $-$ r(P)"
    figure, axes = style.grid(len(panels), -(-len(panels) // 2), label, figsize=(2 * COLUMN, 4))
    for axis, (title, (both, colour)) in zip(axes, panels.items()):
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        for line, (statistic, shown) in zip(("-", "--"), both.items()):
            look: Look = {"color": colour, "ls": line, "label": statistic.capitalize()}
            style.draw_band(axis, shown.epoch, shown, shade=0.2 if line == "-" else 0.08, **look)
        style.epoch_axis(axis, sweep.epoch.values)
        axis.set_title(title, parse_math=True)
    bands = f"bands: 95 % paired bootstrap, n = {sweep.n.max():.0f} networks"
    title = f"gain in correlation with mature accuracy; {bands}"
    style.legend_below(axes[0], columns=2, title=title)
    return figure


@style.applied
def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """Draw r of TG by the teacher and its controls, and how much it exceeds P's (as Figure 5)."""
    names = assessed.predictor.values
    controls = names[assessed.family.values == "control"].tolist()
    lines: dict[str, Look] = {name: {"color": COLOURS[name]} for name in ("P", "TG")}
    lines |= {name: {"color": f"C{4 + place}", "ls": "--"} for place, name in enumerate(controls)}
    lines["TG"]["label"] = f"TG {style.legible(teacher)}"
    figure, axes = plt.subplots(2, 2, figsize=(2 * COLUMN, 4.8))
    for (left, right), statistic in zip(axes, RANKED):
        _draw_by_epoch(left, assessed.sel(statistic=statistic), lines, shade=0.08)
        _draw_by_epoch(right, gain(assessed, names, statistic), lines, shade=0.08)
        left.set(ylabel=f"{statistic.capitalize()}'s r")
        right.set(ylabel="r minus that of P")
    bands = f"bands: 95 % bootstrap, n = {assessed.n.max().item()}, paired on the right"
    style.legend_below(axes[0, 0], columns=4, title=f"r with mature accuracy; {bands}")
    return figure


@style.applied
def rivals(assessed: xr.Dataset, *, epoch: float, ceiling: Estimate, alpha: float) -> Figure:
    """Draw r of all predictors at one epoch, the best first, and by how much it exceeds P's.

    Dots are Pearson's r, circles below them Spearman's.
    """
    values = assessed.value.sel(epoch=epoch, statistic="pearson")
    order = np.argsort(-values.fillna(-np.inf).values, kind="stable")
    names = assessed.predictor.values[order]
    places = np.arange(len(names))
    size = (2.2 * COLUMN, 1.3 + 0.175 * len(places))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
    for statistic, below, face in zip(RANKED, (-0.15, 0.2), ({}, {"markerfacecolor": "w"})):
        one = assessed.sel(epoch=epoch, statistic=statistic, predictor=names)
        gains = gain(assessed, names, statistic).sel(epoch=epoch)
        for axis, shown in ((left, one), (right, gains)):
            for family, colour in FAMILY_COLOURS.items():
                drawn = (one.family.values == family) & np.isfinite(shown.value.values)
                members, label = shown.isel(predictor=drawn), "" if face else family
                look: Look = {
                    "color": colour,
                    "label": label,
                    "fmt": "o",
                    "elinewidth": 0.8,
                    **face,
                }
                ends = style.interval_bars(members)
                axis.errorbar(members.value, places[drawn] + below, xerr=ends, **look)
    for axis in (left, right):
        axis.axvline(0, color="0.6", lw=0.8, ls=":")
        axis.grid(axis="y", lw=0.3, color="0.9")
        axis.tick_params(axis="y", length=0, labelsize=7)
    left.axvline(values.sel(predictor="P"), color=FAMILY_COLOURS["accuracy"], lw=0.8, ls=":")
    _draw_ceiling(ceiling, left.axvline, left.axvspan)
    labels = [_named(name, alpha) for name in names]
    left.set(yticks=places, yticklabels=labels, ylim=(len(places) - 0.5, -0.5), xlim=(-1, 1.03))
    left.set_xlabel("r with mature accuracy")
    right.set_xlabel("r minus that of P")
    bars = f"bars: 95 % bootstrap over n = {assessed.n.sel(epoch=epoch).item()} networks, paired"
    title = f"predictors after {epoch:g} epochs; dots: Pearson, circles: Spearman;\n"
    style.legend_below(left, columns=4, title=f"{title}{bars} on the right")
    return figure


@style.applied
def cost_curves(pool: Analysis, *, ceiling: Estimate, teacher: float) -> Figure:
    """Draw r against multiply-adds: P, P + a TG and the best predictor of each family.

    Args:
        teacher: multiply-adds of its training, of which P + a TG has its share; 0 or NaN for none.
    """
    table, alpha = pool.assessed.sel(statistic="pearson"), pool.scores.attrs["alpha"]
    networks, example = table.n.max().item(), float(pool.scores.multiply_adds.mean())
    means = table.value.mean("epoch").to_series().dropna()
    best = means.groupby(table.family.to_series()).idxmax()
    labels = {name: name for name in ("P", "P + a TG") if name in means}
    labels |= {best[one]: f"{one}: {_named(best[one], alpha)}" for one in FAMILIES if one in best}
    figure, axis = plt.subplots(figsize=(2 * COLUMN, 4.4))
    for name, label in labels.items():
        line = table.sel(predictor=name).dropna("epoch", subset=["value"])
        look: Look = {"color": FAMILY_COLOURS[line.family.item()], "label": label}
        cost = line.cost * example
        if np.ptp(cost.values) == 0:  # no training changes it: one point
            line = line.isel(epoch=[-1])
            bars = style.interval_bars(line)
            axis.errorbar(cost.isel(epoch=[-1]), line.value, bars, fmt="D", **look)
        else:
            look |= {"marker": "o", "ls": "-"} if ":" in label else {"marker": "s", "ls": "--"}
            style.draw_band(axis, cost, line, shade=0.08, lw=1.5, **look)
    if teacher > 0:
        guided, share = table.sel(predictor="P + a TG"), EngFormatter(places=1, sep="")
        label = f"P + a TG with its share of the teacher, {share(teacher / networks)}"
        look = {"color": FAMILY_COLOURS["combination"], "alpha": 0.5, "lw": 1, "label": label}
        axis.plot(guided.cost * example + teacher / networks, guided.value, "^:", **look)
    _draw_ceiling(ceiling, axis.axhline, axis.axhspan)
    threshold = 10 ** np.ceil(np.log10(100 * example))
    axis.set_xscale("symlog", linthresh=threshold, linscale=0.5)
    powers = 10.0 ** np.arange(np.log10(threshold), np.log10(axis.get_xlim()[1]) + 0.01)
    axis.set_xticks([0, *powers])
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(
        SymmetricalLogLocator(base=10, linthresh=threshold, subs=range(2, 10))
    )
    axis.set_xlabel("multiply-adds per network (passes forward, those of measurements included)")
    both_ways: Any = (lambda x: x / example, lambda x: x * example)
    above = axis.secondary_xaxis("top", functions=both_ways)
    above.set_xscale("symlog", linthresh=threshold / example, linscale=0.5)
    above.xaxis.set_major_formatter(EngFormatter(sep=""))
    above.set_xlabel("examples of a mean network")
    above.spines.top.set_visible(True)
    title = f"bands and bars: 95 % bootstrap, n = {networks} networks\n"
    title += "by family the best in the mean over epochs, so a little favoured;\n"
    title += "a was chosen on mature networks, whose training is not counted"
    axis.set(ylabel="Pearson's r with mature accuracy", xlim=(-0.2 * threshold, None))
    style.legend_below(axis, columns=2, title=title)
    return figure


@style.applied
def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """Draw the paper's predictors on pools, by their names: r with mature accuracy by epoch."""
    lines = {name: {"color": COLOURS[name], "label": _named(name, alpha)} for name in COLOURS}
    lines["P + a TG"]["label"] += ", a chosen on other networks"
    size, label = (2 * COLUMN, 0.6 + 1.9 * len(analysed)), "r with mature accuracy"
    figure, axes = style.grid(2 * len(analysed), 2, label, figsize=size)
    panels = [(name, statistic) for name in analysed for statistic in RANKED]
    for axis, (name, statistic) in zip(axes, panels):
        pool = analysed[name]
        table, mature = pool.assessed.sel(statistic=statistic), 100 * pool.mature.dropna("network")
        _draw_by_epoch(axis, table, lines)
        ends = f"{mature.min():.1f} to {mature.max():.1f} %" if mature.size else "none"
        told = f"n = {table.n.max().item()}, mature accuracy {ends}, {statistic.capitalize()}"
        axis.set_title(f"{style.legible(name)}\n{told}", size=8)
    style.legend_below(axes[0], columns=4, title="bands: 95 % bootstrap over networks")
    return figure


def scatter(axis: Axes, score: xr.DataArray, mature: xr.DataArray, **look: Any) -> None:
    """Draw mature accuracy [network] against a score [network]."""
    axis.scatter(score, mature, alpha=0.7, **look)
    style.accuracy_axis(axis)


def _draw_by_epoch(axis: Axes, table: xr.Dataset, lines: Mapping[str, Look], **every: Any) -> None:
    """Draw predictors with their bands against epochs; `every` holds for all `lines`."""
    for name, own in lines.items():
        look = {"label": name, **every, **own}
        style.draw_band(axis, table.epoch, table.sel(predictor=name), **look)
    style.epoch_axis(axis, table.epoch.values)


def _draw_ceiling(ceiling: Estimate, draw_line: Callable, draw_span: Callable) -> None:
    if np.isfinite(ceiling.value):
        agreement = ceiling.value**2
        label = f"two trainings agree by {agreement:.3f}, n = {ceiling.n};\nline: its root, "
        label += f"{interval(ceiling)},\na bound unless the run itself is seen"
        draw_line(ceiling.value, color="k", lw=1, ls="--", label=label)
    if np.isfinite(ceiling.low):
        draw_span(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)


def interval(one: Any) -> str:
    """Return a value and its interval, if there is one, from `one.value`, `one.low`, `one.high`."""
    ends = f" [{one.low:.2f}, {one.high:.2f}]" if np.isfinite(one.low) else ""
    return f"{one.value:.2f}{ends}"


def _named(predictor: str, alpha: float) -> str:
    return SCORES[GUIDED].label(alpha) if predictor == COMBINED else predictor
