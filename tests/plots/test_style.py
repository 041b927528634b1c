import numpy as np
import pytest
from matplotlib import pyplot as plt

from sage import plots
from sage.plots import style
from tests.support.pools import make_assessed


def test_figures_are_saved_as_png_and_pdf_with_the_same_bytes_each_time(tmp_path):
    for folder in ("first", "second"):
        _, _, assessed = make_assessed()
        plots.save(
            plots.predictors.teachers(assessed, teacher="resnet"), tmp_path / folder, "figure"
        )
    for suffix in (".png", ".pdf"):
        first, second = (
            (tmp_path / folder / f"figure{suffix}").read_bytes() for folder in ("first", "second")
        )
        assert first == second and len(first) > 5000
    assert len(list((tmp_path / "first").iterdir())) == 2


def test_style_is_of_our_figures_only():
    before = plt.rcParams["font.size"]
    _, _, assessed = make_assessed()
    figure = plots.predictors.teachers(assessed, teacher="resnet")
    assert figure.axes[0].xaxis.label.get_size() == style.STYLE["axes.labelsize"]
    assert plt.rcParams["font.size"] == before != style.STYLE["font.size"]


@pytest.mark.parametrize("ends", [(0.085, 0.17), (0.1, 0.9), (0.51, 0.5125), (0, 0.01)])
def test_accuracies_are_labelled_as_they_are(ends):
    figure, axis = plt.subplots(figsize=(2, 1.2))
    axis.plot(ends)
    style.accuracy_axis(axis)
    figure.canvas.draw()
    texts = [label.get_text().replace("\N{MINUS SIGN}", "-") for label in axis.get_yticklabels()]
    labels = [float(text.rstrip(" %")) for text in texts]
    np.testing.assert_allclose(labels, 100 * axis.get_yticks(), atol=1e-9)


def test_rdms_are_drawn_with_a_group_together():
    axis = plt.figure().add_subplot()
    style.show_rdm(axis, np.arange(6.0), ["b", "a", "b", "b"])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_yticks().tolist() == [0.5, 2.5]
    percentiles = axis.collections[0].get_array()[0]  # of the values 0, 3 and 4 of six
    np.testing.assert_allclose(percentiles, [0, 100 / 6, 400 / 6, 500 / 6])


def test_names_of_groups_that_would_lie_on_each_other_are_left_out():
    axis, groups = plt.figure().add_subplot(), [*"a" * 40, "b", "c", *"d" * 40]
    style.show_rdm(axis, np.arange(82 * 81 / 2), groups)
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "d"]


@pytest.mark.parametrize("chance, drawn", [(0.1, True), (0.05, False)])
def test_chance_is_drawn_where_it_is_near_and_told_anyway(chance, drawn):
    figure, axis = plt.subplots()
    axis.plot([0.12, 0.2])
    style.accuracy_axis(axis, "accuracy", chance=chance)
    assert axis.get_ylabel() == f"accuracy (chance: {100 * chance:g} %)"
    assert (len(axis.lines) == 2) == drawn


def test_labels_at_the_ends_of_lines_keep_their_order_and_apart():
    figure, (axis, empty) = plt.subplots(1, 2, figsize=(6, 2))
    for label, end in (("c", 0.51), ("a", 0.49), ("d", 1.0), ("b", 0.5), ("none", np.nan)):
        axis.plot([0, 1], [0 * end, end], label=label)
    for one in (axis, empty):
        style.label_ends(one)
    heights = [axis.transData.transform(text.xyann)[1] for text in axis.texts]
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c", "d"] and not empty.texts
    assert min(np.diff(heights)) >= style.STYLE["font.size"] * figure.dpi / 72
    assert {text.xyann[0] for text in axis.texts} == {1.06}
