"""The style of all figures, and the drawing that several of them share."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import Any, cast

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, NullLocator
from scipy import stats
from scipy.optimize import isotonic_regression
from scipy.spatial.distance import squareform

from sage.analysis.bootstrap import t_interval
from sage.config import paths

# Load the backend here: loaded within an rc_context, a notebook would show its first figure only.
plt.switch_backend(plt.get_backend())
if "inline" in plt.get_backend():  # a notebook: pictures twice as fine as they are shown
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("retina")

# The first has what European languages write; of the others those that are installed add theirs.
FONTS = [
    *("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Arial Unicode MS", "Yu Gothic"),
    *("Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Malgun Gothic", "Nirmala UI"),
]
STYLE: Any = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,  # in the notebook
    "figure.titlesize": 9,
    "font.family": [name for name in FONTS if name in font_manager.get_font_names()],
    "font.size": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # text stays text in a journal's production
    "savefig.dpi": 200,
    "text.parse_math": False,  # a class named "$a^$" is no formula; where there is one, it says so
}
ROWS, EXAMPLES = 10, 8  # of a sheet of images: groups at most, and images of each
COLUMN = 3.4  # inches, one column of a two-column paper
Look = dict[str, Any]  # how something is drawn, as matplotlib takes it
applied = matplotlib.rc_context(STYLE)  # a decorator: the function draws in this style
MULTIPLY_ADDS = "multiply-adds of the search\n(G: 10⁹, T: 10¹²)"
UNDATED = {"CreationDate": None, "Producer": None, "Creator": None}


@applied
def save(
    figure: Figure, folder: Path, name: str, *, suffixes: tuple[str, ...] = paths.FIGURES
) -> None:
    """Write `<folder>/<name>` with each suffix, the same bytes for the same figure."""
    for suffix in suffixes:
        paths.replace(folder / f"{name}{suffix}", lambda to: figure.savefig(to, metadata=UNDATED))
        figure.set_layout_engine("none")  # laid out now; again would take a third of the time


def grid(n: int, columns: int = 0, label: str = "", **options: Any) -> tuple[Figure, np.ndarray]:
    """Return a figure and its `n` axes, by default in a row, with one y scale and label for all."""
    columns, options = columns or n, {"sharey": True, "squeeze": False, **options}
    figure, axes = plt.subplots(-(-n // columns), columns, **options)
    for axis in axes[:, 0]:
        axis.set_ylabel(label, parse_math=True)
    for unused in axes.flat[n:]:
        unused.remove()
    return figure, axes.flat[:n]


def draw_band(axis: Axes, x: Any, line: Any, *, shade: float = 0.1, **look: Any) -> None:
    """Draw a line with dots through `line.value`, and a shaded band around it."""
    axis.plot(x, line.value, **{"marker": "o", **look})
    if shade:
        axis.fill_between(x, line.low, line.high, color=look["color"], alpha=shade, lw=0)


def interval_bars(one: Any) -> np.ndarray:
    """Return lengths [2, n] of error bars from `one.value` down to `one.low`, up to `one.high`."""
    return np.stack([one.value - one.low, one.high - one.value]).reshape(2, -1).clip(0)


def interval_ends(values: pd.Series) -> tuple[float, float]:
    """Return the ends of the mean's 95 % interval over runs, for seaborn; NaN for few runs."""
    mean = t_interval(values.to_numpy())
    return mean.low, mean.high


def draw_runs(axis: Axes, table: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw a row for each group: networks as dots, larger ones for runs, a bar for their mean.

    Args:
        table: columns group, run and value; a row for each network.
        colours: of the groups, in their order from the top.
    """
    runs = table.groupby(["group", "run"], as_index=False).value.mean()
    look: Look = {"x": "value", "y": "group", "order": list(colours), "ax": axis}
    look |= {"hue": "group", "palette": dict(colours), "legend": False}
    sns.swarmplot(table, **look, size=2.5, alpha=0.5, warn_thresh=1)
    if runs.run.nunique() > 1:
        sns.stripplot(runs, **look, jitter=False, size=5, edgecolor="w", linewidth=0.7, zorder=3)
    bars = {"marker": "|", "markersize": 14, "linestyle": "none", "errorbar": interval_ends}
    sns.pointplot(runs, **look, **bars, err_kws={"linewidth": 1.2}, zorder=4)
    axis.set(xlabel="", ylabel="")
    axis.tick_params(axis="y", length=0)


def legend_below(axis: Axes, *, columns: int, title: str = "") -> None:
    """Put the legend of one axis below the whole figure, and a title above."""
    axis.figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    if title:
        axis.figure.suptitle(title)


def letter(axes: Iterable[Axes]) -> None:
    """Put the letters of panels at their upper left corners, left of what is above them."""
    place: Any = {"xytext": (-20, 5), "textcoords": "offset points", "annotation_clip": False}
    for sign, axis in zip(ascii_uppercase, axes):
        axis.annotate(sign, (0, 1), xycoords="axes fraction", weight="bold", size=10, **place)


def label_ends(axis: Axes) -> None:
    """Write the label of each line beside its end, in its colour, where none covers another."""
    figure = cast(Figure, axis.figure)
    figure.draw_without_rendering()  # so that limits and sizes are known
    lines = [line for line in axis.lines if not str(line.get_label()).startswith("_")]
    drawn = [np.asarray(line.get_xydata()) for line in lines]
    drawn = [points[np.isfinite(points).all(1)] for points in drawn]
    ends = [(points[-1], line) for points, line in zip(drawn, lines) if len(points)]
    ends.sort(key=lambda end: end[0][1])
    if not ends:
        return
    heights = axis.transData.transform(np.stack([end for end, _ in ends]))[:, 1]
    apart = 1.25 * STYLE["font.size"] * figure.dpi / 72 * np.arange(len(ends))
    heights = isotonic_regression(heights - apart).x + apart  # as near as they can be
    places = axis.transData.inverted().transform(np.stack([heights, heights], 1))[:, 1]
    for (end, line), height in zip(ends, places):
        color, look = line.get_color(), {"arrowstyle": "-", "lw": 0.5, "relpos": (0, 0.5)}
        place: Any = {"xytext": (1.06, height), "textcoords": axis.get_yaxis_transform()}
        place |= {"va": "center", "annotation_clip": False}
        look |= {"color": color, "shrinkA": 0, "shrinkB": 2}
        axis.annotate(str(line.get_label()), tuple(end), color=color, arrowprops=look, **place)


def accuracy_axis(
    axis: Axes,
    label: str = "mature validation accuracy",
    *,
    of: str = "y",
    chance: float | None = None,
) -> None:
    """Show accuracies or errors in percent on the axis `of`, "x" or "y".

    What guessing reaches is part of the label, and a line if it is near the rest.
    """
    getattr(axis, f"{of}axis").set_major_formatter(lambda value, _: f"{100 * value:g} %")
    if chance is not None:
        low, high = getattr(axis, f"get_{of}lim")()
        if abs(chance - (low + high) / 2) < 0.75 * (high - low):
            draw_line = axis.axhline if of == "y" else axis.axvline
            draw_line(chance, color="0.5", ls=":", lw=1)
        label = label and f"{label} (chance: {round(100 * chance, 1):g} %)"
    axis.set(**{f"{of}label": label})


class Costs(EngFormatter):
    """Writes costs with SI prefixes, but none called P, which is accuracy here."""

    ENG_PREFIXES = EngFormatter.ENG_PREFIXES | {15: "000T"}


def cost_axis(axis: Axes, least: float) -> None:
    """Show a cost on an x axis that is logarithmic from `least` on, and has what is free at 0."""
    axis.set_xscale("symlog", linthresh=least, linscale=0.3)
    axis.set_xlim(left=-least / 2)
    decades = 10.0 ** np.arange(np.floor(np.log10(least)), np.log10(axis.get_xlim()[1]))
    ticks = np.outer(decades, (1, 3)).ravel()
    axis.set_xticks([0, *ticks[(ticks >= least) & (ticks < axis.get_xlim()[1])]])
    axis.xaxis.set(major_formatter=Costs(sep=""), minor_locator=NullLocator())


def log_costs(axis: Axes, subs: Sequence[int] = (1, 2, 5)) -> None:
    """Label costs on a logarithmic x axis at `subs` of each power of ten, with SI prefixes."""
    locator, labels = LogLocator(subs=subs), Costs(sep="")
    axis.xaxis.set(major_locator=locator, major_formatter=labels, minor_formatter=NullFormatter())


def epoch_axis(axis: Axes, epochs: np.ndarray) -> None:
    """Show epochs on a logarithmic x axis that starts at 0."""
    axis.set_xscale("symlog", linthresh=epochs[epochs > 0].min(), linscale=0.5)
    short = {0.25: "¼", 0.5: "½"}
    ticks = [epoch for epoch in epochs if epoch in (0, *short) or epoch >= 1]
    axis.set_xticks(ticks, [short.get(epoch, f"{epoch:g}") for epoch in ticks])
    axis.set_xticks([epoch for epoch in epochs if epoch not in ticks], [], minor=True)
    axis.set(xlabel="training epochs")


@cache
def _drawable() -> set[int]:
    """Return the characters that the figures' fonts have."""
    files = map(font_manager.findfont, STYLE["font.family"])
    return set().union(*(font_manager.get_font(file).get_charmap() for file in files))


def legible(name: str) -> str:
    """Return a user's name for a figure, with the characters that no font has as escapes.

    They would be boxes that are all alike, with a warning each, or end the drawing.
    """
    escaped = (sign.encode("unicode_escape").decode() for sign in name)
    return "".join(sign if ord(sign) in _drawable() else code for sign, code in zip(name, escaped))


def show_examples(axis: Axes, images: Any, numbers: np.ndarray, names: Sequence[str]) -> int:
    """Draw evenly chosen images of evenly chosen groups, and return how many groups there are.

    Args:
        images: [N, 3, H, W] uint8.
        numbers: [N] int, the group of each image.
        names: of the groups.
    """
    drawn = _evenly(np.unique(numbers), ROWS)
    sheet = np.full((len(drawn), EXAMPLES, *images.shape[1:]), 255, np.uint8)  # white where none is
    for row, number in zip(sheet, drawn):
        chosen = _evenly(np.flatnonzero(numbers == number), EXAMPLES)
        row[: len(chosen)] = images[chosen]
    show_images(axis, sheet, [names[number] for number in drawn])
    return len(drawn)


def _evenly(places: np.ndarray, most: int) -> np.ndarray:
    return np.unique(places[np.linspace(0, len(places) - 1, most).round().astype(int)])


def show_images(axis: Axes, images: np.ndarray, rows: Iterable[str]) -> None:
    """Draw images [R, K, 3, H, W] uint8 in a grid, with the names of the R rows."""
    framed = np.pad(images, [(0, 0)] * 3 + [(1, 1)] * 2, constant_values=255)
    count, columns, _, height, width = framed.shape
    axis.imshow(framed.transpose(0, 3, 1, 4, 2).reshape(count * height, columns * width, 3))
    axis.set(xticks=[], yticks=(np.arange(count) + 0.5) * height, yticklabels=[*map(legible, rows)])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def counted(groups: Sequence[str], level: str) -> str:
    """Return in words how many rows an RDM of a level has."""
    return f"{len(groups)} {'classes' if level == 'class' else 'images'}"


def show_rdm(axis: Axes, values: np.ndarray, groups: Sequence[str]) -> None:
    """Draw a condensed RDM as percentiles of its own values, each group of stimuli together."""
    order = np.argsort(groups, kind="stable")
    ranks = 100 * stats.rankdata(values, nan_policy="omit") / len(values)
    look: Look = {"square": True, "cbar": False, "rasterized": True, "cmap": "viridis"}
    look |= {"xticklabels": False, "yticklabels": False, "vmin": 0, "vmax": 100}
    sns.heatmap(squareform(ranks)[np.ix_(order, order)], ax=axis, **look)
    names, starts, sizes = np.unique(np.sort(groups), return_index=True, return_counts=True)
    for start in starts[1:]:
        for draw_line in (axis.axhline, axis.axvline):
            draw_line(start, color="w", lw=4 / len(starts) ** 1.2)
    middles, shown = starts + sizes / 2, [0]
    for place in range(1, len(names)):  # a name that would lie on another is left out
        if middles[place] - middles[shown[-1]] > len(order) / 26:
            shown.append(place)
    axis.set(yticks=middles[shown], yticklabels=[*map(legible, names[shown])])
    axis.tick_params(length=0, labelsize=max(5, min(8, 120 / len(starts))))


def percentile_bar(axes: np.ndarray) -> None:
    """Put one colour bar beside all RDMs that `show_rdm` has drawn."""
    bar = axes[0].figure.colorbar(axes[0].collections[0], ax=[*axes], shrink=0.8, aspect=30)
    bar.set_label("percentile of 1 $-$ r within an RDM", parse_math=True)
