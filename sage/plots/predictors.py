"""Figures of how well predictors tell mature accuracy: by epoch, cost, weight, pool and teacher.

`assessed` is the table of `predictivity.assess`, `ceiling` that of `predictivity.ceiling`, drawn if
it is known, and `alpha` the weight of TG.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter, SymmetricalLogLocator

from sage.analysis.bootstrap import Estimate
from sage.analysis.predictivity import Analysis, gain
from sage.analysis.predictors import COMBINED, FAMILIES
from sage.plots import style
from sage.plots.style import COLUMN, Look
from sage.search.scores import GUIDED, SCORES

COLOURS = {"P": "C0", "TG": "C2", COMBINED: "C1", "P + a TG": "C3"}
FAMILY_COLOURS = dict(zip(FAMILIES, ("C0", "C9", "C5", "C8", "C2", "0.45", "C1")))


@style.applied
def predictivity(pool: Analysis, layers: Sequence[str], *, epoch: float) -> Figure:
    """Draw mature accuracy against P and P + alpha TG at one epoch, and correlations by epoch.

    Args:
        layers: predictors that are TG of a single teacher layer.
    """
    curves, alpha = pool.assessed.sel(statistic="pearson"), pool.scores.attrs["alpha"]
    figure, axes = plt.subplots(1, 3, figsize=(2.2 * COLUMN, 3), width_ratios=(1, 1, 1.5))
    for axis, name in zip(axes, ("P", COMBINED)):
        place = {"predictor": name, "epoch": epoch}
        r = curves.sel(place)
        scatter(axis, pool.scores.sel(place), pool.mature, s=9, color=COLOURS[name])
        axis.set_xlabel(f"{_named(name, alpha)}, {epoch:g} epochs")
        axis.set_title(f"r = {interval(r)}\nn = {r.n:.0f} networks")
        axis.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set_ylabel("")
    thin = {"lw": 1, "ls": "--", "marker": ""}
    greys = sns.color_palette("Greys", len(layers) + 2)[1:]
    lines: dict[str, Look] = {name: {"color": grey, **thin} for name, grey in zip(layers, greys)}
    for name in ("TG", "P", COMBINED):
        lines[name] = {"color": COLOURS[name], "lw": 1.8, "label": _named(name, alpha)}
    _draw_by_epoch(axes[2], curves, lines)
    axes[2].set(ylabel="r with mature accuracy", title="bands: 95 % bootstrap")
    # The axis above shows the examples that P + alpha TG has cost by each epoch.
    ticks, above = axes[2].get_xticks(), axes[2].twiny()
    costs = curves.cost.sel(predictor=COMBINED, epoch=ticks).values
    labels = [EngFormatter(sep="", places=1)(one) for one in costs]
    style.epoch_axis(above, curves.epoch.values)
    above.set(xlim=axes[2].get_xlim(), xlabel="examples, measurement included")
    above.set_xticks(ticks, labels, rotation=90, size=7)
    above.spines.top.set_visible(True)
    style.legend_below(axes[2], columns=len(lines))
    return figure


@style.applied
def alpha_effect(sweep: xr.Dataset, nested: xr.Dataset) -> Figure:
    """Draw what TG adds to P against epochs, a panel per alpha.

    Args:
        sweep: see `predictivity.alpha_sweep`.
        nested: gain of "P + a TG", whose alpha is chosen on other networks; in the last panel.
    """
    panels = {rf"$\alpha$ = {one:g}": (sweep.sel(alpha=one), "C1") for one in sweep.alpha.values}
    panels["chosen on others"] = nested, "C3"
    label = r"r(P + $\alpha$ TG) $-$ r(P)"
    figure, axes = style.grid(len(panels), -(-len(panels) // 2), label, figsize=(2 * COLUMN, 4))
    for axis, (title, (line, colour)) in zip(axes, panels.items()):
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        style.draw_band(axis, line.epoch, line, shade=0.2, color=colour)
        style.epoch_axis(axis, sweep.epoch.values)
        axis.set_title(title, parse_math=True)
    bands = f"bands: 95 % paired bootstrap, n = {sweep.n.max():.0f} networks"
    figure.suptitle(f"gain in correlation with mature accuracy; {bands}")
    return figure


@style.applied
def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """Draw r of TG by the teacher and its controls, and how much it exceeds P's (as Figure 5)."""
    table = assessed.sel(statistic="pearson")
    controls = table.predictor.values[table.family.values == "control"].tolist()
    lines: dict[str, Look] = {name: {"color": COLOURS[name]} for name in ("P", "TG")}
    lines |= {name: {"color": f"C{4 + place}", "ls": "--"} for place, name in enumerate(controls)}
    lines["TG"]["label"] = f"TG {style.legible(teacher)}"
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.9))
    _draw_by_epoch(left, table, lines, shade=0.08)
    _draw_by_epoch(right, gain(assessed, table.predictor.values), lines, shade=0.08)
    left.set(ylabel="r with mature accuracy")
    right.set(ylabel="r minus that of P")
    bands = f"bands: 95 % bootstrap, n = {table.n.max().item()}, paired on the right"
    style.legend_below(left, columns=4, title=f"the teacher and its controls; {bands}")
    return figure


@style.applied
def rivals(assessed: xr.Dataset, *, epoch: float, ceiling: Estimate, alpha: float) -> Figure:
    """Draw r of all predictors at one epoch, the best first, and by how much it exceeds P's."""
    one = assessed.sel(epoch=epoch, statistic="pearson")
    one = one.isel(predictor=np.argsort(-one.value.fillna(-np.inf).values, kind="stable"))
    gains = gain(assessed, one.predictor.values).sel(epoch=epoch)
    places = np.arange(one.sizes["predictor"])
    size = (2.2 * COLUMN, 1.1 + 0.155 * len(places))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
    for axis, shown in ((left, one), (right, gains)):
        for family, colour in FAMILY_COLOURS.items():
            drawn = (one.family.values == family) & np.isfinite(shown.value.values)
            members = shown.isel(predictor=drawn)
            look: Look = {"color": colour, "label": family, "fmt": "o", "elinewidth": 0.9}
            axis.errorbar(members.value, places[drawn], xerr=style.interval_bars(members), **look)
        axis.axvline(0, color="0.6", lw=0.8, ls=":")
        axis.grid(axis="y", lw=0.3, color="0.9")
        axis.tick_params(axis="y", length=0, labelsize=7)
    left.axvline(one.value.sel(predictor="P"), color=FAMILY_COLOURS["accuracy"], lw=0.8, ls=":")
    _draw_ceiling(ceiling, left.axvline, left.axvspan)
    names = [_named(name, alpha) for name in one.predictor.values]
    left.set(yticks=places, yticklabels=names, ylim=(len(places) - 0.5, -0.5), xlim=(-1, 1.03))
    left.set_xlabel("r with mature accuracy")
    right.set_xlabel("r minus that of P")
    bars = f"bars: 95 % bootstrap over n = {one.n.item()} networks, paired on the right"
    style.legend_below(left, columns=4, title=f"predictors after {epoch:g} epochs; {bars}")
    return figure


@style.applied
def cost_curves(assessed: xr.Dataset, *, ceiling: Estimate, alpha: float, teacher: float) -> Figure:
    """Draw r against examples processed: P, P + a TG and the best predictor of each family.

    Args:
        teacher: examples that its training processed, of which P + a TG is drawn once more with its
            share; 0 or NaN for none.
    """
    table = assessed.sel(statistic="pearson")
    networks = table.n.max().item()
    means = table.value.mean("epoch").to_series().dropna()
    best = means.groupby(table.family.to_series()).idxmax()
    labels = {name: name for name in ("P", "P + a TG") if name in means}
    labels |= {best[one]: f"{one}: {_named(best[one], alpha)}" for one in FAMILIES if one in best}
    figure, axis = plt.subplots(figsize=(2 * COLUMN, 3.6))
    for name, label in labels.items():
        line = table.sel(predictor=name).dropna("epoch", subset=["value"])
        look: Look = {"color": FAMILY_COLOURS[line.family.item()], "label": label}
        if np.ptp(line.cost.values) == 0:  # no training changes it: one point
            line = line.isel(epoch=[-1])
            axis.errorbar(line.cost, line.value, style.interval_bars(line), fmt="D", **look)
        else:
            look |= {"marker": "o", "ls": "-"} if ":" in label else {"marker": "s", "ls": "--"}
            style.draw_band(axis, line.cost, line, shade=0.08, lw=1.5, **look)
    if teacher > 0:
        guided, examples = table.sel(predictor="P + a TG"), EngFormatter(sep="")(teacher)
        label = f"P + a TG, a share of the teacher's {examples} examples added"
        look = {"color": FAMILY_COLOURS["combination"], "alpha": 0.5, "lw": 1, "label": label}
        axis.plot(guided.cost + teacher / networks, guided.value, "^:", **look)
    _draw_ceiling(ceiling, axis.axhline, axis.axhspan)
    axis.set_xscale("symlog", linthresh=100, linscale=0.5)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(SymmetricalLogLocator(base=10, linthresh=100, subs=range(2, 10)))
    axis.set_xlabel("examples processed per network, those of measurements included")
    title = f"bands and bars: 95 % bootstrap, n = {networks} networks\n"
    title += "by family the best in the mean over epochs, so a little favoured;\n"
    title += "a was chosen on mature networks, whose training is not counted"
    axis.set(ylabel="r with mature accuracy", title=title, xlim=(-20, None))
    style.legend_below(axis, columns=2)
    return figure


@style.applied
def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """Draw the paper's predictors on pools, by their names: r with mature accuracy by epoch."""
    lines = {name: {"color": COLOURS[name], "label": _named(name, alpha)} for name in COLOURS}
    lines["P + a TG"]["label"] += ", a chosen on other networks"
    size = (2 * COLUMN, 0.6 + 2.2 * -(-len(analysed) // 2))
    figure, axes = style.grid(len(analysed), 2, "r with mature accuracy", figsize=size)
    for axis, (name, pool) in zip(axes, analysed.items()):
        table, mature = pool.assessed.sel(statistic="pearson"), 100 * pool.mature.dropna("network")
        _draw_by_epoch(axis, table, lines)
        ends = f"{mature.min():.1f} to {mature.max():.1f} %" if mature.size else "none"
        axis.set_title(f"{style.legible(name)}\nn = {table.n.max().item()}, mature accuracy {ends}")
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
        label = f"ceiling by another seed, {interval(ceiling)}, n = {ceiling.n}"
        draw_line(ceiling.value, color="k", lw=1, ls="--", label=label)
    if np.isfinite(ceiling.low):
        draw_span(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)


def interval(one: Any) -> str:
    """Return a value and its interval, if there is one, from `one.value`, `one.low`, `one.high`."""
    ends = f" [{one.low:.2f}, {one.high:.2f}]" if np.isfinite(one.low) else ""
    return f"{one.value:.2f}{ends}"


def _named(predictor: str, alpha: float) -> str:
    return SCORES[GUIDED].label(alpha) if predictor == COMBINED else predictor
