from dataclasses import replace

import numpy as np

from sage import plots
from sage.analysis import predictivity
from sage.analysis.bootstrap import Estimate
from sage.plots.predictors import FAMILY_COLOURS
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_analysis, make_assessed

CEILING = Estimate(0.9, 0.7, 0.95, 6)
NONE = Estimate(np.nan, np.nan, np.nan, 3)


def names(figure) -> set[str]:
    return {text.get_text() for text in figure.legends[0].texts}


def test_predictivity_shows_every_network_and_states_interval_and_n():
    figure = plots.predictivity(make_analysis(alpha=2.0), ["TG L1", "TG L2"], epoch=2.0)
    p, combined, curves, above = figure.axes
    assert len(p.collections[0].get_offsets()) == len(combined.collections[0].get_offsets()) == 30
    assert "n = 30 networks" in p.get_title() and "[" in p.get_title()
    assert combined.get_xlabel() == "P + 2 TG, 2 epochs"
    assert above.get_xlabel().startswith("examples")
    assert above.get_xlim() == curves.get_xlim() and above.get_xticks().tolist() == [0.5, 2]
    assert [label.get_text() for label in above.get_xticklabels()] == ["12.0", "27.0"]
    assert len(curves.lines) == len(curves.collections) == 5  # a band for every curve
    assert names(figure) == {"P", "TG", "TG L1", "TG L2", "P + 2 TG"}


def test_alpha_effect_has_a_panel_per_alpha_and_one_for_the_nested_choice():
    scores, mature, assessed = make_assessed()
    sweep = predictivity.alpha_sweep(scores, mature, np.array([0.5, 1.0]), BOOTSTRAP)
    nested = predictivity.gain(assessed, "P + a TG")
    figure = plots.alpha_effect(sweep, nested)
    assert [axis.get_title() for axis in figure.axes] == [
        r"$\alpha$ = 0.5",
        r"$\alpha$ = 1",
        "chosen on others",
    ]
    np.testing.assert_allclose(figure.axes[2].lines[1].get_ydata(), nested.value)
    assert "n = 30 networks" in figure.get_suptitle()
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), sweep.value.sel(alpha=1.0))


def test_rivals_stand_in_their_order_with_colours_of_their_families():
    _, _, assessed = make_assessed(alpha=2.0)
    figure = plots.rivals(assessed, epoch=0.5, ceiling=CEILING, alpha=2.0)
    left, right = figure.axes
    values = (
        assessed.value.sel(epoch=0.5, statistic="pearson")
        .to_series()
        .sort_values(ascending=False, kind="stable")
    )
    shown = [label.get_text() for label in left.get_yticklabels()]
    assert shown == [name.replace("alpha", "2") for name in values.index]
    guidance = left.containers[list(FAMILY_COLOURS).index("guidance")].lines[0]
    assert guidance.get_xdata().tolist() == [
        values[name] for name in values.index if name in ("TG", "TG L1", "TG L2")
    ]
    gains = right.containers[0].lines[0]  # of the family accuracy: P itself
    assert gains.get_xdata().tolist() == [0] and right.get_xlabel() == "r minus that of P"
    assert "n = 30 networks" in figure.get_suptitle() and "95 %" in figure.get_suptitle()
    assert "ceiling by another seed, 0.90 [0.70, 0.95], n = 6" in names(figure)


def test_cost_curves_have_p_and_guidance_and_the_best_of_each_family():
    _, _, assessed = make_assessed()
    figure = plots.cost_curves(assessed, ceiling=CEILING, alpha=1.0, teacher=3000)
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
        plots.rivals(assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.cost_curves(assessed, ceiling=NONE, alpha=1.0, teacher=np.nan),
    ):
        assert not any("ceiling" in name for name in names(figure))
        plots.save(figure, tmp_path, "figure")


def test_pools_state_how_far_accuracies_reach():
    all_of = make_analysis()
    mature = all_of.mature
    few = replace(all_of, assessed=all_of.assessed.where(False), mature=mature[:0])
    figure = plots.pools({"all": all_of, "few": few, "again": all_of}, alpha=1.0)
    first, second, third = (axis.get_title() for axis in figure.axes)
    assert (
        first
        == f"all\nn = 30, mature accuracy {100 * mature.min():.1f} to {100 * mature.max():.1f} %"
    )
    assert second.endswith("none") and third.startswith("again")
    assert names(figure) == {"P", "TG", "P + 1 TG", "P + a TG, a chosen on other networks"}


def test_too_few_networks_give_empty_figures(tmp_path):
    _, _, assessed = make_assessed(networks=3)
    costs = plots.cost_curves(assessed, ceiling=NONE, alpha=1.0, teacher=np.nan)
    assert not costs.axes[0].lines
    for figure in (
        costs,
        plots.rivals(assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.teachers(assessed, teacher="resnet"),
        plots.pools({"all": make_analysis(networks=3)}, alpha=1.0),
    ):
        plots.save(figure, tmp_path, "figure")


def test_values_without_intervals_are_drawn(tmp_path):
    _, _, assessed = make_assessed(networks=4)
    ceiling = Estimate(0.9, np.nan, np.nan, 4)
    for figure in (
        plots.rivals(assessed, epoch=2.0, ceiling=ceiling, alpha=1.0),
        plots.cost_curves(assessed, ceiling=ceiling, alpha=1.0, teacher=1_536_000),
    ):
        plots.save(figure, tmp_path, "figure")
        assert "ceiling by another seed, 0.90, n = 4" in names(figure)
    shared = [line.get_label() for line in figure.axes[0].lines]
    assert "P + a TG, a share of the teacher's 1.536M examples added" in shared
    text = plots.predictivity(make_analysis(networks=4), [], epoch=2.0).axes[0].get_title()
    assert "[" not in text and "nan" not in text and text.endswith("n = 4 networks")


def test_teacher_stands_beside_its_controls():
    _, _, assessed = make_assessed()
    figure = plots.teachers(assessed, teacher="resnet")
    assert names(figure) == {"P", "TG resnet", "TG shuffled"}
    right = figure.axes[1]
    one = assessed.sel(predictor="TG shuffled", statistic="pearson")
    np.testing.assert_allclose(right.lines[2].get_ydata(), one.difference)
