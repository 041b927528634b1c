import numpy as np
import pytest
import torch

from sage.config import paths
from sage.images import categories, datasets
from sage.images.datasets import Images
from sage.teachers import pixel_baseline


def make_arrays(train: int = 40, test: int = 10) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (train, 16, 16, 3), dtype=np.uint8),
        "y_train": np.arange(train) % 5,
        "x_test": rng.integers(0, 256, (test, 16, 16, 3), dtype=np.uint8),
        "y_test": np.arange(test) % 5,
        "classes": np.array(list("abcde")),
    }


def content(images: Images) -> list[tuple[bytes, int]]:
    return [
        (image.numpy().tobytes(), int(label)) for image, label in zip(images.images, images.labels)
    ]


def test_archive_is_split_into_all_of_its_images(tmp_path):
    arrays = make_arrays()
    np.savez(tmp_path / "mine.npz", **arrays)
    data = datasets.load_dataset("mine", root=tmp_path)
    assert data.classes == tuple("abcde")
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 10)
    assert data.train.images.dtype == torch.uint8 and data.train.images.shape == (36, 3, 16, 16)
    expected = sorted(
        (image.transpose(2, 0, 1).tobytes(), label)
        for image, label in zip(arrays["x_train"], arrays["y_train"])
    )
    assert sorted(content(data.train) + content(data.validation)) == expected
    assert torch.equal(data.test.images[3], torch.from_numpy(arrays["x_test"][3]).permute(2, 0, 1))


def test_split_is_stored_and_the_same_whatever_the_order_of_a_file(tmp_path):
    arrays = make_arrays()
    np.savez(tmp_path / "first.npz", **arrays)
    order = np.random.default_rng(1).permutation(40)
    arrays["x_train"], arrays["y_train"] = arrays["x_train"][order], arrays["y_train"][order]
    np.savez(tmp_path / "second.npz", **arrays)
    first, second = (datasets.load_dataset(name, root=tmp_path) for name in ("first", "second"))
    assert content(first.validation) == content(second.validation)
    assert content(first.train) == content(second.train)
    (paths.cache() / "splits" / "40-4.txt").write_text("0\n1\n2\n3\n")
    assert content(datasets.load_dataset("first", root=tmp_path).validation) != content(
        first.validation
    )


# Keys of published results have them.
IDENTITIES = ["50ad45037f28c747", "c43b3569547db189", "ecdb53907696406d"]


def test_identities_stay_as_published_results_have_them(tmp_path):
    np.savez(tmp_path / "mine.npz", **make_arrays())
    data = datasets.load_dataset("mine", root=tmp_path)
    assert [part.identity for part in (data.train, data.validation, data.test)] == IDENTITIES
    small = datasets.load_dataset("mine", 8, 20, 3, root=tmp_path)
    assert (len(small.train), len(small.validation), len(small.test)) == (20, 3, 10)
    assert small.train.identity == data.train.first(20).resized(8).identity
    small = datasets.load_dataset("mine", 8, root=tmp_path)
    assert small.train.identity == data.train.resized(8).identity == "abf22b4de8c39596"


def test_training_and_validation_images_are_joined_without_a_copy(tmp_path):
    np.savez(tmp_path / "mine.npz", **make_arrays())
    data = datasets.load_dataset("mine", root=tmp_path)
    whole = data.train.joined(data.validation)
    assert content(whole) == content(data.train) + content(data.validation)
    assert whole.images.data_ptr() == data.train.images.data_ptr()
    apart = data.validation.joined(data.train)
    assert content(apart) == content(data.validation) + content(data.train)


def test_split_of_cifar_comes_with_the_package():
    ranks = datasets._validation_ranks(50_000, 5_000)
    assert len(set(ranks)) == 5_000 and ranks.max() < 50_000
    np.testing.assert_array_equal(ranks[:3], [9, 10, 14])
    assert not paths.cache().exists()


def test_damaged_split_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", **make_arrays())
    datasets.load_dataset("mine", root=tmp_path)
    (paths.cache() / "splits" / "40-4.txt").write_text("0\n1\n2\n40\n")
    with pytest.raises(
        ValueError, match="40-4.txt is damaged: expected 4 different numbers below 40"
    ):
        datasets.load_dataset("mine", root=tmp_path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"classes": None}, "has no classes"),
        (
            {"classes": np.array(["a"]), "y_train": np.zeros(40, int), "y_test": np.zeros(10, int)},
            "has 1 class",
        ),
        ({"y_test": np.full(10, 5)}, "labels 5 to 5, expected 0 to 4"),
        ({"y_train": np.full(40, -1)}, "labels -1 to -1, expected 0 to 4"),
        ({"y_train": np.zeros(39, int)}, "expected 40 whole numbers"),
        ({"y_train": np.zeros(40)}, "float64"),
        ({"x_train": np.zeros((40, 16, 16, 3))}, "x_train is float64"),
        ({"x_test": np.zeros((10, 16, 16), np.uint8)}, r"x_test is uint8 \(10, 16, 16\)"),
        (
            {"x_test": np.zeros((10, 16, 16, 3), np.uint16)},
            "x_test is uint16.*colours from 0 to 255",
        ),
        ({"classes": np.array("abcde")}, r"classes is <U5 \(\), expected a row of names"),
        ({"classes": np.array([list("abcde")])}, r"classes is <U1 \(1, 5\), expected a row"),
        (
            {"classes": np.array(list("abcde"), object)},
            "array of objects, as texts of dtype object",
        ),
    ],
)
def test_mislabelled_archives_are_refused(tmp_path, change, message):
    arrays = {key: value for key, value in (make_arrays() | change).items() if value is not None}
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ValueError, match=f"mine.*{message}"):
        datasets.load_dataset("mine", root=tmp_path)


def test_names_and_labels_of_an_archive_may_be_bytes_or_columns(tmp_path):
    arrays = make_arrays()
    np.savez(tmp_path / "plain.npz", **arrays)
    names = np.array(["cat", "\N{GREEK SMALL LETTER ALPHA}", "$b^$", "_d", "e"])
    encoded = np.array([name.encode() for name in names])
    columns = {key: arrays[key][:, None] for key in ("y_train", "y_test")}
    plain = datasets.load_dataset("plain", root=tmp_path)
    for name, classes in (
        ("bytes", encoded),
        ("column", names[:, None]),
        ("both", encoded[:, None]),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays | columns | {"classes": classes})
        data = datasets.load_dataset(name, root=tmp_path)
        assert data.classes == tuple(names.tolist())
        assert data.train.identity == plain.train.identity


@pytest.mark.parametrize("kept", [0, 100, -200])
def test_truncated_archives_are_refused(tmp_path, kept):
    np.savez(tmp_path / "mine.npz", **make_arrays())
    whole = (tmp_path / "mine.npz").read_bytes()
    (tmp_path / "mine.npz").write_bytes(whole[:kept])
    with pytest.raises(ValueError, match="mine.npz is truncated.*replace it by a whole file"):
        datasets.load_dataset("mine", root=tmp_path)
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 255
    for content in (altered, b"images"):
        (tmp_path / "mine.npz").write_bytes(content)
        with pytest.raises(ValueError, match="mine.npz is truncated or no .npz file"):
            datasets.load_dataset("mine", root=tmp_path)


def test_what_is_not_there_is_named_with_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="cifar100 is not in .*download=True"):
        datasets.load_dataset("cifar100", root=tmp_path)
    with pytest.raises(ValueError, match="'cifra'.*objects, cifar10, cifar100.*cifra.npz"):
        datasets.load_dataset("cifra", root=tmp_path)


def test_images_are_averaged_down():
    images = torch.arange(16, dtype=torch.uint8).reshape(1, 1, 4, 4).repeat(1, 3, 1, 1)
    small = Images(images, torch.zeros(1, dtype=torch.int64)).resized(2)
    assert small.images[0, 0].tolist() == [[2, 4], [10, 12]]  # halves round to even
    with pytest.raises(ValueError, match="image size 8 is above the images' own 4 x 4"):
        Images(images, torch.zeros(1)).resized(8)


def test_at_most_the_first_images_are_taken():
    images = Images(torch.zeros(5, 3, 4, 4), torch.arange(5))
    assert images.first(3).labels.tolist() == [0, 1, 2]
    assert len(images.first(7)) == len(images.first(None)) == 5


def test_objects_are_cached_and_split(monkeypatch):
    assert datasets.OBJECTS == {"train": 1600, "validation": 1000, "test": 1000}
    monkeypatch.setattr(datasets, "OBJECTS", {"train": 256, "validation": 128, "test": 64})
    data = datasets.load_dataset("objects")
    assert (len(data.train), len(data.validation), len(data.test)) == (256, 128, 64)
    assert len(data.classes) == 32 and data.validation.labels.unique().numel() == 32
    (stored,) = paths.cache().glob("objects-*.npz")
    changed = stored.stat().st_mtime_ns
    assert datasets.load_dataset("objects").train.identity == data.train.identity
    assert stored.stat().st_mtime_ns == changed
    stored.write_bytes(stored.read_bytes()[:1000])
    # Pictures of this data set may be published, so that no other images may take its name.
    paths.raw().mkdir()
    np.savez(paths.raw() / "objects.npz", **make_arrays())
    assert datasets.load_dataset("objects").train.identity == data.train.identity


def test_stimuli_show_class_means_and_the_first_images():
    labels = torch.tensor([2, 0, 2, 0, 5])
    images = Images(torch.zeros(5, 3, 4, 4, dtype=torch.uint8), labels)
    data = datasets.Dataset("some", tuple("abcdef"), images, images, images)
    shown = data.stimuli(2)
    assert shown.conditions["class"].tolist() == [1, 0, 1, 0, 2]
    assert shown.conditions["image"].tolist() == [0, 1, -1, -1, -1]
    assert shown.categories == {"class": ("a", "c", "f"), "image": ("c", "a")}


def test_categories():
    assert categories.of(("animal 1", "boat 12", "plain")) == ("animal", "boat", "plain")
    names = tuple(sorted(name for members in categories.CIFAR100.values() for name in members))
    assert len(names) == 100 and categories.of(names)[:2] == ("fruit and vegetables", "fish")


def test_linear_baseline_learns_what_is_linear():
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 128, (200, 3, 4, 4), dtype=np.uint8))
    labels = torch.arange(200) % 2
    pixels[labels == 1, :, :2] += 100
    train, test = Images(pixels, labels).split([150, 50])
    assert pixel_baseline.accuracy(train, test) == 1
    chance = torch.from_numpy(rng.permutation(labels.numpy()))
    train, test = Images(pixels, chance).split([150, 50])
    assert pixel_baseline.accuracy(train, test) < 0.8
