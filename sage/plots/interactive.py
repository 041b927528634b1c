"""The pool by hand, in JupyterLab: another teacher, alpha or epoch redraws what P + alpha TG tells, from scores."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import xarray as xr
from IPython.display import display
from matplotlib.figure import Figure

from sage.analysis import estimates
from sage.plots import predictivity_figures

FAMILIES = ("guidance", "control")  # of the scores that can be added to P
# The paper's order of magnitude and below it, where the published pool had its best.
ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def rescored(
    table: xr.DataArray,
    mature: xr.DataArray,
    *,
    guidance: str,
    alpha: float,
    epoch: float,
    resamples: int,
    seed: int,
) -> Figure:
    """Mature accuracy against P + alpha times a score of `table` at one epoch, with r and its 95 % interval.

    Args:
        table: see `predictors.score_table`. mature: [network]. guidance: the score's name.
    """
    early = table.sel(epoch=epoch)
    score = early.sel(predictor="P", drop=True) + alpha * early.sel(predictor=guidance, drop=True)
    found = estimates.correlation(score.values, mature.values, resamples=resamples, seed=seed)
    label = f"P + {alpha:g} {guidance}, {epoch:g} epochs"
    return predictivity_figures.scatter(score, mature, found, label=label)


def explore(
    table: xr.DataArray,
    mature: xr.DataArray,
    *,
    alpha: float,
    epoch: float,
    resamples: int,
    seed: int,
) -> None:
    """Show `rescored` below controls that change it. Where there is no frontend to change them the figure stays.

    Args:
        table: see `predictors.score_table`. mature: [network], with its epoch. alpha, epoch: to begin with.
    """
    names = table.predictor.values[table.family.isin(FAMILIES).values].tolist()
    epochs = [(f"{one:g}", one) for one in table.epoch.values if one < mature.epoch]
    controls = {
        "guidance": widgets.Dropdown(options=names, value="TG", description="guidance"),
        "alpha": widgets.SelectionSlider(
            options=[(f"{one:g}", one) for one in sorted({*ALPHAS, alpha})],
            value=alpha,
            description="alpha",
            continuous_update=False,
        ),
        "epoch": widgets.SelectionSlider(options=epochs, value=epoch, description="epochs"),
    }

    def draw() -> Figure:
        chosen = {name: control.value for name, control in controls.items()}
        figure = rescored(table, mature, **chosen, resamples=resamples, seed=seed)
        plt.close(figure)  # Shown below; left open a notebook would show it once more.
        return figure

    display(widgets.HBox(list(controls.values())))
    shown = display(draw(), display_id=True)
    for control in controls.values():
        control.observe(lambda change: shown.update(draw()), "value")
