import matplotlib

matplotlib.use("Agg")

from dataclasses import replace

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from sage.analysis import estimates
from sage.analysis.estimates import Estimate
from sage.plots import figures, interactive, predictivity_figures
from tests.support.pools import make_analysis, make_assessed

OPTIONS = {"resamples": 2000, "seed": 0}

CEILING = Estimate(0.9, 0.7, 0.95, 6)
NONE = Estimate(np.nan, np.nan, np.nan, 3)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def names(figure) -> set[str]:
    return {text.get_text() for text in figure.legends[0].texts}


def test_rivals_stand_in_their_order_with_colours_of_their_families():
    _, _, assessed = make_assessed(alpha=2.0)
    figure = predictivity_figures.rivals(assessed, epoch=0.5, ceiling=CEILING, alpha=2.0)
    left, right = figure.axes
    values = (
        assessed.value.sel(epoch=0.5, statistic="pearson")
        .to_series()
        .sort_values(ascending=False, kind="stable")
    )
    shown = [label.get_text() for label in left.get_yticklabels()]
    assert shown == [name.replace("alpha", "2") for name in values.index]
    guidance = left.containers[list(predictivity_figures.FAMILY_COLOURS).index("guidance")].lines[0]
    assert guidance.get_xdata().tolist() == [
        values[name] for name in values.index if name in ("TG", "TG L1", "TG L2")
    ]
    gains = right.containers[0].lines[0]  # of the family accuracy: P itself
    assert gains.get_xdata().tolist() == [0] and right.get_xlabel() == "r minus that of P"
    assert "n = 30 networks" in figure.get_suptitle() and "95 %" in figure.get_suptitle()
    assert "ceiling by another seed, 0.90 [0.70, 0.95], n = 6" in names(figure)


def test_cost_curves_have_p_and_guidance_and_the_best_of_each_family():
    _, _, assessed = make_assessed()
    figure = predictivity_figures.cost_curves(assessed, ceiling=CEILING, alpha=1.0, teacher=3000)
    best = {name.split(":")[0]: name.split(": ")[1] for name in names(figure) if ":" in name}
    assert best.keys() == {
        "accuracy",
        "training speed",
        "size",
        "guidance",
        "control",
        "combination",
    }
    means = assessed.value.sel(statistic="pearson").mean("epoch").to_series()
    assert {"P", "P + a TG"} <= {*names(figure), *best.values()}
    assert best["size"] == means[["log parameters", "depth"]].idxmax()
    (axis,) = figure.axes
    (curve,) = [line for line in axis.lines if line.get_label() == "accuracy: P"]
    assert curve.get_xdata().tolist() == [12, 27] and "examples" in axis.get_xlabel()
    (shared,) = [
        line
        for line in axis.lines
        if "a share of the teacher's 3k examples added" in line.get_label()
    ]
    assert shared.get_xdata().tolist() == [112, 127]  # 3000 for 30 networks
    assert "ceiling by another seed, 0.90 [0.70, 0.95], n = 6" in names(figure)


def test_without_a_ceiling_there_is_no_line(tmp_path):
    _, _, assessed = make_assessed()
    for figure in (
        predictivity_figures.rivals(assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        predictivity_figures.cost_curves(assessed, ceiling=NONE, alpha=1.0, teacher=np.nan),
    ):
        assert not any("ceiling" in name for name in names(figure))
        figures.save(figure, tmp_path, "figure")


def test_pools_state_how_far_accuracies_reach():
    all_of = make_analysis()
    mature = all_of.mature
    few = replace(all_of, assessed=all_of.assessed.where(False), mature=mature[:0])
    figure = predictivity_figures.pools({"all": all_of, "few": few, "again": all_of}, alpha=1.0)
    first, second, third = (axis.get_title() for axis in figure.axes)
    assert (
        first
        == f"all\nn = 30, mature accuracy {100 * mature.min():.1f} to {100 * mature.max():.1f} %"
    )
    assert second.endswith("none") and third.startswith("again")
    assert names(figure) == {"P", "TG", "P + 1 TG", "P + a TG, a chosen on other networks"}


def test_too_few_networks_give_empty_figures(tmp_path):
    _, _, assessed = make_assessed(networks=3)
    costs = predictivity_figures.cost_curves(assessed, ceiling=NONE, alpha=1.0, teacher=np.nan)
    assert not costs.axes[0].lines
    for figure in (
        costs,
        predictivity_figures.rivals(assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        predictivity_figures.teachers(assessed, teacher="resnet"),
        predictivity_figures.pools({"all": make_analysis(networks=3)}, alpha=1.0),
    ):
        figures.save(figure, tmp_path, "figure")


def test_teacher_stands_beside_its_controls():
    _, _, assessed = make_assessed()
    figure = predictivity_figures.teachers(assessed, teacher="resnet")
    assert names(figure) == {"P", "TG resnet", "TG shuffled"}
    right = figure.axes[1]
    one = assessed.sel(predictor="TG shuffled", statistic="pearson")
    np.testing.assert_allclose(right.lines[2].get_ydata(), one.difference)


def test_controls_redraw_the_scatter_from_the_scores(monkeypatch):
    table, mature, _ = make_assessed()
    shown, updates = [], []

    class Handle:
        def update(self, figure):
            updates.append(figure)

    monkeypatch.setattr(
        interactive, "display", lambda one, **options: shown.append(one) or Handle()
    )
    interactive.explore(table, mature, alpha=1.0, epoch=0.5, **OPTIONS)
    controls, first = shown
    guidance, alpha, epoch = controls.children
    assert (
        isinstance(controls, widgets.HBox) and isinstance(first, Figure) and not plt.get_fignums()
    )
    assert set(guidance.options) == {"TG", "TG L1", "TG L2", "TG shuffled"}
    assert [value for _, value in epoch.options] == [0.5, 2.0]
    guidance.value, alpha.value, epoch.value = "TG shuffled", 5, 2.0
    assert len(updates) == 3
    (axis,) = updates[-1].axes
    score = table.sel(predictor="P", epoch=2.0) + 5 * table.sel(predictor="TG shuffled", epoch=2.0)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), np.stack([score, mature], 1))
    assert axis.get_xlabel() == "P + 5 TG shuffled, 2 epochs"
    assert f"r = {estimates.pearson(score.values, mature.values):.2f} [" in axis.get_title()
