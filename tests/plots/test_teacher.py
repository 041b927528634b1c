import numpy as np
import pytest
import torch
import xarray as xr

from sage import plots
from sage.images.datasets import Dataset, Images
from sage.plots import style
from tests.support.made_up_teachers import make_teacher


def test_rdms_stand_by_category():
    teacher = make_teacher()
    categories = {"class": tuple("abababababab"[:10]), "image": tuple("cccd")}
    axis, beside = plots.teacher.teacher_rdms(teacher.bank(), categories).axes[:2]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_title() == "A, 10 classes"
    assert not any(label.get_visible() for label in beside.get_yticklabels())
    values = np.zeros((10, 10))
    values[np.triu_indices(10, 1)] = teacher.layers[0].rdms["class"]
    order = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    shown = axis.collections[0].get_array()  # percentiles: in the order of the values
    expected = (values + values.T)[np.ix_(order, order)].ravel()
    np.testing.assert_array_equal(np.argsort(shown, axis=None), np.argsort(expected))


def test_learning_curve_is_labelled():
    curve = xr.Dataset(
        {"accuracy": ("epoch", [0.1, 0.5]), "training_loss": ("epoch", [np.nan, 1.0])},
        {"epoch": [0, 1]},
        {"teacher": "ResNet-8", "chance": 0.1, "linear": 0.2},
    )
    figure = plots.teacher.learning_curve(curve)
    left, right = figure.axes
    assert left.get_xlabel() == right.get_xlabel() == "epochs"
    assert left.get_title() == "validation accuracy" and "loss" in right.get_title()
    told = {text.get_text(): text.xy[1] for text in left.texts}
    assert told == {"A": 1, "chance": 0.1, "linear classifier on pixels": 0.2}


def make_images(name: str, classes: tuple[str, ...]) -> Dataset:
    """Four training images of each class, in one colour that tells class and image."""
    labels = torch.arange(len(classes)).repeat(4)
    colours = torch.stack([labels, torch.arange(len(labels)) % 4, 0 * labels], 1)
    pixels = colours[:, :, None, None].expand(-1, -1, 6, 6).to(torch.uint8)
    part = Images(pixels, labels)
    return Dataset(name, classes, part, part, part)


def test_a_runs_own_training_images_are_shown_by_class():
    (axis,) = plots.teacher.training_images(make_images("pets", ("cat", "dog", "eel"))).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "dog", "eel"]
    assert axis.get_title() == "training images as shown to networks\n3 of 3 classes, 6 x 6 pixels"
    sheet = axis.images[0].get_array()  # each image has a frame of one pixel
    assert sheet.shape == (3 * 8, style.EXAMPLES * 8, 3)
    shown = [sheet[8 * row + 4, 4 : 4 * 8 : 8, 0].tolist() for row in range(3)]
    assert shown == [[0] * 4, [1] * 4, [2] * 4] and (sheet[:, 4 * 8 :] == 255).all()


def test_some_of_many_classes_are_shown_and_objects_beside_their_best_views():
    names = tuple(f"class {number}" for number in range(30))
    (axis,) = plots.teacher.training_images(make_images("many", names)).axes
    assert "10 of 30 classes" in axis.get_title()
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == names[0] and labels[-1] == names[-1] and len(set(labels)) == 10
    best, shown = plots.teacher.training_images(make_images("objects", names)).axes
    assert "best-known" in best.get_title() and best.images[0].get_array().shape == (784, 392, 3)
    assert "as shown to networks" in shown.get_title()


# One that no font here has, a byte that is no UTF-8, and a line break among them.
NAMES = ("$a^", "$\\nosuch$", "_b", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "%s {x}")
ESCAPED = {"\U000f0000": r"\U000f0000", "caf\udce9": r"caf\udce9", "two\nlines": r"two\nlines"}


@pytest.mark.parametrize("name", [*NAMES, *ESCAPED])
def test_names_of_any_signs_are_drawn(tmp_path, name):
    names = (name, "dog", "eel")
    axis = plots.teacher.training_images(make_images("pets", (name,))).axes[0]
    bank = make_teacher().bank()
    rdms = plots.teacher.teacher_rdms(bank, {"image": (*names, "dog")}).axes[0]
    for number, one in enumerate((axis, rdms)):
        shown = {label.get_text(): label for label in one.get_yticklabels()}
        assert not shown[ESCAPED.get(name, name)].get_parse_math()
        plots.save(one.figure, tmp_path, str(number))  # warnings are errors
