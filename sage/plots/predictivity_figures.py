"""Figures of how well predictors tell mature accuracy: rivals, cost, pools and teachers."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter, SymmetricalLogLocator

from sage.analysis.estimates import Estimate
from sage.analysis.predictivity import Analysis
from sage.plots.figures import COLUMN, COMBINED, STYLE, epoch_axis

FAMILY_COLOURS = {
    "accuracy": "C0",
    "training speed": "C9",
    "size": "C5",
    "zero-cost": "C8",
    "guidance": "C2",
    "control": "0.45",
    "combination": "C1",
}


def rivals(assessed: xr.Dataset, *, epoch: float, ceiling: Estimate, alpha: float) -> Figure:
    """All predictors at one epoch, the best first: correlation with mature accuracy, and by how much it exceeds P's.

    Args:
        assessed: see `predictivity.assess`. ceiling: see `predictivity.ceiling`, a line and a band if there is one.
    """
    one = assessed.sel(epoch=epoch, statistic="pearson")
    one = one.isel(predictor=np.argsort(-one.value.fillna(-np.inf).values, kind="stable"))
    places, n = np.arange(one.sizes["predictor"]), one.n.item()
    with plt.rc_context(STYLE):
        size = (2.2 * COLUMN, 1.1 + 0.155 * len(places))
        figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
        for axis, prefix in ((left, ""), (right, "difference_")):
            value = one[prefix.rstrip("_") or "value"].values
            bars = np.stack(
                [value - one[f"{prefix}low"].values, one[f"{prefix}high"].values - value]
            )
            for family, colour in FAMILY_COLOURS.items():
                drawn = (one.family.values == family) & np.isfinite(value)
                axis.errorbar(
                    value[drawn],
                    places[drawn],
                    xerr=bars[:, drawn].clip(0),
                    fmt="o",
                    ms=3,
                    elinewidth=0.9,
                    color=colour,
                    label=family,
                )
            axis.axvline(0, color="0.6", lw=0.8, ls=":")
            axis.grid(axis="y", lw=0.3, color="0.9")
        left.axvline(one.value.sel(predictor="P"), color=FAMILY_COLOURS["accuracy"], lw=0.8, ls=":")
        if np.isfinite(ceiling.value):
            left.axvline(ceiling.value, color="k", lw=1, ls="--", label=_ceiling(ceiling))
            left.axvspan(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)
        names = [_named(name, alpha) for name in one.predictor.values]
        left.set(yticks=places, yticklabels=names, ylim=(len(places) - 0.5, -0.5))
        left.tick_params(axis="y", labelsize=7, length=0)
        right.tick_params(axis="y", length=0)
        left.set(xlabel="r with mature accuracy", xlim=(-1, 1.03))
        right.set(xlabel="r minus that of P")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        figure.suptitle(
            f"predictors after {epoch:g} epochs; bars: 95 % bootstrap over n = {n} networks, paired on the right",
            fontsize=9,
        )
    return figure


def cost_curves(assessed: xr.Dataset, *, ceiling: Estimate, alpha: float, teacher: float) -> Figure:
    """P, P + a TG and the best of each family: correlation with mature accuracy against examples processed.

    Args:
        assessed: see `predictivity.assess`. ceiling: see `predictivity.ceiling`. teacher: examples that its training
            processed, of which P + a TG is drawn once more with its share; 0 or NaN for none.
    """
    table = assessed.sel(statistic="pearson")
    means = table.value.mean("epoch").fillna(-np.inf)
    chosen = {}
    for family in FAMILY_COLOURS:
        members = means[(table.family == family).values & np.isfinite(means.values)]
        if members.size:
            best = members.predictor.values[members.values.argmax()].item()
            chosen[best] = f"{family}: {_named(best, alpha)}"
    chosen = {
        name: name for name in ("P", "P + a TG") if np.isfinite(means.sel(predictor=name))
    } | chosen
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(2 * COLUMN, 3.6))
        for name, label in chosen.items():
            line = table.sel(predictor=name)
            line = line.isel(epoch=np.flatnonzero(np.isfinite(line.value.values)))
            style = {"color": FAMILY_COLOURS[line.family.item()], "label": label, "ms": 3}
            if np.ptp(line.cost.values) == 0:  # no training changes it: one point
                line = line.isel(epoch=[-1])
                bars = np.stack([line.value - line.low, line.high - line.value]).clip(0)
                axis.errorbar(line.cost, line.value, bars, fmt="D", **style)
            else:
                axis.plot(line.cost, line.value, "o-" if ":" in label else "s--", lw=1.5, **style)
                axis.fill_between(
                    line.cost, line.low, line.high, color=style["color"], alpha=0.08, lw=0
                )
        guided, networks = table.sel(predictor="P + a TG"), table.n.max().item()
        if teacher > 0:
            label = f"P + a TG, a share of the teacher's {EngFormatter(places=0, sep='')(teacher)} examples added"
            style = {"color": FAMILY_COLOURS["combination"], "ms": 3, "alpha": 0.5, "label": label}
            axis.plot(guided.cost + teacher / networks, guided.value, "^:", lw=1, **style)
        if np.isfinite(ceiling.value):
            axis.axhline(ceiling.value, color="k", lw=1, ls="--", label=_ceiling(ceiling))
            axis.axhspan(ceiling.low, ceiling.high, color="k", alpha=0.06, lw=0)
        axis.set_xscale("symlog", linthresh=100, linscale=0.5)
        axis.set_xlim(left=-20)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.xaxis.set_minor_locator(
            SymmetricalLogLocator(base=10, linthresh=100, subs=range(2, 10))
        )
        axis.set_xlabel("examples processed per network, those of measurements included")
        axis.set_ylabel("r with mature accuracy")
        axis.set_title(
            f"bands and bars: 95 % bootstrap, n = {networks} networks\n"
            "by family the best in the mean over epochs, so a little favoured;\n"
            "a was chosen on mature networks, whose training is not counted"
        )
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def pools(analysed: Mapping[str, Analysis], *, alpha: float) -> Figure:
    """The paper's predictors on several pools side by side: correlation with mature accuracy against epochs.

    Args:
        analysed: see `predictivity.analyse`, by the pool's name.
    """
    styles = {"P": "C0", "TG": "C2", COMBINED: "C1", "P + a TG": "C3"}
    with plt.rc_context(STYLE):
        rows = -(-len(analysed) // 2)
        size = (2 * COLUMN, 0.6 + 2.2 * rows)
        figure, axes = plt.subplots(rows, 2, figsize=size, sharey=True, squeeze=False)
        for axis in axes.flat[len(analysed) :]:
            axis.remove()
        for axis, (name, one) in zip(axes.flat, analysed.items()):
            table, mature = one.assessed, one.mature.values[np.isfinite(one.mature.values)]
            for predictor, colour in styles.items():
                line = table.sel(predictor=predictor, statistic="pearson")
                label = (
                    f"{predictor}, a chosen on other networks"
                    if " a " in predictor
                    else _named(predictor, alpha)
                )
                axis.plot(line.epoch, line.value, "o-", ms=3, color=colour, label=label)
                axis.fill_between(line.epoch, line.low, line.high, color=colour, alpha=0.1, lw=0)
            epoch_axis(axis, table.epoch.values)
            span = (
                f"{100 * mature.min():.1f} to {100 * mature.max():.1f} %" if len(mature) else "none"
            )
            axis.set_title(f"{name}\nn = {table.n.max().item()}, mature accuracy {span}")
        for axis in axes[:, 0]:
            axis.set_ylabel("r with mature accuracy")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        figure.suptitle("bands: 95 % bootstrap over networks", fontsize=9)
    return figure


def teachers(assessed: xr.Dataset, *, teacher: str) -> Figure:
    """TG by the teacher and its controls: correlation, and what it exceeds P's by, against epochs (as Figure 5).

    Args:
        assessed: see `predictivity.assess`. teacher: its name.
    """
    table = assessed.sel(statistic="pearson")
    controls = table.predictor.values[table.family.values == "control"].tolist()
    colours = {"P": "C0", "TG": "C2"} | dict(zip(controls, ("C4", "C5", "C6", "C7", "C8")))
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.9))
        for name, colour in colours.items():
            line = table.sel(predictor=name)
            style = {
                "color": colour,
                "ls": "--" if name in controls else "-",
                "marker": "o",
                "ms": 3,
            }
            left.plot(
                line.epoch, line.value, label=f"TG {teacher}" if name == "TG" else name, **style
            )
            right.plot(line.epoch, line.difference, **style)
            for axis, low, high in (
                (left, line.low, line.high),
                (right, line.difference_low, line.difference_high),
            ):
                axis.fill_between(line.epoch, low, high, color=colour, alpha=0.08, lw=0)
        for axis in (left, right):
            epoch_axis(axis, table.epoch.values)
        left.set(ylabel="r with mature accuracy")
        right.set(ylabel="r minus that of P")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        figure.suptitle(
            f"the teacher and its controls; bands: 95 % bootstrap, n = {table.n.max().item()}, paired on the right",
            fontsize=9,
        )
    return figure


def scatter(score: xr.DataArray, mature: xr.DataArray, found: Estimate, *, label: str) -> Figure:
    """Mature accuracy against one score.

    Args:
        score: [network]. mature: [network] in [0, 1]. found: r of the two. label: the score's, for people.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(1.2 * COLUMN, 0.9 * COLUMN))
        axis.scatter(score, mature, s=12, color=FAMILY_COLOURS["combination"], alpha=0.7)
        axis.set(xlabel=label, ylabel="mature validation accuracy")
        axis.set_title(
            f"r = {found.value:.2f} [{found.low:.2f}, {found.high:.2f}], n = {found.n} networks"
        )
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _ceiling(ceiling: Estimate) -> str:
    interval = f"{ceiling.value:.2f} [{ceiling.low:.2f}, {ceiling.high:.2f}]"
    return f"ceiling by another seed, {interval}, n = {ceiling.n}"


def _named(predictor: str, alpha: float) -> str:
    """A predictor's name with the value of alpha, if it has that."""
    return f"P + {alpha:g} TG" if predictor == COMBINED else predictor
