"""The pool by hand, in JupyterLab: controls choose the teacher, alpha and epoch of P + alpha TG."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sage.analysis.bootstrap import Bootstrap, correlation
from sage.analysis.predictivity import Analysis
from sage.plots import predictors, style

FAMILIES = ("guidance", "control")  # of the scores that can be added to P
# The paper's order of magnitude and below it, where the published pool had its best.
ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def explore(pool: Analysis, bootstrap: Bootstrap, *, alpha: float, epoch: float) -> None:
    """Show mature accuracy against P + alpha TG as given, below controls that change them."""
    table, mature = pool.scores, pool.mature
    names = table.predictor.values[table.family.isin(FAMILIES).values].tolist()
    alphas = [(f"{one:g}", one) for one in sorted({*ALPHAS, alpha})]
    epochs = [(f"{one:g}", one) for one in table.epoch.values if one < mature.epoch]
    controls = (
        widgets.Dropdown(options=names, value="TG", description="guidance"),
        widgets.SelectionSlider(options=alphas, value=alpha, description="alpha"),
        widgets.SelectionSlider(options=epochs, value=epoch, description="epochs"),
    )
    controls[1].continuous_update = False  # draw when it is let go

    @style.applied
    def draw() -> Figure:
        guidance, weight, at = (control.value for control in controls)
        p, tg = (table.sel(predictor=name, epoch=at, drop=True) for name in ("P", guidance))
        score = p + weight * tg
        r = correlation(score.values, mature.values, bootstrap)
        label = f"P + {weight:g} {guidance}, {at:g} epochs"
        figure, axis = plt.subplots(figsize=(1.2 * style.COLUMN, 0.9 * style.COLUMN))
        predictors.scatter(axis, score, mature, s=12, color="C1")
        axis.set(xlabel=label, title=f"r = {predictors.interval(r)}, n = {r.n} networks")
        axis.xaxis.set_major_locator(MaxNLocator(5))
        plt.close(figure)  # Shown below; left open a notebook would show it once more.
        return figure

    display(widgets.HBox(controls))
    shown = display(draw(), display_id=True)
    for control in controls:
        control.observe(lambda change: shown.update(draw()), "value")
