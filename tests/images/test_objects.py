"""Checks of the rendered `objects` data."""

import numpy as np
import pytest

from sage.images import objects
from sage.images.objects import renderer
from sage.images.objects.parts import Part

EACH_CLASS = 64


def by_class(difficulty: float, seed: int, *, clutter: float = 0.0) -> np.ndarray:
    """One picture of every class in the order of the classes, as floats."""
    spreads = {"difficulty": difficulty, "clutter": clutter}
    pictures, labels = objects.render(EACH_CLASS, **spreads, seed=seed)
    return pictures[np.argsort(labels)].astype(float)


def silhouettes(difficulty: float, seed: int) -> np.ndarray:
    """Where each class covers the black background of clutter 0."""
    return (by_class(difficulty, seed) > 1).any(1)


def test_names():
    assert " ".join(objects.CATEGORIES) == "animal boat car chair face fruit plane table"
    names = objects.classes()
    assert names[:2] == ("animal 1", "animal 2") and names[63] == "table 8"
    assert len(set(names)) == 64
    assert " ".join(objects.classes(2)[:3]) == "animal 1 animal 2 boat 1"


@pytest.mark.parametrize("count, size", [(1, 16), (70, 33)])
def test_shape_and_type(count, size):
    pictures, labels = objects.render(count, size=size)
    assert pictures.shape == (count, 3, size, size) and pictures.dtype == np.uint8
    assert labels.shape == (count,) and labels.dtype == np.int64
    assert labels.min() >= 0 and labels.max() < 64


def test_pictures_use_the_range():
    pictures, _ = objects.render(EACH_CLASS, clutter=0.5)
    assert pictures.min() < 20 and pictures.max() > 235
    assert (pictures.std((2, 3)).mean(1) > 5).all()


def test_labels_are_balanced_and_shuffled():
    _, labels = objects.render(200, size=16)
    counts = np.bincount(labels, minlength=64)
    assert counts.max() - counts.min() <= 1
    assert (labels[:64] != np.arange(64)).any() and (labels[:64] != labels[64:128]).any()


def test_seed_decides_the_pictures():
    first, again, other = (objects.render(80, seed=seed) for seed in (3, 3, 4))
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    assert (first[1] != other[1]).any()
    same_class = np.abs(by_class(0.5, 3, clutter=0.5) - by_class(0.5, 4, clutter=0.5))
    same_class = same_class.mean((1, 2, 3))
    assert (same_class > 5).all()


def test_fewer_pictures_are_the_first_of_more():
    few, few_labels = objects.render(70, seed=5)
    many, many_labels = objects.render(150, seed=5)
    assert (few == many[:70]).all() and (few_labels == many_labels[:70]).all()


def test_fewer_objects_of_a_category_are_its_first():
    views = [objects.render(8 * each, each=each, difficulty=0, clutter=0) for each in (1, 8)]
    (few, of_few), (every, of_every) = views
    assert sorted(of_few) == list(range(8))
    shapes = [(few[of_few.argsort()] > 1).any(1), (every[of_every.argsort()] > 1).any(1)[::8]]
    assert (shapes[0] == shapes[1]).mean() > 0.99


def test_the_digest_is_of_what_is_rendered(monkeypatch):
    before = renderer.renderer_digest.__wrapped__()
    assert before == objects.renderer_digest() and len(before) == 16
    monkeypatch.setattr(renderer, "TINT", 0.51)
    assert renderer.renderer_digest.__wrapped__() != before


@pytest.mark.parametrize("spread", ["difficulty", "clutter"])
def test_each_spread_widens_each_class(spread):
    variances = []
    for much in (0.0, 0.5, 1.0):
        spreads = {"difficulty": 0.0, "clutter": 0.0, spread: much}
        draws = np.stack([by_class(**spreads, seed=seed) for seed in range(6)])
        variances.append(draws.var(0).mean((1, 2, 3)))
    none, middle, wide = variances
    # Far from the middle an object may leave the picture, and vary less.
    assert (none < wide).mean() > 0.9 and none.mean() < min(middle.mean(), wide.mean())


def test_position_and_size_vary_with_difficulty_only():
    easy, hard = (
        np.stack([silhouettes(difficulty, seed) for seed in range(6)]) for difficulty in (0, 1)
    )
    assert (easy == easy[0]).mean() > 0.99
    areas = hard.mean((2, 3))
    assert (areas.std(0) / areas.mean(0)).mean() > 0.2
    columns = (hard.any(2) * np.arange(32)).sum(2) / hard.any(2).sum(2).clip(1)
    assert columns.std(0).mean() > 2


def test_every_object_has_a_shape_of_its_own():
    masks = silhouettes(0, 0).reshape(8, 8, -1)
    assert (masks.mean(2) > 0.03).all() and (masks.mean(2) < 0.8).all()
    for category in masks:
        for i in range(8):
            for j in range(i):
                common = (category[i] & category[j]).sum() / (category[i] | category[j]).sum()
                assert common < 0.95, (i, j)


def test_objects_fit_into_the_canonical_picture():
    masks = silhouettes(0, 0)
    border = masks[:, [0, -1]].any((1, 2)) | masks[:, :, [0, -1]].any((1, 2))
    assert not border.any()


def test_colours_are_shared_between_categories():
    users: dict[str, set[str]] = {}
    for category, members in renderer.OBJECTS.items():
        for part in (part for member in members for part in member):
            users.setdefault(part.colour, set()).add(category)
    assert users.keys() <= renderer.PALETTE.keys()
    assert min(len(categories) for categories in users.values()) >= 4


def test_parts_hide_what_is_behind_them():
    # A ball in front of a larger block shows its own pole, and the block all around.
    ball = Part(renderer.ELLIPSOID, "red", np.array([0, 0, 2.0]), 0.5 * np.eye(3))
    block = Part(renderer.BLOCK, "blue", np.zeros(3), 0.8 * np.eye(3))
    solids = renderer._Solids([(ball, block)])
    places = (np.stack([getattr(p, name) for p in (ball, block)]) for name in ("centre", "axes"))
    part, normal = renderer._cast(solids, *places, 40)
    part, normal = part[:1600].reshape(40, 40), normal[:1600].reshape(40, 40, 3)
    assert part[20, 20] == 0 and part[20, 34] == 1 and part[20, 38] == -1
    assert normal[20, 20] == pytest.approx((0, 0, 1), abs=0.1) and normal[20, 34] == pytest.approx(
        (0, 0, 1)
    )
    assert np.isclose((part == 0).mean(), np.pi / 16, atol=0.01)


def test_corners_carry_no_class():
    pictures, labels = objects.render(20 * 64, size=32, difficulty=0.2, clutter=0.5)
    corners = pictures[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(len(labels), -1).astype(float)
    means = np.stack([corners[labels == c].mean(0) for c in range(64)])
    # Means over 20 pictures scatter by 1/20 of the variance if the class says nothing.
    assert (means.var(0, ddof=1) < 2 * corners.var(0) / 20).all()


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"count": 0}, "^0 pictures of 32 pixels, expected 1 or more of 16 or more$"),
        ({"count": 1, "size": 15}, "^1 pictures of 15 pixels"),
        ({"count": 1, "each": 9}, "^9 objects of a category, expected 1 to 8$"),
        ({"count": 1, "difficulty": 1.5}, r"^difficulty is 1.5, expected one in \[0, 1\]$"),
        ({"count": 1, "clutter": -0.25}, "clutter is -0.25"),
        ({"count": 1, "difficulty": float("nan")}, "difficulty is nan"),
        ({"count": 1, "seed": -7}, "the seed is -7"),
    ],
)
def test_errors_name_the_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        objects.render(**arguments)
