from dataclasses import replace

import numpy as np

from sage import plots
from sage.analysis import predictivity
from sage.analysis.bootstrap import Estimate
from sage.analysis.contrasts import RANKED
from sage.plots.predictors import FAMILY_COLOURS
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_analysis, make_assessed

CEILING = Estimate(0.9, 0.7, 0.95, 6)
NONE = Estimate(np.nan, np.nan, np.nan, 3)


def names(figure) -> set[str]:
    return {text.get_text() for text in figure.legends[0].texts}


def test_predictivity_shows_every_network_and_states_intervals_and_n():
    pool = make_analysis(alpha=2.0)
    figure = plots.predictivity(pool, ["TG L1", "TG L2"], epoch=2.0)
    p, combined, pearson, spearman = figure.axes
    for axis in (p, combined):
        deep, shallow = (len(one.get_offsets()) for one in axis.collections)
        assert shallow == (pool.scores.depth < 3).sum() > 0 and deep + shallow == 30
        assert "n = 30 networks" in axis.get_title() and axis.get_title().count("[") == 2
    assert combined.get_xlabel() == "P + 2 TG, 2 epochs"
    for axis, statistic in ((pearson, "pearson"), (spearman, "spearman")):
        assert len(axis.lines) == len(axis.collections) == 5  # a band for every curve
        expected = pool.assessed.value.sel(predictor="TG L1", statistic=statistic)
        np.testing.assert_allclose(axis.lines[0].get_ydata(), expected)
    assert names(figure) == {"P", "TG", "TG L1", "TG L2", "P + 2 TG"}


def test_added_value_has_a_row_per_pool_and_a_panel_for_each_statistic():
    pool = make_analysis()
    figure = plots.added_value({"all": pool, "few": make_analysis(networks=3)})
    assert names(figure) == {"+ TG", "+ TG shuffled"} and len(figure.axes) == 8
    pair = (pool.compared["first"] == "P and size + TG") & (pool.compared["second"] == "P and size")
    one = pool.compared.isel(pair=pair.values).squeeze("pair").sel(statistic="spearman")
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), one.value)
    assert figure.axes[0].get_title("left") == "all, n = 30"


def test_simulated_searches_cost_what_candidates_and_teacher_cost(tmp_path):
    pool = make_analysis()
    figure = plots.simulated_searches({"all": pool}, epoch=0.5, teacher=7e9)
    first, top, gains = figure.axes
    lines = {line.get_label(): line for line in first.lines}
    # 12 examples of 1e6 multiply-adds for each of 10 and more candidates
    assert lines["P"].get_xdata()[:2].tolist() == [1.2e8, 2.4e8]
    assert lines["P + a TG"].get_xdata()[:2].tolist() == [7.12e9, 7.24e9]
    found = 100 * pool.found.value.sel(predictor="P", epoch=0.5, choice="first")
    np.testing.assert_allclose(lines["P"].get_ydata(), found)
    assert first.get_ylabel().startswith("all, n = 30") and gains.get_xlabel() == "candidates"
    few = plots.simulated_searches({"few": make_analysis(networks=3)}, epoch=0.5, teacher=np.nan)
    plots.save(few, tmp_path, "figure")


def test_alpha_effect_has_a_panel_per_alpha_and_one_for_the_nested_choice():
    scores, mature, assessed = make_assessed()
    sweep = predictivity.alpha_sweep(scores, mature, np.array([0.5, 1.0]), BOOTSTRAP)
    nested = {name: predictivity.gain(assessed, "P + a TG", name) for name in RANKED}
    figure = plots.alpha_effect(sweep, nested)
    assert [axis.get_title() for axis in figure.axes] == [
        r"$\alpha$ = 0.5",
        r"$\alpha$ = 1",
        "chosen on others",
    ]
    for line, name in zip(figure.axes[2].lines[1:], RANKED):
        np.testing.assert_allclose(line.get_ydata(), nested[name].value)
    assert "n = 30 networks" in figure.get_suptitle() and names(figure) == {"Pearson", "Spearman"}
    one = sweep.value.sel(alpha=1.0, statistic="spearman")
    np.testing.assert_allclose(figure.axes[1].lines[2].get_ydata(), one)


def test_rivals_stand_in_their_order_with_colours_of_their_families():
    _, _, assessed = make_assessed(alpha=2.0)
    figure = plots.rivals(assessed, epoch=0.5, ceiling=CEILING, alpha=2.0)
    left, right = figure.axes
    by = assessed.value.sel(epoch=0.5)
    values = by.sel(statistic="pearson").to_series().sort_values(ascending=False, kind="stable")
    shown = [label.get_text() for label in left.get_yticklabels()]
    assert shown == [name.replace("alpha", "2") for name in values.index]
    guidance = [name for name in values.index if name in ("TG", "TG L1", "TG L2")]
    place, families = list(FAMILY_COLOURS).index("guidance"), len(FAMILY_COLOURS)
    for container, statistic in ((place, "pearson"), (families + place, "spearman")):
        drawn = left.containers[container].lines[0].get_xdata()
        expected = by.sel(statistic=statistic, predictor=guidance).values
        np.testing.assert_allclose(np.array(drawn, float), expected)
    gains = right.containers[0].lines[0]  # of the family accuracy: P itself
    assert gains.get_xdata().tolist() == [0] and right.get_xlabel() == "r minus that of P"
    assert "n = 30 networks" in figure.get_suptitle() and "95 %" in figure.get_suptitle()
    assert any("two trainings agree by 0.810, n = 6" in name for name in names(figure))
    assert any("its root, 0.90 [0.70, 0.95]" in name for name in names(figure))


def test_cost_curves_have_p_and_guidance_and_the_best_of_each_family():
    pool = make_analysis()
    figure = plots.cost_curves(pool, ceiling=CEILING, teacher=3e9)
    best = {name.split(": ")[0]: name.split(": ")[1] for name in names(figure) if ": " in name}
    families = {"accuracy", "training speed", "size", "guidance", "control", "combination"}
    assert families <= best.keys()
    means = pool.assessed.value.sel(statistic="pearson").mean("epoch").to_series()
    assert {"P", "P + a TG"} <= {*names(figure), *best.values()}
    assert best["size"] == means[["log parameters", "depth"]].idxmax()
    (axis,) = figure.axes
    (curve,) = [line for line in axis.lines if line.get_label() == "accuracy: P"]
    # 12 and 27 examples of networks of a million multiply-adds
    assert curve.get_xdata().tolist() == [12e6, 27e6] and "multiply-adds" in axis.get_xlabel()
    (above,) = axis.child_axes
    assert above.get_xlabel() == "examples of a mean network"
    (shared,) = [line for line in axis.lines if "its share of the teacher" in line.get_label()]
    assert shared.get_xdata().tolist() == [112e6, 127e6]  # 3e9 for 30 networks
    assert any("its root, 0.90 [0.70, 0.95]" in name for name in names(figure))


def test_without_a_ceiling_there_is_no_line(tmp_path):
    pool = make_analysis()
    for figure in (
        plots.rivals(pool.assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.cost_curves(pool, ceiling=NONE, teacher=np.nan),
    ):
        assert not any("agree" in name for name in names(figure))
        plots.save(figure, tmp_path, "figure")


def test_pools_state_how_far_accuracies_reach():
    all_of = make_analysis()
    mature = all_of.mature
    few = replace(all_of, assessed=all_of.assessed.where(False), mature=mature[:0])
    figure = plots.pools({"all": all_of, "few": few, "again": all_of}, alpha=1.0)
    titles = [axis.get_title() for axis in figure.axes]
    ends = f"mature accuracy {100 * mature.min():.1f} to {100 * mature.max():.1f} %"
    assert titles[:2] == [f"all\nn = 30, {ends}, {name}" for name in ("Pearson", "Spearman")]
    assert "none" in titles[2] and titles[4].startswith("again")
    spearman = all_of.assessed.value.sel(predictor="P", statistic="spearman")
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), spearman)
    assert names(figure) == {"P", "TG", "P + TG", "P + a TG, a chosen on other networks"}


def test_too_few_networks_give_empty_figures(tmp_path):
    pool = make_analysis(networks=3)
    costs = plots.cost_curves(pool, ceiling=NONE, teacher=np.nan)
    assert not costs.axes[0].lines
    for figure in (
        costs,
        plots.rivals(pool.assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.teachers(pool.assessed, teacher="resnet"),
        plots.pools({"all": pool}, alpha=1.0),
    ):
        plots.save(figure, tmp_path, "figure")


def test_values_without_intervals_are_drawn(tmp_path):
    pool, ceiling = make_analysis(networks=4), Estimate(0.9, np.nan, np.nan, 4)
    for figure in (
        plots.rivals(pool.assessed, epoch=2.0, ceiling=ceiling, alpha=1.0),
        plots.cost_curves(pool, ceiling=ceiling, teacher=1.6e9),
    ):
        plots.save(figure, tmp_path, "figure")
        (told,) = (name for name in names(figure) if "agree" in name)
        assert "by 0.810, n = 4" in told and "its root, 0.90,\n" in told
    shared = [line.get_label() for line in figure.axes[0].lines]
    assert "P + a TG with its share of the teacher, 400.0M" in shared
    text = plots.predictivity(pool, [], epoch=2.0).axes[0].get_title()
    assert "[" not in text and "nan" not in text and text.endswith("n = 4 networks")
    plots.save(plots.added_value({"few": pool}), tmp_path, "figure")


def test_teacher_stands_beside_its_controls():
    _, _, assessed = make_assessed()
    figure = plots.teachers(assessed, teacher="resnet")
    assert names(figure) == {"P", "TG resnet", "TG shuffled"}
    for place, statistic in ((1, "pearson"), (3, "spearman")):
        one = assessed.sel(predictor="TG shuffled", statistic=statistic)
        np.testing.assert_allclose(figure.axes[place].lines[2].get_ydata(), one.difference)
