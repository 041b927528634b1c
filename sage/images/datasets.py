"""Images with labels and a fixed split, whatever their source."""

import hashlib
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sage.config import paths
from sage.images import categories, damaged_files, decoding, image_files, objects
from sage.images.image_files import ImageFiles
from sage.images.stimuli import StimulusSet

# What numpy raises for a file that is cut off, altered or something else.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)

KEYS = ("x_train", "y_train", "x_test", "y_test", "classes")

# Training images held out for validation where it is not a tenth of them: ImageNet's are as many as in the paper.
HELD_OUT = {"imagenet": 50_000}


@dataclass(frozen=True)
class Images:
    """Images [N, 3, H, W] uint8 with labels [N] int64.

    Args:
        digests: [N, 16] uint8 of each image's pixels, of images on disk that are too many to be hashed each time.
    """

    images: Tensor
    labels: Tensor
    digests: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def identity(self) -> str:
        """Hash of the content, for keys of what is made from it."""
        content = self.images if self.digests is None else self.digests
        digest = hashlib.sha256(content.contiguous().numpy())
        digest.update(self.labels.contiguous().numpy())
        return digest.hexdigest()[:16]

    def first(self, count: int | None) -> "Images":
        """At most the first `count` images, all for None: a random sample, as a split's order is random."""
        digests = None if self.digests is None else self.digests[:count]
        return Images(self.images[:count], self.labels[:count], digests)

    def joined(self, other: "Images") -> "Images":
        """These images and then others; a view where these lie in front of the others, as training images do."""
        digests = None if self.digests is None else _joined(self.digests, other.digests)
        return Images(
            _joined(self.images, other.images), _joined(self.labels, other.labels), digests
        )

    def shown(self, count: int) -> Iterator[Tensor]:
        """The images in batches of `count`, as networks are shown them."""
        yield from self.images.split(count)

    def split(self, *counts: int) -> list["Images"]:
        """Parts of so many images, one behind the other, as views."""
        whole = (self.images, self.labels, *(() if self.digests is None else (self.digests,)))
        return [Images(*part) for part in zip(*(values.split(list(counts)) for values in whole))]

    def resized(self, size: int) -> "Images":
        """The images averaged down, see `averaged_down`; as they are if they have this size."""
        if self.images.shape[2:] == (size, size):
            return self
        return Images(averaged_down(self.images, size), self.labels)


def averaged_down(images: Tensor, size: int) -> Tensor:
    """Images [N, 3, H, W] uint8 as [N, 3, size, size].

    Raises:
        ValueError: a size above the images' own.
    """
    height, width = images.shape[2:]
    if size > min(height, width):
        raise ValueError(f"image size {size} is above the images' own {height} x {width}")
    chunks = images.split(
        1000
    )  # float copies of all images at once would take four times the memory
    return torch.cat(
        [
            torch.nn.functional.adaptive_avg_pool2d(chunk.float(), size).round().byte()
            for chunk in chunks
        ]
    )


Labelled = TypeVar("Labelled", Images, ImageFiles)


@dataclass(frozen=True)
class Split(Generic[Labelled]):
    """A data set split into training, validation and test images, or files of them."""

    name: str
    classes: tuple[str, ...]
    train: Labelled
    validation: Labelled
    test: Labelled

    @property
    def parts(self) -> tuple[Labelled, Labelled, Labelled]:
        """Training, validation and test images."""
        return self.train, self.validation, self.test


class Dataset(Split[Images]):
    """A data set's images."""

    def reduced(
        self, *, size: int, train: int | None = None, validation: int | None = None
    ) -> "Dataset":
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


def load_dataset(
    name: str, size: int | None = None, *, root: Path | None = None, download: bool = False
) -> Dataset:
    """Training, validation and test images of a data set.

    Args:
        name: one of `SOURCES`, or of a `<name>.npz` (arrays `KEYS`, images [N, H, W, 3] uint8) or a folder
            of class folders in `root`.
        size: pixels a side, None for the images' own, which those in class folders do not have. These are decoded
            at first use (see `decoding`), and stay on disk.
        root: where images lie, `paths.raw()` by default.
        download: fetch CIFAR through torchvision; without it nothing is ever downloaded.

    Raises:
        FileNotFoundError: nothing of that name. ValueError: a truncated or mislabelled file, class folders without
        a size, or as `decoding.decode` and `load_files`.
    """
    loaded = _load(name, size, root, download)
    return loaded if size is None else loaded.reduced(size=size)


@lru_cache(maxsize=2)
def load_reduced(name: str, size: int, train: int | None, validation: int | None) -> Dataset:
    """`load_dataset` with the first images of its parts, kept: a process that evaluates many candidates reads them once."""
    return _load(name, size, None, False).reduced(size=size, train=train, validation=validation)


def load_files(name: str, *, root: Path | None = None) -> Split[ImageFiles]:
    """The files of a data set of class folders in the split of `load_dataset`, which leaves the same damaged ones out.

    All files are decoded at first use, see `damaged_files.readable`. Files are ordered by a hash of their names, class
    folder included; see `_split` for the rest.

    Raises:
        FileNotFoundError: no folder of that name. ValueError: fewer than two classes, too few images, or as
        `image_files.class_folders` and `damaged_files.readable`.
    """
    files, folder = _listed(name, root)
    return _kept(
        files, damaged_files.readable(name, _joined_files(files).images, folder=folder), folder
    )


def _load(name: str, size: int | None, root: Path | None, download: bool) -> Dataset:
    """As `load_dataset`, with images larger than `size` unless they are decoded for it."""
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
    if size is None:
        raise ValueError(f"{folder} has images of any size, expected the size to decode them at")
    return _decode(*_listed(name, root), size)


def _split(name: str, x_train, y_train, x_test, y_test, classes) -> Dataset:
    """Hold out a tenth of the training images for validation: 5,000 of CIFAR's 50,000 as in the paper.

    Images are ordered by a hash of their pixels, and the split's stored indices count in that order: it
    is random, and the same whatever order a file has them in.
    """
    _check_classes(name, classes)
    training, validation = _drawn(
        name, [hashlib.sha256(image.tobytes()).digest() for image in x_train]
    )
    order = np.concatenate([training, validation])
    parts = _images(x_train[order], y_train[order]).split(len(training), len(validation))
    return Dataset(name, tuple(str(label) for label in classes), *parts, _images(x_test, y_test))


def _listed(name: str, root: Path | None) -> tuple[Split[ImageFiles], Path]:
    """The split of the files of class folders, damaged ones among them, and the folder that they are in."""
    folder = (Path(root) if root is not None else paths.raw()) / name
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of class folders")
    train, test, classes = image_files.class_folders(folder)
    _check_classes(name, classes)
    names = [path.removeprefix("train/") for path in damaged_files.relative(train.images, folder)]
    training, validation = _drawn(name, [hashlib.sha256(path.encode()).digest() for path in names])
    return Split(name, classes, train.at(training), train.at(validation), test), folder


def _joined_files(files: Split[ImageFiles]) -> ImageFiles:
    return files.train.joined(files.validation).joined(files.test)


def _kept(files: Split[ImageFiles], kept: np.ndarray, folder: Path) -> Split[ImageFiles]:
    """The split with those of the joined files [N] that are kept."""
    ends = np.cumsum([len(part) for part in files.parts])[:-1]
    parts = [
        part.at(np.flatnonzero(chosen)) for part, chosen in zip(files.parts, np.split(kept, ends))
    ]
    counts = [len(part) for part in parts]
    if not all(counts):
        raise ValueError(
            f"{folder} has {counts} images for training, validation and test, expected some for each"
        )
    return Split(files.name, files.classes, *parts)


def _decode(files: Split[ImageFiles], folder: Path, size: int) -> Dataset:
    """The images of files; those of the parts lie behind each other on disk, so that they are views of one array."""
    decoded = decoding.decode(files.name, _joined_files(files).images, size, folder=folder)
    files = _kept(files, decoded.kept, folder)
    with (
        warnings.catch_warnings()
    ):  # nobody writes to images, and the process would end if someone did
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        pixels = torch.from_numpy(decoded.pixels)
    images = Images(pixels, _joined_files(files).labels, torch.from_numpy(decoded.digests))
    return Dataset(files.name, files.classes, *images.split(*map(len, files.parts)))


def _check_classes(name: str, classes) -> None:
    if len(classes) < 2:
        raise ValueError(f"{name} has {len(classes)} class, expected 2 or more")


def _drawn(name: str, digests: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Places of the training images and of those held out, both in the order of their digests."""
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    held_out = HELD_OUT.get(name, max(1, len(order) // 10))
    if held_out >= len(order):
        raise ValueError(
            f"{name} has {len(order)} training images, expected more than the {held_out} to hold out"
        )
    validation = _validation_ranks(len(order), held_out)
    training = np.setdiff1d(np.arange(len(order)), validation)
    return order[training], order[validation]


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
    return Images(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)
    )


def _joined(one: Tensor, two: Tensor) -> Tensor:
    """One behind the other along the first dimension, without a copy if they lie so in memory."""
    end = one.storage_offset() + one.numel()
    together = (
        one.untyped_storage().data_ptr() == two.untyped_storage().data_ptr()
        and two.storage_offset() == end
    )
    if not (together and one.is_contiguous() and two.is_contiguous()):
        return torch.cat([one, two])
    return one.as_strided((len(one) + len(two), *one.shape[1:]), one.stride())


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
            raise ValueError(
                f"{path}: x_{part} is {pixels.dtype} {pixels.shape}, expected uint8 [N, H, W, 3]"
            )
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


def _read_cifar(kind: str, name: str, root: Path, download: bool) -> Dataset:
    from torchvision import datasets  # slow to import

    source = getattr(datasets, kind)
    try:
        train, test = (source(root, train=part, download=download) for part in (True, False))
    except RuntimeError as problem:
        raise FileNotFoundError(
            f"{name} is not in {root}, or its files are damaged: put {name}.npz with arrays {', '.join(KEYS)} "
            f"there, or fetch it with datasets.load_dataset({name!r}, download=True)"
        ) from problem
    return _split(
        name, train.data, np.array(train.targets), test.data, np.array(test.targets), train.classes
    )


# 64 classes: 6,000 images are what the quick profile trains on, 1,500 to validate give 23 per class.
OBJECTS = {"train": 6000, "validation": 1500, "test": 1500}


def _render_objects(root: Path, download: bool) -> Dataset:
    """The embedded images, rendered once and kept until the renderer changes."""
    path = paths.cache() / f"objects-{objects.source_digest()}.npz"
    try:
        with path.open("rb") as stream, np.load(stream) as archive:
            pixels, labels = archive["pixels"], archive["labels"]
    except _DAMAGED:
        pixels, labels = objects.render(sum(OBJECTS.values()), seed=0)
        paths.replace(path, lambda partial: np.savez(partial, pixels=pixels, labels=labels))
    images = Images(torch.from_numpy(pixels), torch.from_numpy(labels))
    return Dataset("objects", objects.CLASSES, *images.split(*OBJECTS.values()))


SOURCES = {
    "objects": _render_objects,
    "cifar10": partial(_read_cifar, "CIFAR10", "cifar10"),
    "cifar100": partial(_read_cifar, "CIFAR100", "cifar100"),
}
