"""The pool by hand, in JupyterLab: controls choose the teacher, alpha and epoch of P + alpha TG."""

import base64
import html
import io
import json
import zlib
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from IPython.display import display
from matplotlib.figure import Figure

from sage import spaces
from sage.analysis.bootstrap import Bootstrap, cell, interval, pearson
from sage.analysis.predictivity import Analysis
from sage.analysis.predictors import COMBINED, display_name
from sage.analysis.published_pools import DEPTH
from sage.analysis.summaries import told_epochs
from sage.plots import predictors, style

FAMILIES = ("guidance", "control")  # of the scores that can be added to P
# The paper's order of magnitude and below it, where the published pool had its best.
ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SHARP = 2  # pixels of the picture for one of the screen


def explore(
    pool: Analysis, bootstrap: Bootstrap, *, layers: int, alpha: float, epoch: float
) -> None:
    """Show mature accuracy against P and P + alpha TG as given, below controls that change them.

    Scores are in standard deviations, so that axes stay as they are. A network's architecture shows
    under the mouse; the picture stays where there is no kernel.

    Args:
        layers: at most in the space of the pool's architectures.
    """
    kept = np.isfinite(pool.mature.values)
    table, mature = pool.scores[:, kept], pool.mature[kept]
    names = table.predictor.values[table.family.isin(FAMILIES).values].tolist()
    guides = [(display_name(one), one) for one in names]
    alphas = [(f"{one:g}", one) for one in sorted({*ALPHAS, alpha})]
    epochs = [(f"{one:g}", one) for one in table.epoch.values if one < mature.epoch]
    controls = (
        widgets.Dropdown(options=guides, value="TG", description="guidance"),
        widgets.SelectionSlider(options=alphas, value=alpha, description="alpha"),
        widgets.SelectionSlider(options=epochs, value=epoch, description="epochs"),
    )
    controls[1].continuous_update = False  # draw when it is let go
    every = (table.sel(predictor="P") + one * table.sel(predictor=names) for _, one in alphas)
    limit = 1.05 * max(float(abs(_standardised(one)).max()) for one in every)
    colours = [predictors.COLOURS[name] for name in ("P", COMBINED)]
    space, counts = spaces.cnn(layers), bootstrap.counts(mature.size)
    order = np.argsort(table.depth < DEPTH, kind="stable")  # as `predictors.scatter` draws them
    built = [
        spaces.describe(spaces.cnn_layers(space, tuple(json.loads(one))))
        for one in table.architecture.values[order]
    ]

    @style.applied
    def draw() -> dict[str, Any]:
        guidance, weight, at = (control.value for control in controls)
        p, tg = (table.sel(predictor=name, epoch=at, drop=True) for name in ("P", guidance))
        name = f"P + {'' if weight == 1 else f'{weight:g} '}{display_name(guidance)}"
        scores = {"P": p, name: p + weight * tg}
        drawn = pearson(counts, np.stack([*scores.values()]), mature.values)
        (change,) = interval(drawn[:, 1:] - drawn[:, :1])
        figure, axes = style.grid(2, figsize=(predictors.WIDE, 3.4), sharex=True)
        for axis, (label, score), r, color in zip(axes, scores.items(), interval(drawn), colours):
            look: Any = {"hollow": table.depth < DEPTH, "color": color}
            predictors.scatter(axis, _standardised(score), mature, **look)
            axis.set(title=f"{label}, r = {cell(*r)}", xlabel="score in standard deviations")
            axis.set_xlim(-limit, limit)
            style.accuracy_axis(axis, "mature accuracy")
            axis.label_outer()
        told_change = f"changes r by {cell(*change)} from that of P, n = {mature.size} networks"
        figure.suptitle(f"After {told_epochs(at)}, {name} {told_change}")
        return _picture(figure, built)

    display(widgets.HBox(controls))
    shown = display(draw(), display_id=True, raw=True)
    for control in controls:
        control.observe(lambda change: shown.update(draw(), raw=True), "value")


def _standardised(score: xr.DataArray) -> xr.DataArray:
    return (score - score.mean("network")) / score.std("network")


def _picture(figure: Figure, texts: list[str]) -> dict[str, Any]:
    """Return a figure as a notebook shows it, with a text under the mouse at each of its dots."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=SHARP * figure.dpi)  # also lays it out
    width, height = figure.get_size_inches() * figure.dpi
    areas = []
    for axis in figure.axes:
        places = np.concatenate([dots.get_offsets() for dots in axis.collections])
        for (x, y), text in zip(axis.transData.transform(places), texts):
            spot = f"{x:.0f},{height - y:.0f},5"
            areas.append(f'<area shape="circle" coords="{spot}" title="{html.escape(text)}">')
    plt.close(figure)  # left open a notebook would show it once more
    image, name = base64.b64encode(stream.getvalue()).decode(), zlib.crc32(stream.getvalue())
    source = f'src="data:image/png;base64,{image}" width="{width:.0f}" usemap="#networks-{name}"'
    linked = f'<img {source}><map name="networks-{name}">{"".join(areas)}</map>'
    return {"text/html": linked, "image/png": image}
