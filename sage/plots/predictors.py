"""Figures of how well predictors tell mature accuracy: by epoch, cost, weight, pool and teacher.

Here `assessed` is that of `predictivity.assess`, `mature` is accuracy [network] in [0, 1],
`ceiling` is that of `predictivity.ceiling`, drawn if it is known, and `alpha` is the weight of TG.
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
DOTS: Look = {"marker": "o", "ms": 3}


@style.applied
def predictivity(pool: Analysis, layers: Sequence[str], *, epoch: float) -> Figure:
    """Draw mature accuracy against P and P + alpha TG at one epoch, and correlations by epoch.

    Args:
        pool: see `predictivity.analyse`.
        layers: predictors that are TG of a single teacher layer.
        epoch: of the two scatter plots.
    """
    curves, alpha = pool.assessed.sel(statistic="pearson"), pool.scores.attrs["alpha"]
    figure, axes = plt.subplots(1, 3, figsize=(2.2 * COLUMN, 3), width_ratios=(1, 1, 1.5))
    for axis, name in zip(axes, ("P", COMBINED)):
        place = {"predictor": name, "epoch": epoch}
        r = curves.sel(place)
        _scatter(axis, pool.scores.sel(place), pool.mature, s=9, color=COLOURS[name])
        axis.set_xlabel(f"{_named(name, alpha)}, {epoch:g} epochs")
        axis.set_title(f"r = {_interval(r)}\nn = {r.n:.0f} networks")
        axis.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set_ylabel("")
    greys = sns.color_palette("Greys", len(layers) + 2)[1:]
    lines: dict[str, Look] = {}
    for name, grey in zip(layers, greys):
        lines[name] = {"color": grey, "lw": 1, "ls": "--"}
    for name in ("TG", "P", COMBINED):
        lines[name] = {"color": COLOURS[name], "lw": 1.8, "label": _named(name, alpha), **DOTS}
    _draw_by_epoch(axes[2], curves, lines)
    _cost_axis(axes[2], curves.cost.sel(predictor=COMBINED))
    axes[2].set(ylabel="r with mature accuracy", title="bands: 95 % bootstrap")
    style.legend_below(axes[2], columns=len(lines))
    return figure


def _cost_axis(axis: Axes, cost: xr.DataArray) -> None:
    """Draw an axis above that of epochs, with the examples [epoch] that a score costs by each."""
    ticks, above = axis.get_xticks(), axis.twiny()
    style.epoch_axis(above, cost.epoch.values)
    above.set(xlim=axis.get_xlim(), xlabel="examples, measurement included")
    labels = [EngFormatter(sep="", places=1)(one) for one in cost.sel(epoch=ticks).values]
    above.set_xticks(ticks, labels, rotation=90)
    above.spines.top.set_visible(True)
    above.tick_params(labelsize=7)


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
    figure, axes = style.grid(len(panels), -(-len(panels) // 2), (2 * COLUMN, 4), label)
    for axis, (title, (line, colour)) in zip(axes, panels.items()):
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        style.draw_band(axis, line.epoch, line, shade=0.2, color=colour, **DOTS)
        style.epoch_axis(axis, sweep.epoch.values)
        axis.set_title(title)
    bands = f"bands: 95 % paired bootstrap, n = {sweep.n.max():.0f} networks"
    figure.suptitle(f"gain in correlation with mature accuracy; {bands}")
    return figure


@style.applied
def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """Draw r of TG by the teacher and its controls, and how much it exceeds P's (as Figure 5)."""
    table = assessed.sel(statistic="pearson")
    controls = table.predictor.values[table.family.values == "control"].tolist()
    lines: dict[str, Look] = {name: {"color": COLOURS[name], "ls": "-"} for name in ("P", "TG")}
    lines |= {name: {"color": f"C{4 + place}", "ls": "--"} for place, name in enumerate(controls)}
    lines = {name: {**DOTS, "shade": 0.08, **line} for name, line in lines.items()}
    lines["TG"]["label"] = f"TG {teacher}"
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.9))
    _draw_by_epoch(left, table, lines)
    _draw_by_epoch(right, gain(assessed, table.predictor.values), lines)
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
            look: Look = {"color": colour, "label": family, "fmt": "o", "ms": 3, "elinewidth": 0.9}
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
    figure, axis = plt.subplots(figsize=(2 * COLUMN, 3.6))
    for name, label in _best_of_families(table, alpha).items():
        line = table.sel(predictor=name)
        line = line.isel(epoch=np.isfinite(line.value.values))
        look: Look = {"color": FAMILY_COLOURS[line.family.item()], "label": label, "ms": 3}
        if np.ptp(line.cost.values) == 0:  # no training changes it: one point
            line = line.isel(epoch=[-1])
            axis.errorbar(line.cost, line.value, style.interval_bars(line), fmt="D", **look)
        else:
            look |= {"marker": "o", "ls": "-"} if ":" in label else {"marker": "s", "ls": "--"}
            style.draw_band(axis, line.cost, line, shade=0.08, lw=1.5, **look)
    if teacher > 0:
        guided, examples = table.sel(predictor="P + a TG"), EngFormatter(places=0, sep="")(teacher)
        label = f"P + a TG, a share of the teacher's {examples} examples added"
        look = {"color": FAMILY_COLOURS["combination"], "ms": 3, "alpha": 0.5, "label": label}
        axis.plot(guided.cost + teacher / networks, guided.value, "^:", lw=1, **look)
    _draw_ceiling(ceiling, axis.axhline, axis.axhspan)
    axis.set_xscale("symlog", linthresh=100, linscale=0.5)
    axis.set_xlim(left=-20)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_minor_locator(SymmetricalLogLocator(base=10, linthresh=100, subs=range(2, 10)))
    axis.set_xlabel("examples processed per network, those of measurements included")
    axis.set_ylabel("r with mature accuracy")
    axis.set_title(
        f"bands and bars: 95 % bootstrap, n = {networks} networks\n"
        "by family the best in the mean over epochs, so a little favoured;\n"
        "a was chosen on mature networks, whose training is not counted"
    )
    style.legend_below(axis, columns=2)
    return figure


def _best_of_families(table: xr.Dataset, alpha: float) -> dict[str, str]:
    """Return predictors with their labels: P, P + a TG and each family's best by its mean."""
    means = table.value.mean("epoch").to_series().dropna()
    chosen = {name: name for name in ("P", "P + a TG") if name in means}
    for family in FAMILY_COLOURS:
        members = means[table.family.to_series()[means.index] == family]
        if len(members):
            best = members.idxmax()
            chosen[best] = f"{family}: {_named(best, alpha)}"
    return chosen


@style.applied
def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """Draw the paper's predictors on several pools: r with mature accuracy against epochs.

    Args:
        analysed: by the pool's name, see `predictivity.analyse`.
    """
    lines = {
        name: {"color": colour, "label": _named(name, alpha), **DOTS}
        for name, colour in COLOURS.items()
    }
    lines["P + a TG"]["label"] += ", a chosen on other networks"
    size = (2 * COLUMN, 0.6 + 2.2 * -(-len(analysed) // 2))
    figure, axes = style.grid(len(analysed), 2, size, "r with mature accuracy")
    for axis, (name, pool) in zip(axes, analysed.items()):
        table, mature = pool.assessed.sel(statistic="pearson"), 100 * pool.mature.dropna("network")
        _draw_by_epoch(axis, table, lines)
        ends = f"{mature.min():.1f} to {mature.max():.1f} %" if mature.size else "none"
        axis.set_title(f"{name}\nn = {table.n.max().item()}, mature accuracy {ends}")
    style.legend_below(axes[0], columns=4, title="bands: 95 % bootstrap over networks")
    return figure


@style.applied
def score_scatter(score: xr.DataArray, mature: xr.DataArray, r: Estimate, *, label: str) -> Figure:
    """Draw mature accuracy against a score [network] with a label, and their correlation r."""
    figure, axis = plt.subplots(figsize=(1.2 * COLUMN, 0.9 * COLUMN))
    _scatter(axis, score, mature, s=12, color=FAMILY_COLOURS["combination"])
    axis.set(xlabel=label, title=f"r = {_interval(r)}, n = {r.n} networks")
    axis.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _scatter(axis: Axes, score: xr.DataArray, mature: xr.DataArray, **look: Any) -> None:
    axis.scatter(score, mature, alpha=0.7, **look)
    style.accuracy_axis(axis)


def _draw_by_epoch(axis: Axes, table: xr.Dataset, lines: Mapping[str, Look]) -> None:
    """Draw predictors with their bands against epochs, each as `style.draw_band` is told."""
    for name, look in lines.items():
        line = table.sel(predictor=name)
        style.draw_band(axis, line.epoch, line, **{"label": name, **look})
    style.epoch_axis(axis, table.epoch.values)


def _draw_ceiling(ceiling: Estimate, draw_line: Callable, draw_span: Callable) -> None:
    if np.isfinite(ceiling.value):
        label = f"ceiling by another seed, {_interval(ceiling)}, n = {ceiling.n}"
        draw_line(ceiling.value, color="k", lw=1, ls="--", label=label)
        draw_span(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)


def _interval(one: Any) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _named(predictor: str, alpha: float) -> str:
    """Return a predictor's name with the value of alpha, if it has that."""
    return SCORES[GUIDED].label(alpha) if predictor == COMBINED else predictor
