"""Figures that can be printed: tables of results in, matplotlib figures out."""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from scipy.spatial.distance import squareform

from sage.analysis import estimates
from sage.config import paths
from sage.search.scores import SCORES

# Loads the backend here: loaded within an rc_context below, a notebook would show its first figure only.
plt.switch_backend(plt.get_backend())

STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.constrained_layout.use": True,
    "font.size": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text in a journal's production
    "savefig.dpi": 200,
    "figure.dpi": 120,  # in the notebook
}
COLUMN = 3.4  # inches, one column of a two-column paper
SEARCHER_NAMES = {"random": "random search", "reinforce": "reinforcement learning", "tpe": "TPE"}
COMBINED = "P + alpha TG"
COLOURS = {"P": "C0", COMBINED: "C1", "TG": "C2"}


def save(figure: Figure, folder: Path, name: str) -> Figure:
    """Write `<folder>/<name>.png` and `.pdf`, the same bytes for the same figure; returns the figure."""
    for suffix, metadata in (
        (".png", {}),
        (".pdf", {"CreationDate": None, "Producer": None, "Creator": None}),
    ):
        with plt.rc_context(STYLE):
            paths.replace(folder / f"{name}{suffix}", partial(figure.savefig, metadata=metadata))
            figure.set_layout_engine(
                "none"
            )  # It is laid out now; again for each format it would take a third of the time.
    return figure


def image_sheets(sheets: dict[str, np.ndarray], rows: tuple[str, ...]) -> Figure:
    """Example images in a grid per sheet, one row per category.

    Args:
        sheets: by title, [R, K, 3, H, W] uint8. rows: names of the R categories.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(sheets), figsize=(2 * COLUMN, COLUMN + 0.2), squeeze=False
        )
        for axis, (title, images) in zip(axes[0], sheets.items()):
            show_images(axis, images, rows)
            axis.set_title(title)
    return figure


def show_images(axis: Axes, images: np.ndarray, rows: Sequence[str]) -> None:
    """Draw images [R, K, 3, H, W] uint8 in a grid, with the names of the R rows."""
    count, columns, _, height, width = images.shape
    grid = np.full((count, height + 2, columns, width + 2, 3), 255, np.uint8)
    grid[:, 1:-1, :, 1:-1] = images.transpose(0, 3, 1, 4, 2)
    axis.imshow(grid.reshape(count * (height + 2), columns * (width + 2), 3))
    axis.set(xticks=[], yticks=(np.arange(count) + 0.5) * (height + 2), yticklabels=rows)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def learning_curve(curve: xr.Dataset, *, chance: float, linear: float) -> Figure:
    """Accuracy on validation images and training loss against epochs.

    Args:
        curve: accuracy in [0, 1] and training_loss in nats over epoch, and the teacher's name.
        chance, linear: accuracies drawn for comparison, in [0, 1].
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.3))
        left.plot(curve.epoch, curve.accuracy, "o-", ms=3, label="teacher")
        left.axhline(linear, color="C1", ls="--", label="linear classifier on pixels")
        left.axhline(chance, color="0.5", ls=":", label="chance")
        left.set(
            xlabel="epochs", ylabel="validation accuracy", ylim=(0, 1), title=curve.attrs["teacher"]
        )
        left.yaxis.set_major_formatter(PercentFormatter(1))
        left.legend()
        right.plot(curve.epoch, curve.training_loss, "o-", ms=3)
        right.set(xlabel="epochs", ylabel="training loss (nats)", title="mean over the epoch")
        for axis in (left, right):
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def dissimilarity(bank: xr.Dataset, categories: dict[str, tuple[str, ...]]) -> Figure:
    """A teacher's dissimilarity matrices, a row per level, each coloured over its own range of values.

    Args:
        bank: see `Teacher.bank`. categories: by level that is drawn, of each stimulus; one category's stand together.
    """
    bank = bank[[name for name, values in bank.items() if values.attrs["level"] in categories]]
    levels = list(dict.fromkeys(values.attrs["level"] for values in bank.values()))
    layers = list(dict.fromkeys(values.attrs["layer"] for values in bank.values()))
    with plt.rc_context(STYLE):
        size = (1 + 2.1 * len(layers), 1.9 * len(levels))
        figure, axes = plt.subplots(len(levels), len(layers), figsize=size, squeeze=False)
        for values in bank.values():
            level, layer = values.attrs["level"], values.attrs["layer"]
            axis = axes[levels.index(level), layers.index(layer)]
            show_rdm(axis, values.values, categories[level], named=layer == layers[0])
            count = len(categories[level])
            axis.set(
                title=layer, ylabel=f"{level} level, S = {count}" if layer == layers[0] else ""
            )
    return figure


def show_rdm(axis: Axes, values: np.ndarray, groups: tuple[str, ...], *, named: bool) -> None:
    """Draw a condensed RDM over its own range of values, stimuli of one group together, with its colour bar."""
    order = np.argsort(groups, kind="stable")
    low, high = np.nanpercentile(values, (1, 99))
    matrix = squareform(values)[np.ix_(order, order)]
    image = axis.imshow(matrix, vmin=low, vmax=high, cmap="viridis", interpolation="nearest")
    _label_groups(axis, [groups[index] for index in order], named=named)
    axis.figure.colorbar(image, ax=axis, shrink=0.7, label="1 $-$ r")


def _label_groups(axis: Axes, groups: list[str], *, named: bool) -> None:
    starts = [
        index for index in range(len(groups)) if index == 0 or groups[index] != groups[index - 1]
    ]
    ends = [*starts[1:], len(groups)]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends)]
    for start in starts[1:]:
        axis.axhline(start - 0.5, color="w", lw=4 / len(starts) ** 1.2)
        axis.axvline(start - 0.5, color="w", lw=4 / len(starts) ** 1.2)
    labels = [groups[start] for start in starts] if named else []
    axis.set(xticks=[], yticks=middles if named else [], yticklabels=labels)
    axis.tick_params(length=0, labelsize=8 if len(starts) <= 10 else 4)


def predictivity(
    table: xr.DataArray, mature: xr.DataArray, curves: xr.Dataset, *, epoch: float
) -> Figure:
    """Mature accuracy against P and against P + alpha TG at one epoch, and all correlations by epoch.

    Args:
        table: [predictor, network, epoch], see `predictors.score_table`. mature: [network] in [0, 1].
        curves: of the paper's predictors, one statistic of `predictivity.assess`. epoch: of the two scatter plots.
    """
    alpha = table.attrs["alpha"]
    labels = {"P": "P", COMBINED: f"P + {alpha:g} TG"}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(2.2 * COLUMN, 3), width_ratios=(1, 1, 1.5))
        for axis, colour, (name, label) in zip(axes, COLOURS.values(), labels.items()):
            axis.scatter(
                table.sel(predictor=name, epoch=epoch), mature, s=9, color=colour, alpha=0.7
            )
            r = curves.sel(predictor=name, epoch=epoch)
            axis.set(
                xlabel=f"{label}, {epoch:g} epochs",
                ylabel="mature validation accuracy" if name == "P" else "",
            )
            axis.set_title(f"r = {r.value:.2f} [{r.low:.2f}, {r.high:.2f}]\nn = {r.n:.0f} networks")
            axis.yaxis.set_major_formatter(PercentFormatter(1))
            axis.xaxis.set_major_locator(MaxNLocator(4))
        axes[0].xaxis.set_major_formatter(PercentFormatter(1))
        _curves(axes[2], curves, {name: labels.get(name, name) for name in curves.predictor.values})
        _cost_axis(axes[2], curves)
        axes[2].set(ylabel="r with mature accuracy", title="bands: 95 % bootstrap")
        handles, names = axes[2].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def _curves(axis: Axes, curves: xr.Dataset, labels: dict[str, str]) -> None:
    """The scores as bold lines, single teacher layers as thin ones; a band around each."""
    layers = [name for name in labels if name.startswith("TG ")]
    colours = COLOURS | dict(zip(layers, sns.color_palette("Greys", len(layers) + 2)[1:]))
    for name in [*layers, "TG", "P", COMBINED]:
        line = curves.sel(predictor=name)
        style = {"lw": 1, "ls": "--"} if name in layers else {"lw": 1.8, "marker": "o", "ms": 3}
        axis.plot(line.epoch, line.value, color=colours[name], label=labels[name], **style)
        axis.fill_between(line.epoch, line.low, line.high, color=colours[name], alpha=0.1, lw=0)
    epoch_axis(axis, curves.epoch.values)


def _cost_axis(axis: Axes, curves: xr.Dataset) -> None:
    """Above the axis of epochs another one, of the examples that the combined score costs by each of them."""
    ticks, cost, above = axis.get_xticks(), curves.cost.sel(predictor=COMBINED), axis.twiny()
    epoch_axis(above, curves.epoch.values)
    above.set(xlim=axis.get_xlim(), xlabel="examples, measurement included")
    above.set_xticks(
        ticks,
        [EngFormatter(sep="", places=1)(one) for one in cost.sel(epoch=ticks).values],
        rotation=90,
    )
    above.spines.top.set_visible(True)
    above.tick_params(labelsize=7)


def epoch_axis(axis: Axes, epochs: np.ndarray) -> None:
    """Epochs on a logarithmic axis that starts at 0."""
    positive = epochs[epochs > 0]
    axis.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
    ticks = [epoch for epoch in epochs if epoch in (0, 0.5) or epoch >= 1]
    axis.set_xticks(ticks, [f"{epoch:g}" for epoch in ticks])
    axis.minorticks_off()
    axis.set(xlabel="training epochs")


def alpha_effect(sweep: xr.Dataset, nested: xr.Dataset) -> Figure:
    """What TG adds to P, against epochs: a panel per alpha, and one for alpha chosen on other networks at each epoch.

    Args:
        sweep: see `predictivity.alpha_sweep`. nested: differences of "P + a TG" to P from `predictivity.assess`.
    """
    with plt.rc_context(STYLE):
        panels = {
            rf"$\alpha$ = {alpha:g}": (sweep.sel(alpha=alpha), "C1") for alpha in sweep.alpha.values
        }
        panels["chosen on others"] = nested, "C3"
        columns = -(-len(panels) // 2)
        figure, axes = plt.subplots(2, columns, figsize=(2 * COLUMN, 4), sharey=True)
        for unused in axes.flat[len(panels) :]:
            unused.remove()
        for axis, (title, (line, colour)) in zip(axes.flat, panels.items()):
            axis.axhline(0, color="0.5", lw=0.8, ls=":")
            axis.plot(line.epoch, line.value, color=colour, marker="o", ms=3)
            axis.fill_between(line.epoch, line.low, line.high, color=colour, alpha=0.2, lw=0)
            epoch_axis(axis, sweep.epoch.values)
            axis.set_title(title)
        for axis in axes[:, 0]:
            axis.set_ylabel(r"r(P + $\alpha$ TG) $-$ r(P)")
        figure.suptitle(
            f"gain in correlation with mature accuracy; bands: 95 % paired bootstrap, n = {sweep.n.max():.0f} networks",
            fontsize=9,
        )
    return figure


def search_progress(table: xr.Dataset) -> Figure:
    """Best mature accuracy among what each search has found, a column per searcher (the paper's Figure 3).

    Args:
        table: see `comparison.results`.
    """
    random = table.random_accuracy.values[np.isfinite(table.random_accuracy)]
    with plt.rc_context(STYLE):
        size = (0.6 + 1.9 * table.sizes["searcher"], 4.4)
        figure, axes = plt.subplots(
            2, table.sizes["searcher"], figsize=size, sharey=True, squeeze=False
        )
        for column, searcher in zip(axes.T, table.searcher.values):
            for axis in column:
                name = f"mean of {random.size} random architectures"
                axis.axhline(random.mean(), color="0.5", ls=":", lw=1, label=name)
                _searches(
                    axis,
                    table.sel(searcher=searcher),
                    against="samples" if axis is column[0] else "examples",
                )
                axis.yaxis.set_major_formatter(PercentFormatter(1))
            column[0].set(
                title=SEARCHER_NAMES.get(searcher, searcher),
                xlabel="candidates",
                xticks=table.samples.values,
            )
            column[1].set(xlabel="training examples", xscale="log")
            column[1].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            column[1].xaxis.set_major_formatter(EngFormatter(sep=""))
            column[1].xaxis.set_minor_formatter(NullFormatter())
        for axis in axes[:, 0]:
            axis.set_ylabel("mature validation\naccuracy")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        figure.suptitle(
            f"best of the top {table.attrs['top']} by the search's own score\n"
            f"mean and s.d. of n = {table.sizes['run']} runs",
            fontsize=9,
        )
    return figure


def finalists(table: xr.Dataset) -> Figure:
    """Mature accuracy of every network that a search chose by its own score, beside that of random ones.

    Args:
        table: see `comparison.results`.
    """
    random = table.random_accuracy.values.ravel()
    groups = {"not selected": ("0.5", random[np.isfinite(random)])}
    for searcher, score in product(table.searcher.values, table.score.values):
        values = table.top_accuracy.sel(searcher=searcher, score=score).values.ravel()
        label = f"{SEARCHER_NAMES.get(searcher, searcher)}\n{score_name(score, table.alpha)}"
        groups[label] = (SCORES[score].colour, values[np.isfinite(values)])
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(0.7 + 1.15 * len(groups), 2.8))
        for place, (colour, values) in enumerate(groups.values()):
            beside = place + np.linspace(-0.12, 0.12, len(values)) - 0.1
            axis.plot(beside, values, "o", ms=3.5, mfc="none", color=colour, alpha=0.8)
            found = estimates.mean(values)
            bars = [[found.value - found.low], [found.high - found.value]]
            axis.errorbar(place + 0.2, found.value, bars, fmt="D", ms=4, color=colour)
        labels = [f"{name}\nn = {len(values)}" for name, (_, values) in groups.items()]
        axis.set(xticks=range(len(groups)), xticklabels=labels, xlim=(-0.5, len(groups) - 0.5))
        axis.set_ylabel("mature validation accuracy")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.set_title(
            f"each search's top {table.attrs['top']}, best score first, and random architectures\n"
            "diamonds: mean and 95 % interval over networks"
        )
    return figure


def score_name(score: str, alpha: float) -> str:
    """A score's name with its alpha."""
    return SCORES[score].label(alpha)


def _searches(axis: Axes, table: xr.Dataset, *, against: str) -> None:
    """A line per score and amount of training: colour is the score, dashes are the fewest epochs."""
    styles = ("--", "-", "-.", ":")
    lines = list(product(enumerate(table.epochs.values), table.score.values))
    for place, ((position, epochs), score) in enumerate(lines):
        line = table.sel(score=score, epochs=epochs)
        x = line.samples if against == "samples" else line.examples.mean("run")
        aside = 0.015 * (place - (len(lines) - 1) / 2)  # Bars in one place would hide each other.
        axis.errorbar(
            x + aside * x.max() if against == "samples" else x * (1 + aside),
            line.mature_accuracy.mean("run"),
            line.mature_accuracy.std("run", ddof=1),
            ls=styles[position % len(styles)],
            color=SCORES[score].colour,
            marker="o",
            ms=3,
            elinewidth=0.8,
            label=f"{score_name(score, table.alpha)}, {epochs:g} epoch{'' if epochs == 1 else 's'}",
        )


def final_errors(frame: pd.DataFrame, *measures: str, found: int, images: int) -> Figure:
    """Errors of fully trained networks on the test images, with their 95 % intervals, a panel for each measure.

    Args:
        frame: see `cell_tables.table_2`, its first `found` rows are searched and the rest published cells.
        measures: the data set's name, or with top-1 or top-5 behind it. images: tested.
    """
    places = np.arange(len(frame))
    with plt.rc_context(STYLE):
        size = (1.2 + 2.8 * len(measures), 0.9 + 0.24 * len(frame))
        figure, axes = plt.subplots(1, len(measures), figsize=size, sharey=True, squeeze=False)
        for axis, measure in zip(axes[0], measures):
            error, low, high = (
                frame[f"{measure} {name}"].to_numpy() for name in ("error (%)", "low", "high")
            )
            for label, colour, chosen in (
                ("found here", "C1", places < found),
                ("published", "C0", places >= found),
            ):
                bars = np.stack([error - low, high - error])[:, chosen]
                axis.errorbar(
                    error[chosen],
                    places[chosen],
                    xerr=bars,
                    fmt="o",
                    ms=4,
                    color=colour,
                    label=label,
                )
            axis.set(
                yticks=places,
                yticklabels=frame.index.get_level_values("network"),
                ylim=(len(frame) - 0.5, -0.5),
            )
            axis.set(xlabel=f"{measure} test error (%)")
        figure.suptitle(f"one training each; bars: 95 % over n = {images:,} images", fontsize=9)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
