"""Images with labels and a fixed split, whatever their source."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor
from torchvision.transforms import functional

from sage import categories, objects, paths
from sage.stimuli import StimulusSet

# What numpy raises for a file that is cut off, altered or something else.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)

KEYS = ("x_train", "y_train", "x_test", "y_test", "classes")


@dataclass(frozen=True)
class Images:
    """Images [N, 3, H, W] uint8 with labels [N] int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def identity(self) -> str:
        """Hash of the content, for keys of what is made from it."""
        digest = hashlib.sha256(self.images.contiguous().numpy().tobytes())
        digest.update(self.labels.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def first(self, count: int | None) -> "Images":
        """At most the first `count` images, all for None: a random sample, as a split's order is random."""
        return Images(self.images[:count], self.labels[:count])

    def resized(self, size: int) -> "Images":
        """The images averaged down to size x size; as they are if they have this size.

        Raises:
            ValueError: a size above the images' own.
        """
        height, width = self.images.shape[2:]
        if (height, width) == (size, size):
            return self
        if size > min(height, width):
            raise ValueError(f"image size {size} is above the images' own {height} x {width}")
        chunks = self.images.split(1000)  # float copies of all images at once would take four times the memory
        small = [torch.nn.functional.adaptive_avg_pool2d(chunk.float(), size).round().byte() for chunk in chunks]
        return Images(torch.cat(small), self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set split into training, validation and test images."""

    name: str
    classes: tuple[str, ...]
    train: Images
    validation: Images
    test: Images

    def reduced(self, *, size: int, train: int | None, validation: int | None) -> "Dataset":
        """The same split with smaller images, and with the first images of its parts."""
        return Dataset(
            self.name,
            self.classes,
            self.train.first(train).resized(size),
            self.validation.first(validation).resized(size),
            self.test.resized(size),
        )

    def stimuli(self, image_level: int) -> StimulusSet:
        """The validation images as a stimulus set: class means, and the first `image_level` images singly."""
        labels = self.validation.labels
        present, conditions = torch.unique(labels, return_inverse=True)
        single = torch.arange(len(labels))
        single[image_level:] = -1
        category = categories.of(self.classes)
        return StimulusSet(
            name="validation",
            images=self.validation.images,
            conditions={"class": conditions, "image": single},
            categories={
                "class": tuple(category[label] for label in present),
                "image": tuple(category[label] for label in labels[:image_level]),
            },
        )


def load(name: str, *, root: Path | None = None, download: bool = False) -> Dataset:
    """Training, validation and test images of a data set.

    Args:
        name: one of `SOURCES`, or of a `<name>.npz` (arrays `KEYS`, images [N, H, W, 3] uint8) or a folder
            of class folders in `root`.
        root: where images lie, `paths.raw()` by default.
        download: fetch CIFAR through torchvision; without it nothing is ever downloaded.

    Raises:
        FileNotFoundError: nothing of that name. ValueError: a truncated or mislabelled file.
    """
    root = Path(root) if root is not None else paths.raw()
    archive, folder = root / f"{name}.npz", root / name
    if name not in SOURCES and not archive.exists() and not folder.is_dir():
        raise FileNotFoundError(
            f"unknown data set {name!r}: expected one of {', '.join(SOURCES)}, or {archive} "
            f"with arrays {', '.join(KEYS)}, or a folder {folder} of class folders"
        )
    if archive.exists():
        return _split(name, *_read_archive(archive))
    if name in SOURCES:
        return SOURCES[name](root, download)
    return _split(name, *_read_folder(folder))


@lru_cache(maxsize=2)
def load_reduced(name: str, size: int, train: int | None, validation: int | None) -> Dataset:
    """`load(name).reduced(...)`, kept: a process that evaluates many candidates reads the images once."""
    return load(name).reduced(size=size, train=train, validation=validation)


def _split(name: str, x_train, y_train, x_test, y_test, classes) -> Dataset:
    """Hold out a tenth of the training images for validation: 5,000 of CIFAR's 50,000 as in the paper.

    Images are ordered by a hash of their pixels, and the split's stored indices count in that order: it
    is random, and the same whatever order a file has them in.
    """
    if len(classes) < 2:
        raise ValueError(f"{name} has {len(classes)} class, expected 2 or more")
    digests = [hashlib.sha256(image.tobytes()).digest() for image in x_train]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    validation = _validation_ranks(len(order), max(1, len(order) // 10))
    training = np.setdiff1d(np.arange(len(order)), validation)
    return Dataset(
        name,
        tuple(str(label) for label in classes),
        _images(x_train[order[training]], y_train[order[training]]),
        _images(x_train[order[validation]], y_train[order[validation]]),
        _images(x_test, y_test),
    )


def _validation_ranks(count: int, held_out: int) -> np.ndarray:
    """Places of the validation images, drawn once with seed 0 and read from a file ever after.

    The package brings the file of 50,000 images; for other counts it is made at first use.
    """
    name = f"{count}-{held_out}.txt"
    published, stored = Path(__file__).parent / "splits" / name, paths.cache() / "splits" / name
    path = published if published.exists() else stored
    if not path.exists():
        drawn = np.sort(np.random.default_rng(0).choice(count, held_out, replace=False))
        paths.replace(path, lambda partial: np.savetxt(partial, drawn, fmt="%d"))
    ranks = np.loadtxt(path, dtype=np.int64, ndmin=1)
    if len(np.unique(ranks)) != held_out or ranks.min() < 0 or ranks.max() >= count:
        raise ValueError(f"{path} is damaged: expected {held_out} different numbers below {count}")
    return ranks


def _images(pixels: np.ndarray, labels: np.ndarray) -> Images:
    """From [N, H, W, 3] as files have them."""
    return Images(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels))


def _read_archive(path: Path) -> tuple:
    """The arrays of an .npz, checked."""
    advice = f"replace it by a whole file with arrays {', '.join(KEYS)}"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in KEYS if key in archive}
    except _DAMAGED as problem:
        raise ValueError(f"{path} is truncated or no .npz file ({problem}): {advice}") from problem
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise ValueError(f"{path} has no {', '.join(missing)}: {advice}")
    for part in ("train", "test"):
        pixels, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8 or not len(pixels):
            raise ValueError(f"{path}: x_{part} is {pixels.dtype} {pixels.shape}, expected uint8 [N, H, W, 3]")
        if labels.shape != (len(pixels),) or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"{path}: y_{part} is {labels.dtype} {labels.shape}, expected {len(pixels)} whole numbers"
            )
        if labels.min() < 0 or labels.max() >= len(arrays["classes"]):
            raise ValueError(
                f"{path}: y_{part} holds labels {labels.min()} to {labels.max()}, "
                f"expected 0 to {len(arrays['classes']) - 1}"
            )
        arrays[f"y_{part}"] = labels.astype(np.int64)
    return tuple(arrays[key] for key in KEYS)


def _read_folder(folder: Path) -> tuple:
    """Class folders, under `train` and `test` (or `val`) if there are such; else every tenth image is tested on.

    Images are scaled and centre-cropped to the size of the smallest.
    """
    if (folder / "train").is_dir():
        test = next((folder / part for part in ("test", "val") if (folder / part).is_dir()), None)
        if test is None:
            raise ValueError(f"{folder} has a folder train but neither test nor val beside it")
        train_paths, classes = _list_images(folder / "train")
        test_paths, test_classes = _list_images(test)
        if classes != test_classes:
            different = sorted(set(classes) ^ set(test_classes))
            raise ValueError(f"{folder}: classes of train and {test.name} differ in {', '.join(different)}")
    else:
        every, classes = _list_images(folder)
        shuffled = [every[index] for index in np.random.default_rng(0).permutation(len(every))]
        tested = max(1, len(shuffled) // 10)
        test_paths, train_paths = shuffled[:tested], shuffled[tested:]
    size = min(min(_open(path).size) for path, _ in (*train_paths, *test_paths))
    return (*_decode(train_paths, size), *_decode(test_paths, size), classes)


def _list_images(folder: Path) -> tuple[list[tuple[str, int]], list[str]]:
    try:
        found = torchvision.datasets.ImageFolder(str(folder))
    except FileNotFoundError as problem:
        raise ValueError(f"{folder} is no folder of class folders with images: {problem}") from problem
    return found.samples, found.classes


def _open(path: str):
    try:
        return torchvision.datasets.folder.default_loader(path)
    except OSError as problem:
        raise ValueError(f"{path} cannot be read as an image ({problem}): replace or remove it") from problem


def _decode(samples: list[tuple[str, int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = [functional.center_crop(functional.resize(_open(path), size), [size, size]) for path, _ in samples]
    return np.stack([np.asarray(image) for image in pixels]), np.array([label for _, label in samples])


def _read_cifar(source, name: str, root: Path, download: bool) -> Dataset:
    try:
        train, test = (source(root, train=part, download=download) for part in (True, False))
    except RuntimeError as problem:
        raise FileNotFoundError(
            f"{name} is not in {root}, or its files are damaged: put {name}.npz with arrays {', '.join(KEYS)} "
            f"there, or fetch it with datasets.load({name!r}, download=True)"
        ) from problem
    return _split(
        name, train.data, np.array(train.targets), test.data, np.array(test.targets), train.classes
    )


# 64 classes: 6,000 images are what the quick profile trains on, 1,500 to validate give 23 per class.
OBJECTS = {"train": 6000, "validation": 1500, "test": 1500}


def _render_objects(root: Path, download: bool) -> Dataset:
    """The embedded images, rendered once and kept until the renderer changes."""
    source = b"".join(path.read_bytes() for path in sorted(Path(objects.__file__).parent.glob("*.py")))
    path = paths.cache() / f"objects-{hashlib.sha256(source).hexdigest()[:16]}.npz"
    try:
        with path.open("rb") as stream, np.load(stream) as archive:
            pixels, labels = archive["pixels"], archive["labels"]
    except _DAMAGED:
        pixels, labels = objects.render(sum(OBJECTS.values()), seed=0)
        paths.replace(path, lambda partial: np.savez(partial, pixels=pixels, labels=labels))
    images = Images(torch.from_numpy(pixels), torch.from_numpy(labels))
    parts = zip(images.images.split(list(OBJECTS.values())), images.labels.split(list(OBJECTS.values())))
    return Dataset("objects", objects.CLASSES, *(Images(*part) for part in parts))


SOURCES = {
    "objects": _render_objects,
    "cifar10": partial(_read_cifar, torchvision.datasets.CIFAR10, "cifar10"),
    "cifar100": partial(_read_cifar, torchvision.datasets.CIFAR100, "cifar100"),
}
