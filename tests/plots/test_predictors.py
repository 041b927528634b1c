from dataclasses import replace

import numpy as np

from sage import plots
from sage.analysis import predictivity
from sage.analysis.bootstrap import Estimate
from sage.analysis.contrasts import RANKED
from sage.analysis.predictors import display_name
from sage.plots.predictors import GROUPS
from tests.support.one_by_one import BOOTSTRAP
from tests.support.pools import make_analysis, make_assessed

CEILING = Estimate(0.9, 0.7, 0.95, 6)
NONE = Estimate(np.nan, np.nan, np.nan, 3)


def names(figure) -> set[str]:
    return {text.get_text() for text in figure.legends[0].texts}


def ends(axis) -> list[str]:
    """Labels beside the ends of lines, from the lowest on."""
    texts = [text for text in axis.texts if text.arrow_patch]
    return [text.get_text() for text in sorted(texts, key=lambda one: one.xyann[1])]


def line(axis, label: str):
    (found,) = [one for one in axis.lines if one.get_label() == label]
    return found


def test_predictivity_is_by_epoch_and_below_it_every_network():
    pool = make_analysis(alpha=2.0)
    figure = plots.predictors.predictivity(pool, ["TG L1", "TG L2"], epoch=2.0)
    pearson, spearman, p, combined = figure.axes
    for axis in (p, combined):
        deep, shallow = (len(one.get_offsets()) for one in axis.collections)
        assert shallow == (pool.scores.depth < 3).sum() > 0 and deep + shallow == 30
        assert axis.get_title().count("[") == 2
        assert axis.get_ylabel().startswith("mature accuracy\n (chance: ")
    assert combined.get_xlabel() == "P + 2 TG after 2 epochs"
    shown = ["TG of layer L1", "TG of layer L2", "P", "TG", "P + 2 TG", "P + alpha TG"]
    assert sorted(ends(spearman)) == sorted(shown) and "30 networks" in figure.get_suptitle()
    for axis, statistic in ((pearson, "pearson"), (spearman, "spearman")):
        assert [one.get_label() for one in axis.lines] == [*shown[:2], "P", "TG", *shown[4:]]
        expected = pool.assessed.value.sel(predictor="TG L1", statistic=statistic)
        np.testing.assert_allclose(axis.lines[0].get_ydata(), expected)


def test_added_value_has_a_row_per_pool_and_a_panel_for_each_statistic():
    pool, few = make_analysis(), make_analysis(networks=3)
    figure = plots.predictors.added_value({"all": pool, "few": few})
    assert names(figure) == {"+ TG", "+ TG of a shuffled teacher", "too little to matter"}
    nothing = plots.predictors.added_value({"few": few})
    assert nothing.axes[0].texts[0].get_text() == "too few networks"
    assert len(figure.axes) == len(nothing.axes) == 2  # of what is free little is known
    pair = (pool.compared["first"] == "P and size + TG") & (pool.compared["second"] == "P and size")
    one = pool.compared.isel(pair=pair.values).squeeze("pair").sel(statistic="spearman")
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), one.value)
    assert figure.axes[0].get_ylabel() == "all\nn = 30\ngain in r"


def test_simulated_searches_cost_what_candidates_and_teacher_cost(tmp_path):
    pool = make_analysis()
    figure = plots.predictors.simulated_searches({"all": pool}, epoch=0.5, teacher=7e9)
    first, top, gains = figure.axes
    lines = {line.get_label(): line for line in first.lines}
    # 12 examples of 1e6 multiply-adds for each of 10 and more candidates
    assert lines["P"].get_xdata()[:2].tolist() == [1.2e8, 2.4e8]
    assert lines["P + alpha TG"].get_xdata()[:2].tolist() == [7.12e9, 7.24e9]
    found = pool.found.value.sel(predictor="P", epoch=0.5, choice="first")
    np.testing.assert_allclose(lines["P"].get_ydata(), found.dropna("candidates"))
    assert first.get_ylabel().startswith("all\nn = 30") and gains.get_xlabel() == "candidates"
    few = plots.predictors.simulated_searches(
        {"few": make_analysis(networks=3)}, epoch=0.5, teacher=np.nan
    )
    plots.save(few, tmp_path, "figure")


def test_alpha_effect_has_a_panel_per_alpha_and_one_for_the_nested_choice():
    scores, mature, assessed = make_assessed()
    sweep = predictivity.alpha_sweep(scores, mature, np.array([0.5, 1.0]), BOOTSTRAP)
    nested = {name: predictivity.gain(assessed, "P + a TG", name) for name in RANKED}
    figure = plots.predictors.alpha_effect(sweep, nested)
    assert [axis.get_title() for axis in figure.axes] == [
        "alpha = 0.5",
        "alpha = 1",
        "alpha chosen on\nother networks",
    ]
    for line, name in zip(figure.axes[2].lines[1:], RANKED):
        np.testing.assert_allclose(line.get_ydata(), nested[name].value)
    assert "(30 networks)" in figure.get_suptitle()
    assert names(figure) == {"Pearson's r", "Spearman's r"}
    one = sweep.value.sel(alpha=1.0, statistic="spearman")
    np.testing.assert_allclose(figure.axes[1].lines[2].get_ydata(), one)


def test_rivals_stand_in_their_groups_the_best_first():
    _, _, assessed = make_assessed(alpha=2.0)
    figure = plots.predictors.rivals(assessed, epoch=0.5, ceiling=CEILING, alpha=2.0)
    by = assessed.value.sel(epoch=0.5)
    pairs = zip(figure.axes[::2], figure.axes[1::2])
    rows = {left.get_title("left"): (left, right) for left, right in pairs}
    assert list(rows) == [group for group in GROUPS if group != "guidance by recordings"]
    values = by.sel(statistic="pearson").to_series().sort_values(ascending=False, kind="stable")
    guidance = [name for name in values.index if name in ("TG", "TG L1", "TG L2")]
    left, _ = rows["guidance by a teacher"]
    shown = [label.get_text() for label in left.get_yticklabels()]
    assert shown == [display_name(name) for name in guidance] and "TG of layer L1" in shown
    for container, statistic in zip(left.containers, RANKED):
        drawn = container.lines[0].get_xdata()
        expected = by.sel(statistic=statistic, predictor=guidance).values
        np.testing.assert_allclose(np.array(drawn, float), expected)
    trained, gains = rows["trained a little"]
    place = [label.get_text() for label in trained.get_yticklabels()].index("P")
    assert gains.containers[0].lines[0].get_xdata()[place] == 0
    assert "P + 2 TG" in [one.get_text() for one in figure.axes[-2].get_yticklabels()]
    assert "of 30 networks after 0.5 epochs" in figure.get_suptitle()
    assert "ceiling 0.90 [0.70, 0.95], of 6 networks trained twice" in names(figure)


def test_cost_curves_have_p_and_guidance_and_the_best_of_each_family():
    pool = make_analysis()
    figure = plots.predictors.cost_curves(pool, ceiling=CEILING, teacher=3e9)
    free, axis = figure.axes
    means = pool.assessed.value.sel(statistic="pearson").mean("epoch").to_series()
    size = means[["log parameters", "depth"]].idxmax()
    (untrained,) = [label.get_text().replace("\n", " ") for label in free.get_xticklabels()]
    assert untrained == display_name(size)
    best = {"P", "P + alpha TG", "training speed (TSE)", "TG of a shuffled teacher"}
    assert best <= {*ends(axis)} and {"TG", "TG of layer L1", "TG of layer L2"} & {*ends(axis)}
    # 12 and 27 examples of networks of a million multiply-adds
    assert line(axis, "P").get_xdata().tolist() == [12e6, 27e6]
    (above,) = axis.child_axes
    assert above.get_xlabel() == "examples of a mean network"
    shared = line(axis, "P + alpha TG, teacher counted")
    assert shared.get_xdata().tolist() == [112e6, 127e6]  # 3e9 for 30 networks
    assert names(figure) == {"ceiling 0.90 [0.70, 0.95], of 6 networks trained twice"}


def test_without_a_ceiling_there_is_no_line(tmp_path):
    pool = make_analysis()
    for figure in (
        plots.predictors.rivals(pool.assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.predictors.cost_curves(pool, ceiling=NONE, teacher=np.nan),
    ):
        assert not any("ceiling" in name for name in names(figure))
        plots.save(figure, tmp_path, "figure")


def test_pools_state_how_far_accuracies_reach():
    all_of = make_analysis()
    mature = all_of.mature
    few = replace(all_of, assessed=all_of.assessed.where(False).assign(n=0 * all_of.assessed.n))
    few = replace(few, mature=mature[:0])
    figure = plots.predictors.pools(
        {"all": all_of, "few": few, "again": all_of, "last": all_of}, alpha=1.0
    )
    ends = f"accuracy {mature.min():.1%} to {mature.max():.1%}"
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:3] == [f"all\nn = 30, {ends}", "few\nn = 0", f"again\nn = 30, {ends}"]
    assert len(titles) == 8 and titles[6].startswith("last")  # three in a row, two rows for each
    spearman = all_of.assessed.value.sel(predictor="P", statistic="spearman")
    np.testing.assert_allclose(line(figure.axes[3], "P").get_ydata(), spearman)
    assert names(figure) == {"P", "TG", "P + TG", "P + alpha TG"}
    assert "P + alpha TG: alpha chosen on other networks" in figure.get_suptitle()


def test_too_few_networks_give_empty_figures(tmp_path):
    pool = make_analysis(networks=3)
    costs = plots.predictors.cost_curves(pool, ceiling=NONE, teacher=np.nan)
    assert not costs.axes[1].lines
    for figure in (
        costs,
        plots.predictors.rivals(pool.assessed, epoch=2.0, ceiling=NONE, alpha=1.0),
        plots.predictors.teachers(pool.assessed, teacher="resnet"),
        plots.predictors.pools({"all": pool}, alpha=1.0),
    ):
        plots.save(figure, tmp_path, "figure")


def test_values_without_intervals_are_drawn(tmp_path):
    pool, ceiling = make_analysis(networks=4), Estimate(0.9, np.nan, np.nan, 4)
    for figure in (
        plots.predictors.rivals(pool.assessed, epoch=2.0, ceiling=ceiling, alpha=1.0),
        plots.predictors.cost_curves(pool, ceiling=ceiling, teacher=1.6e9),
    ):
        plots.save(figure, tmp_path, "figure")
        assert "ceiling 0.90, of 4 networks trained twice" in names(figure)
    text = plots.predictors.predictivity(pool, [], epoch=2.0).axes[2].get_title()
    assert "[" not in text and "nan" not in text and text.startswith("Pearson's r ")
    plots.save(plots.predictors.added_value({"few": pool}), tmp_path, "figure")


def test_teacher_stands_beside_its_controls_also_new_ones():
    _, _, assessed = make_assessed()
    known = assessed.predictor.values.tolist()
    more = assessed.sel(predictor=[*known, "TG shuffled"]).assign_coords(predictor=[*known, "mine"])
    figure = plots.predictors.teachers(more, teacher="resnet")
    assert sorted(ends(figure.axes[1])) == ["P", "TG", "TG of a shuffled teacher", "mine"]
    figure = plots.predictors.teachers(assessed, teacher="resnet")
    assert sorted(ends(figure.axes[1])) == ["P", "TG", "TG of a shuffled teacher"]
    assert "resnet" in figure.get_suptitle() and "30 networks" in figure.get_suptitle()
    for axis, statistic in zip(figure.axes, RANKED):
        one = assessed.sel(predictor="TG shuffled", statistic=statistic)
        np.testing.assert_allclose(line(axis, "TG of a shuffled teacher").get_ydata(), one.value)
