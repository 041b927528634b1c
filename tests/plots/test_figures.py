import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sage.analysis import predictivity
from sage.plots import figures
from tests.support.made_up_teachers import make_teacher
from tests.support.pools import make_assessed
from tests.support.search_results import make_table

OPTIONS = {"resamples": 2000, "seed": 0}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def make_predictivity():
    scores, mature, assessed = make_assessed(alpha=2.0)
    names = ["P", "TG L1", "TG L2", "TG", "P + alpha TG"]
    curves = assessed.sel(predictor=names, statistic="pearson")
    return figures.predictivity(scores.sel(predictor=names), mature, curves, epoch=2.0)


def labels(figure) -> list[str]:
    return [axis.get_xlabel() for axis in figure.axes] + [axis.get_ylabel() for axis in figure.axes]


def test_figures_are_saved_as_png_and_pdf_with_the_same_bytes_each_time(tmp_path):
    for folder in ("first", "second"):
        figures.save(make_predictivity(), tmp_path / folder, "figure")
    for suffix in (".png", ".pdf"):
        first, second = (
            (tmp_path / folder / f"figure{suffix}").read_bytes() for folder in ("first", "second")
        )
        assert first == second and len(first) > 5000
    assert len(list((tmp_path / "first").iterdir())) == 2


def test_predictivity_shows_every_network_and_states_interval_and_n():
    figure = make_predictivity()
    p, combined, curves, above = figure.axes
    assert len(p.collections[0].get_offsets()) == len(combined.collections[0].get_offsets()) == 30
    assert "n = 30 networks" in p.get_title() and "[" in p.get_title()
    assert combined.get_xlabel() == "P + 2 TG, 2 epochs"
    assert above.get_xlabel().startswith("examples")
    assert above.get_xlim() == curves.get_xlim() and above.get_xticks().tolist() == [0.5, 2]
    assert [label.get_text() for label in above.get_xticklabels()] == ["12.0", "27.0"]
    assert len(curves.lines) == len(curves.collections) == 5  # a band for every curve
    assert {text.get_text() for text in figure.legends[0].texts} == {
        "P",
        "TG",
        "TG L1",
        "TG L2",
        "P + 2 TG",
    }


def test_alpha_effect_has_a_panel_per_alpha_and_one_for_the_nested_choice():
    scores, mature, assessed = make_assessed()
    sweep = predictivity.alpha_sweep(scores, mature, np.array([0.5, 1.0]), **OPTIONS)
    nested = predictivity.gain(assessed, "P + a TG")
    figure = figures.alpha_effect(sweep, nested)
    assert [axis.get_title() for axis in figure.axes] == [
        r"$\alpha$ = 0.5",
        r"$\alpha$ = 1",
        "chosen on others",
    ]
    np.testing.assert_allclose(figure.axes[2].lines[1].get_ydata(), nested.value)
    assert "n = 30 networks" in figure.get_suptitle()
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), sweep.value.sel(alpha=1.0))


def test_dissimilarities_stand_by_category():
    teacher = make_teacher()
    categories = {"class": tuple("abababababab"[:10]), "image": tuple("cccd")}
    figure = figures.dissimilarity(teacher.bank(), categories)
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    shown = axis.images[0].get_array()
    values = np.zeros((10, 10))
    values[np.triu_indices(10, 1)] = teacher.layers[0].rdms["class"]
    order = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    np.testing.assert_allclose(shown, (values + values.T)[np.ix_(order, order)])


def test_learning_curve_and_sheets_are_labelled():
    curve = xr.Dataset(
        {"accuracy": ("epoch", [0.1, 0.5]), "training_loss": ("epoch", [np.nan, 1.0])},
        {"epoch": [0, 1]},
        {"teacher": "ResNet-8"},
    )
    figure = figures.learning_curve(curve, chance=0.1, linear=0.2)
    assert labels(figure) == ["epochs", "epochs", "validation accuracy", "training loss (nats)"]
    images = np.zeros((2, 3, 3, 8, 6), np.uint8)
    images[1, 2, 0] = 255
    sheet = figures.image_sheets({"some": images}, ("a", "b")).axes[0].images[0].get_array()
    assert sheet.shape == (2 * 10, 3 * 8, 3)
    assert (sheet[11:19, 17:23] == [255, 0, 0]).all() and (sheet[1:9, 1:7] == 0).all()


def test_search_progress_has_a_column_per_searcher_and_a_line_per_search():
    table = make_table()
    figure = figures.search_progress(table)
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
    figures.save(figures.search_progress(make_table().isel(run=[0])), tmp_path, "figure")


def test_finalists_show_every_network_and_the_mean():
    table = make_table().isel(epochs=[0])
    values = np.linspace(0.2, 0.4, 12).reshape(2, 2, 1, 3, 1)
    values = np.concatenate([values, values + 0.1], axis=-1)
    table["top_accuracy"] = (("searcher", "score", "epochs", "run", "place"), values)
    table.top_accuracy[1, 1, 0, 2, 1] = np.nan
    axis = figures.finalists(table).axes[0]
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
    figure = figures.final_errors(frame, "mine", found=1, images=1500)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["tpe P", "NASNet-A"]
    assert (
        axis.get_xlabel() == "mine test error (%)" and "n = 1,500 images" in figure.get_suptitle()
    )
    (bar,) = axis.containers[0][2]
    np.testing.assert_allclose(bar.get_segments()[0][:, 0], [38, 43])
