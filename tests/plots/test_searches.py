import numpy as np
import pandas as pd
import xarray as xr

from sage import plots
from sage.analysis.bootstrap import t_interval
from sage.analysis.search_tables import differences
from tests.support.search_results import make_table


def test_search_progress_has_a_panel_per_searcher_and_one_of_their_mean():
    table = make_table(runs=5)
    figure = plots.searches.search_progress(table)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["random search", "TPE", "mean of all searchers"]
    assert [axis.texts[0].get_text() for axis in figure.axes] == ["A", "B", "C"]
    names = {text.get_text() for text in figure.legends[0].texts}
    searches = {f"{one} after {n}" for one in ("P", "P + 2 TG") for n in ("1 epoch", "4 epochs")}
    assert names == searches | {"mean of 10 random architectures"}
    accuracy = table.mature_accuracy.sel(score="P+TG", epochs=1)
    for axis, of in (
        (figure.axes[1], accuracy.sel(searcher="tpe")),
        (figure.axes[2], accuracy.mean("searcher")),
    ):
        (line,) = [one for one in axis.lines if one.get_label() == "P + 2 TG after 1 epoch"]
        np.testing.assert_allclose(line.get_ydata(), of.mean("run"))
        runs = axis.collections[4].get_offsets()[:, 1]  # of each search its runs, then its interval
        np.testing.assert_allclose(np.sort(runs), np.sort(of.values.ravel()))
        (bars,) = axis.containers[2].lines[2]
        ends = t_interval(of.isel(samples=0).values)
        np.testing.assert_allclose(bars.get_segments()[0][:, 1], [ends.low, ends.high])
    assert "chance: 10 %" in figure.axes[0].get_ylabel()


def test_search_progress_of_one_run_has_no_bars():
    figure = plots.searches.search_progress(make_table().isel(run=[0]))
    bars = [bar for axis in figure.axes for one in axis.containers for bar in one.lines[2]]
    ends = [one for bar in bars for one in bar.get_segments() if len(one)]
    assert not np.isfinite(ends).any()


def test_search_differences_show_every_run_and_the_mean_of_all_searchers():
    table = make_table(runs=5)
    figure = plots.searches.search_differences(table)
    figure.draw_without_rendering()
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["minus P after 1 epoch", "minus P after 4 epochs"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["random search", "TPE", "mean of all"]
    for axis, found in zip(figure.axes, differences(table)):
        bars = [line.get_xydata() for line in axis.lines if line.get_marker() == "|"]
        means = {round(y): x for bar in bars for x, y in bar if np.isfinite(x)}
        np.testing.assert_allclose([means[row] for row in range(3)], found.mean("run"))
        runs = np.concatenate([dots.get_offsets() for dots in axis.collections[-3:]])
        np.testing.assert_allclose(np.sort(runs[:, 0]), np.sort(found.values.ravel()))
    nothing = plots.searches.search_differences(table.sel(score=["P"]))
    assert "nothing to compare" in nothing.axes[0].texts[0].get_text()


def test_finalists_show_every_network_every_run_and_the_mean():
    table = make_table().isel(epochs=[0])
    values = np.linspace(0.2, 0.4, 12).reshape(2, 2, 1, 3, 1)
    values = np.concatenate([values, values + 0.1], axis=-1)
    table["top_accuracy"] = (("searcher", "score", "epochs", "run", "place"), values)
    table.top_accuracy[1, 1, 0, 2, 1] = np.nan
    figure = plots.searches.finalists(table)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    searches = [
        f"{one}, {score}" for one in ("random search", "TPE") for score in ("P", "P + 2 TG")
    ]
    assert names == ["random architectures", *searches]
    assert axis.get_xlabel() == "mature validation accuracy (chance: 10 %)"
    networks, runs = axis.collections[1].get_offsets(), axis.collections[6].get_offsets()
    np.testing.assert_allclose(np.sort(networks[:, 0]), np.sort(values[0, 0].ravel()))
    np.testing.assert_allclose(np.sort(runs[:, 0]), values[0, 0, 0].mean(1))
    bars = [line.get_xydata() for line in axis.lines if line.get_marker() == "|"]
    means = {round(y): x for bar in bars for x, y in bar if np.isfinite(x)}
    np.testing.assert_allclose(means[1], values[0, 0].mean())


def test_final_errors_have_intervals_and_come_in_order():
    frame = pd.DataFrame(
        {
            "mine error (%)": [50.0, 40.0],
            "mine error (%), low": [47.0, 38.0],
            "mine error (%), high": [52.0, 43.0],
        },
        index=pd.MultiIndex.from_tuples(
            [("tpe P+TG-sep", "ours"), ("NASNet-A", "ours")], names=["network", "numbers"]
        ),
    )
    names = frame.index.get_level_values("network").tolist()
    trainings = xr.DataArray(
        [[0.52, 0.6], [0.48, 0.6]], {"network": names}, ["training", "network"]
    )
    (axis,) = plots.searches.final_errors(
        frame, {"mine": trainings}, found=1, searched=make_table()
    ).axes
    names = {
        label.get_text(): axis.get_yticks()[n] for n, label in enumerate(axis.get_yticklabels())
    }
    assert names == {"TPE, P + 2 TG-sep": 1, "NASNet-A": 2}
    assert axis.get_xlabel() == "test error (chance: 90 %)"
    (bar,) = axis.containers[0][2]
    np.testing.assert_allclose(bar.get_segments()[0][:, 0], [0.47, 0.52])
    broken = frame.assign(**{"mine error (%)": [np.nan, 40.0]})
    (other,) = plots.searches.final_errors(
        broken, {"mine": trainings}, found=1, searched=make_table()
    ).axes
    assert [one.get_text() for one in other.get_yticklabels()] == [*names]  # one without a dot
    shown = [line.get_xdata().tolist() for line in axis.lines[:2]]  # a training each
    np.testing.assert_allclose(shown, [[0.48], [0.52]])
    frame.columns = [name.replace("mine", "mine top-5") for name in frame]
    few = make_table().assign_attrs(classes=4)
    (axis,) = plots.searches.final_errors(
        frame, {"mine top-5": trainings}, found=1, searched=few
    ).axes
    assert axis.get_xlabel() == "test error (chance: 0 %)"


def test_a_score_with_epochs_of_its_own_has_no_other_line():
    table = make_table().assign_coords(score=["P", "P+0.2TG"])
    table = table.where((table.score == "P") | (table.epochs == 1))
    figure = plots.searches.search_progress(table)
    names = {text.get_text() for text in figure.legends[0].texts}
    assert "P + 0.2 TG after 1 epoch" in names and "P after 4 epochs" in names
    assert "P + 0.2 TG after 4 epochs" not in names
