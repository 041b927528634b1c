import numpy as np
import xarray as xr

from sage import plots
from tests.support.made_up_teachers import make_teacher


def test_rdms_stand_by_category():
    teacher = make_teacher()
    categories = {"class": tuple("abababababab"[:10]), "image": tuple("cccd")}
    axis, beside = plots.teacher_rdms(teacher.bank(), categories).axes[:2]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_ylabel() == "class level, S = 10" and not beside.get_ylabel()
    assert not any(label.get_text() for label in beside.get_yticklabels())
    values = np.zeros((10, 10))
    values[np.triu_indices(10, 1)] = teacher.layers[0].rdms["class"]
    order = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    shown = axis.images[0].get_array()
    np.testing.assert_allclose(shown, (values + values.T)[np.ix_(order, order)])


def test_learning_curve_and_sheets_are_labelled():
    curve = xr.Dataset(
        {"accuracy": ("epoch", [0.1, 0.5]), "training_loss": ("epoch", [np.nan, 1.0])},
        {"epoch": [0, 1]},
        {"teacher": "ResNet-8"},
    )
    left, right = plots.learning_curve(curve, chance=0.1, linear=0.2).axes
    assert left.get_xlabel() == right.get_xlabel() == "epochs"
    assert left.get_ylabel() == "validation accuracy"
    assert right.get_ylabel() == "training loss (nats)"
    images = np.zeros((2, 3, 3, 8, 6), np.uint8)
    images[1, 2, 0] = 255
    sheet = plots.image_sheets({"some": images}, ("a", "b")).axes[0].images[0].get_array()
    assert sheet.shape == (2 * 10, 3 * 8, 3)
    assert (sheet[11:19, 17:23] == [255, 0, 0]).all() and (sheet[1:9, 1:7] == 0).all()
