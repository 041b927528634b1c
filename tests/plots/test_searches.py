import numpy as np
import pandas as pd

from sage import plots
from tests.support.search_results import make_table


def test_search_progress_has_a_column_per_searcher_and_a_line_per_search():
    table = make_table()
    figure = plots.search_progress(table)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["random search", "TPE"]
    assert figure.axes[0].get_ylabel() and figure.axes[0].get_xlabel() == "candidates"
    assert figure.axes[2].get_xlabel() == "training examples"
    assert all(
        len(axis.containers) == 4 for axis in figure.axes
    )  # a line with bars for every search
    names = {text.get_text() for text in figure.legends[0].texts}
    searches = {f"{score}, {n}" for score in ("P", "P + 2 TG") for n in ("1 epoch", "4 epochs")}
    assert names == searches | {"mean of 6 random architectures"}
    assert "n = 3 runs" in figure.get_suptitle() and "top 2" in figure.get_suptitle()
    line = figure.axes[3].containers[1].lines[0]
    expected = table.mature_accuracy.sel(searcher="tpe", score="P+TG", epochs=1).mean("run")
    np.testing.assert_allclose(line.get_ydata(orig=False), expected)


def test_search_progress_of_one_run_has_no_bars(tmp_path):
    plots.save(plots.search_progress(make_table().isel(run=[0])), tmp_path, "figure")


def test_finalists_show_every_network_and_the_mean():
    table = make_table().isel(epochs=[0])
    values = np.linspace(0.2, 0.4, 12).reshape(2, 2, 1, 3, 1)
    values = np.concatenate([values, values + 0.1], axis=-1)
    table["top_accuracy"] = (("searcher", "score", "epochs", "run", "place"), values)
    table.top_accuracy[1, 1, 0, 2, 1] = np.nan
    axis = plots.finalists(table).axes[0]
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names[0] == "not selected\nn = 6" and names[1] == "random search\nP\nn = 6"
    assert names[4] == "TPE\nP + 2 TG\nn = 5" and axis.get_ylabel() == "mature validation accuracy"
    circles = [line for line in axis.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(circles[1].get_ydata(orig=False), values[0, 0, 0].ravel())
    mean = [line for line in axis.lines if line.get_marker() == "D"][1]
    np.testing.assert_allclose(mean.get_ydata(orig=False), values[0, 0].mean())
    assert "top 2" in axis.get_title()


def test_final_errors_have_intervals_and_n():
    frame = pd.DataFrame(
        {"mine error (%)": [40.0, 50.0], "mine low": [38.0, 47.0], "mine high": [43.0, 52.0]},
        index=pd.MultiIndex.from_tuples(
            [("tpe P", "ours"), ("NASNet-A", "ours")], names=["network", "numbers"]
        ),
    )
    figure = plots.final_errors(frame, "mine", found=1, images=1500)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["tpe P", "NASNet-A"]
    assert (
        axis.get_xlabel() == "mine test error (%)" and "n = 1,500 images" in figure.get_suptitle()
    )
    (bar,) = axis.containers[0][2]
    np.testing.assert_allclose(bar.get_segments()[0][:, 0], [38, 43])
