import numpy as np
import pytest
from matplotlib import pyplot as plt

from sage import plots
from sage.plots import style
from tests.support.pools import make_assessed


def test_figures_are_saved_as_png_and_pdf_with_the_same_bytes_each_time(tmp_path):
    for folder in ("first", "second"):
        _, _, assessed = make_assessed()
        plots.save(plots.teachers(assessed, teacher="resnet"), tmp_path / folder, "figure")
    for suffix in (".png", ".pdf"):
        first, second = (
            (tmp_path / folder / f"figure{suffix}").read_bytes() for folder in ("first", "second")
        )
        assert first == second and len(first) > 5000
    assert len(list((tmp_path / "first").iterdir())) == 2


def test_style_is_of_our_figures_only():
    before = plt.rcParams["font.size"]
    _, _, assessed = make_assessed()
    figure = plots.teachers(assessed, teacher="resnet")
    assert figure.axes[0].xaxis.label.get_size() == style.STYLE["axes.labelsize"]
    assert plt.rcParams["font.size"] == before != style.STYLE["font.size"]


@pytest.mark.parametrize("ends", [(0.085, 0.17), (0.1, 0.9), (0.51, 0.5125), (0, 0.01)])
def test_accuracies_are_labelled_as_they_are(ends):
    figure, axis = plt.subplots(figsize=(2, 1.2))
    axis.plot(ends)
    style.accuracy_axis(axis)
    figure.canvas.draw()
    texts = [label.get_text().replace("\N{MINUS SIGN}", "-") for label in axis.get_yticklabels()]
    labels = [float(text.rstrip("%")) for text in texts]
    np.testing.assert_allclose(labels, 100 * axis.get_yticks(), atol=1e-9)


def test_rdms_are_drawn_with_a_group_together():
    axis = plt.figure().add_subplot()
    style.show_rdm(axis, np.arange(6.0), ["b", "a", "b", "b"])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_yticks().tolist() == [0, 2]
    np.testing.assert_array_equal(axis.images[0].get_array()[0], [0, 0, 3, 4])
