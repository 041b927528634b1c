"""Figures of how well predictors tell mature accuracy: by epoch, cost, weight, pool and teacher."""

from collections.abc import Mapping
from itertools import zip_longest
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
from sage.analysis.predictors import COMBINED
from sage.plots.style import (
    COLUMN,
    accuracy_axis,
    draw_band,
    epoch_axis,
    interval_bars,
    legend_below,
    styled,
)

COLOURS = {"P": "C0", "TG": "C2", COMBINED: "C1", "P + a TG": "C3"}
FAMILY_COLOURS = {
    "accuracy": "C0",
    "training speed": "C9",
    "size": "C5",
    "zero-cost": "C8",
    "guidance": "C2",
    "control": "0.45",
    "combination": "C1",
}


@styled
def predictivity(
    table: xr.DataArray, mature: xr.DataArray, curves: xr.Dataset, *, epoch: float
) -> Figure:
    """Draw mature accuracy against P and P + alpha TG at one epoch, and all correlations by epoch.

    Args:
        table: [predictor, network, epoch], see `predictors.score_table`.
        mature: [network] in [0, 1].
        curves: one statistic of `predictivity.assess`, of the paper's predictors.
        epoch: of the two scatter plots.
    """
    alpha, size = table.attrs["alpha"], (2.2 * COLUMN, 3)
    figure, axes = plt.subplots(1, 3, figsize=size, width_ratios=(1, 1, 1.5))
    for axis, name in zip(axes, ("P", COMBINED)):
        score, r = (one.sel(predictor=name, epoch=epoch) for one in (table, curves))
        _scatter(axis, score, mature, s=9, color=COLOURS[name])
        axis.set(xlabel=f"{_named(name, alpha)}, {epoch:g} epochs")
        axis.set_title(f"r = {r.value:.2f} [{r.low:.2f}, {r.high:.2f}]\nn = {r.n:.0f} networks")
        axis.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].xaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set_ylabel("")
    layers = [name for name in curves.predictor.values if name.startswith("TG ")]
    colours = COLOURS | dict(zip(layers, sns.color_palette("Greys", len(layers) + 2)[1:]))
    for name in [*layers, "TG", "P", COMBINED]:
        style = {"lw": 1, "ls": "--"} if name in layers else {"lw": 1.8, "marker": "o", "ms": 3}
        line = curves.sel(predictor=name)
        draw_band(
            axes[2], line.epoch, line, color=colours[name], label=_named(name, alpha), **style
        )
    epoch_axis(axes[2], curves.epoch.values)
    _cost_axis(axes[2], curves.cost.sel(predictor=COMBINED))
    axes[2].set(ylabel="r with mature accuracy", title="bands: 95 % bootstrap")
    legend_below(axes[2], columns=len(layers) + 3)
    return figure


def _cost_axis(axis: Axes, cost: xr.DataArray) -> None:
    """Draw an axis above that of epochs, with the examples [epoch] that a score costs by each."""
    ticks, above = axis.get_xticks(), axis.twiny()
    epoch_axis(above, cost.epoch.values)
    above.set(xlim=axis.get_xlim(), xlabel="examples, measurement included")
    labels = [EngFormatter(sep="", places=1)(one) for one in cost.sel(epoch=ticks).values]
    above.set_xticks(ticks, labels, rotation=90)
    above.spines.top.set_visible(True)
    above.tick_params(labelsize=7)


@styled
def alpha_effect(sweep: xr.Dataset, nested: xr.Dataset) -> Figure:
    """Draw what TG adds to P against epochs, a panel per alpha.

    Args:
        sweep: see `predictivity.alpha_sweep`.
        nested: gain of "P + a TG", whose alpha is chosen on other networks; in the last panel.
    """
    panels = {
        rf"$\alpha$ = {alpha:g}": (sweep.sel(alpha=alpha), "C1") for alpha in sweep.alpha.values
    }
    panels["chosen on others"] = nested, "C3"
    figure, axes = plt.subplots(2, -(-len(panels) // 2), figsize=(2 * COLUMN, 4), sharey=True)
    for axis, panel in zip_longest(axes.flat, panels.items()):
        if panel is None:
            axis.remove()
            continue
        title, (line, colour) = panel
        axis.axhline(0, color="0.5", lw=0.8, ls=":")
        draw_band(axis, line.epoch, line, shade=0.2, color=colour, marker="o", ms=3)
        epoch_axis(axis, sweep.epoch.values)
        axis.set_title(title)
    for axis in axes[:, 0]:
        axis.set_ylabel(r"r(P + $\alpha$ TG) $-$ r(P)")
    figure.suptitle(
        "gain in correlation with mature accuracy; "
        f"bands: 95 % paired bootstrap, n = {sweep.n.max():.0f} networks"
    )
    return figure


@styled
def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """Draw r of TG by the teacher and its controls, and by how much it exceeds P's (as Figure 5).

    Args:
        assessed: see `predictivity.assess`.
        teacher: its name.
    """
    table = assessed.sel(statistic="pearson")
    controls = table.predictor.values[table.family.values == "control"].tolist()
    colours = {"P": "C0", "TG": "C2"} | dict(zip(controls, ("C4", "C5", "C6", "C7", "C8")))
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.9))
    for name, colour in colours.items():
        label = f"TG {teacher}" if name == "TG" else name
        style = {"color": colour, "ls": "--" if name in controls else "-", "label": label}
        for axis, line in ((left, table.sel(predictor=name)), (right, gain(assessed, name))):
            draw_band(axis, line.epoch, line, shade=0.08, marker="o", ms=3, **style)
    for axis in (left, right):
        epoch_axis(axis, table.epoch.values)
    left.set(ylabel="r with mature accuracy")
    right.set(ylabel="r minus that of P")
    legend_below(left, columns=4)
    figure.suptitle(
        "the teacher and its controls; "
        f"bands: 95 % bootstrap, n = {table.n.max().item()}, paired on the right"
    )
    return figure


@styled
def rivals(assessed: xr.Dataset, *, epoch: float, ceiling: Estimate, alpha: float) -> Figure:
    """Draw r with mature accuracy of all predictors, the best first, and by how much it exceeds P's.

    Args:
        assessed: see `predictivity.assess`.
        epoch: at which they are compared.
        ceiling: see `predictivity.ceiling`; drawn if it is known.
        alpha: weight of TG, for its name.
    """
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
            style = {"fmt": "o", "ms": 3, "elinewidth": 0.9, "color": colour, "label": family}
            axis.errorbar(members.value, places[drawn], xerr=interval_bars(members), **style)
        axis.axvline(0, color="0.6", lw=0.8, ls=":")
        axis.grid(axis="y", lw=0.3, color="0.9")
        axis.tick_params(axis="y", length=0)
    left.axvline(one.value.sel(predictor="P"), color=FAMILY_COLOURS["accuracy"], lw=0.8, ls=":")
    if np.isfinite(ceiling.value):
        left.axvline(ceiling.value, color="k", lw=1, ls="--", label=_ceiling_label(ceiling))
        left.axvspan(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)
    names = [_named(name, alpha) for name in one.predictor.values]
    left.set(yticks=places, yticklabels=names, ylim=(len(places) - 0.5, -0.5), xlim=(-1, 1.03))
    left.tick_params(axis="y", labelsize=7)
    left.set_xlabel("r with mature accuracy")
    right.set_xlabel("r minus that of P")
    legend_below(left, columns=4)
    figure.suptitle(
        f"predictors after {epoch:g} epochs; "
        f"bars: 95 % bootstrap over n = {one.n.item()} networks, paired on the right"
    )
    return figure


@styled
def cost_curves(assessed: xr.Dataset, *, ceiling: Estimate, alpha: float, teacher: float) -> Figure:
    """Draw r with mature accuracy against examples processed: P, P + a TG and each family's best.

    Args:
        assessed: see `predictivity.assess`.
        ceiling: see `predictivity.ceiling`; drawn if it is known.
        alpha: weight of TG, for its name.
        teacher: examples that its training processed, of which P + a TG is drawn once more with its
            share; 0 or NaN for none.
    """
    table = assessed.sel(statistic="pearson")
    networks = table.n.max().item()
    figure, axis = plt.subplots(figsize=(2 * COLUMN, 3.6))
    for name, label in _best_of_families(table, alpha).items():
        line = table.sel(predictor=name)
        line = line.isel(epoch=np.isfinite(line.value.values))
        style = {"color": FAMILY_COLOURS[line.family.item()], "label": label, "ms": 3}
        if np.ptp(line.cost.values) == 0:  # no training changes it: one point
            line = line.isel(epoch=[-1])
            axis.errorbar(line.cost, line.value, interval_bars(line), fmt="D", **style)
        else:
            style |= {"marker": "o", "ls": "-"} if ":" in label else {"marker": "s", "ls": "--"}
            draw_band(axis, line.cost, line, shade=0.08, lw=1.5, **style)
    if teacher > 0:
        guided, examples = table.sel(predictor="P + a TG"), EngFormatter(places=0, sep="")(teacher)
        label = f"P + a TG, a share of the teacher's {examples} examples added"
        style = {"color": FAMILY_COLOURS["combination"], "ms": 3, "alpha": 0.5, "label": label}
        axis.plot(guided.cost + teacher / networks, guided.value, "^:", lw=1, **style)
    if np.isfinite(ceiling.value):
        axis.axhline(ceiling.value, color="k", lw=1, ls="--", label=_ceiling_label(ceiling))
        axis.axhspan(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)
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
    legend_below(axis, columns=2)
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


@styled
def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """Draw the paper's predictors on several pools: r with mature accuracy against epochs.

    Args:
        analysed: by the pool's name, see `predictivity.analyse`.
        alpha: weight of TG, for its name.
    """
    rows = -(-len(analysed) // 2)
    size = (2 * COLUMN, 0.6 + 2.2 * rows)
    figure, axes = plt.subplots(rows, 2, figsize=size, sharey=True, squeeze=False)
    for axis, pool in zip_longest(axes.flat, analysed):
        if pool is None:
            axis.remove()
            continue
        table = analysed[pool].assessed.sel(statistic="pearson")
        mature = analysed[pool].mature.dropna("network").values
        for name, colour in COLOURS.items():
            chosen = ", a chosen on other networks" if " a " in name else ""
            style = {"color": colour, "marker": "o", "ms": 3, "label": _named(name, alpha) + chosen}
            draw_band(axis, table.epoch, table.sel(predictor=name), **style)
        epoch_axis(axis, table.epoch.values)
        ends = f"{100 * mature.min():.1f} to {100 * mature.max():.1f} %" if len(mature) else "none"
        axis.set_title(f"{pool}\nn = {table.n.max().item()}, mature accuracy {ends}")
    for axis in axes[:, 0]:
        axis.set_ylabel("r with mature accuracy")
    legend_below(axes[0, 0], columns=4)
    figure.suptitle("bands: 95 % bootstrap over networks")
    return figure


@styled
def score_scatter(
    score: xr.DataArray, mature: xr.DataArray, found: Estimate, *, label: str
) -> Figure:
    """Draw mature accuracy against one score.

    Args:
        score: [network].
        mature: [network] in [0, 1].
        found: r of the two.
        label: name of the score.
    """
    figure, axis = plt.subplots(figsize=(1.2 * COLUMN, 0.9 * COLUMN))
    _scatter(axis, score, mature, s=12, color=FAMILY_COLOURS["combination"])
    r = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    axis.set(xlabel=label, title=f"r = {r}, n = {found.n} networks")
    axis.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _scatter(axis: Axes, score: xr.DataArray, mature: xr.DataArray, **style: Any) -> None:
    axis.scatter(score, mature, alpha=0.7, **style)
    accuracy_axis(axis)


def _ceiling_label(ceiling: Estimate) -> str:
    interval = f"{ceiling.value:.2f} [{ceiling.low:.2f}, {ceiling.high:.2f}]"
    return f"ceiling by another seed, {interval}, n = {ceiling.n}"


def _named(predictor: str, alpha: float) -> str:
    """Return a predictor's name with the value of alpha, if it has that."""
    return f"P + {alpha:g} TG" if predictor == COMBINED else predictor
