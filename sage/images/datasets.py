"""Images with labels and a fixed split, whatever their source."""

import hashlib
import warnings
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Sized
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sage.config import paths
from sage.images import categories, decoding, image_files, objects
from sage.images.image_files import ImageFiles, Labelled
from sage.images.stimuli import StimulusSet

# What numpy raises for a file that is cut off, altered or something else.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)

KEYS = ("x_train", "y_train", "x_test", "y_test", "classes")

# Training images held out for validation where it is not a tenth: ImageNet's as in the paper.
HELD_OUT = {"imagenet": 50_000}

# 64 classes: the quick profile trains on 6,000, and 1,500 to validate give 23 per class.
OBJECTS = {"train": 6000, "validation": 1500, "test": 1500}


class Images(Labelled):
    """Images [N, 3, H, W] uint8 with labels [N] int64."""

    images: Tensor

    @cached_property
    def identity(self) -> str:
        """Hash of the content, for keys of what is made from it."""
        content = self.images if self.digests is None else self.digests
        digest = hashlib.sha256(content.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    def shown(self, count: int) -> Generator[Tensor]:
        """Yield the images in batches of `count`, as networks are shown them."""
        yield from self.images.split(count)

    def resized(self, size: int) -> "Images":
        """Return the images `averaged_down`, or as they are if they have this size."""
        if self.images.shape[2:] == (size, size):
            return self
        return Images(averaged_down(self.images, size), self.labels)


def averaged_down(images: Tensor, size: int) -> Tensor:
    """Return images [N, 3, H, W] uint8 as [N, 3, size, size].

    Raises:
        ValueError: a size above the images' own.
    """
    height, width = images.shape[2:]
    if size > min(height, width):
        raise ValueError(f"image size {size} is above the images' own {height} x {width}")
    average = partial(torch.nn.functional.adaptive_avg_pool2d, output_size=size)
    # Float copies of all images at once would take four times the memory.
    return torch.cat([average(chunk.float()).round().byte() for chunk in images.split(1000)])


Part = TypeVar("Part", Images, ImageFiles)


@dataclass(frozen=True)
class Split(Generic[Part]):
    """A data set split into training, validation and test images, or files of them."""

    name: str
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part


class Dataset(Split[Images]):
    """A data set's images."""

    def reduced(
        self, *, size: int, train: int | None = None, validation: int | None = None
    ) -> "Dataset":
        """Return the same split with smaller images, and with the first images of its parts."""
        parts = self.train.first(train), self.validation.first(validation), self.test
        return Dataset(self.name, self.classes, *(part.resized(size) for part in parts))

    def stimuli(self, image_level: int) -> StimulusSet:
        """Return the validation images as stimuli: class means, and the first images singly.

        Args:
            image_level: number of images with a condition of their own.
        """
        labels, category = self.validation.labels, categories.of(self.classes)
        present, conditions = torch.unique(labels, return_inverse=True)
        single = torch.arange(len(labels))
        single[image_level:] = -1
        rows = {"class": present, "image": labels[:image_level]}
        return StimulusSet(
            name="validation",
            images=self.validation.images,
            conditions={"class": conditions, "image": single},
            categories={level: tuple(category[row] for row in rows[level]) for level in rows},
        )


def load_dataset(
    name: str, size: int | None = None, *, root: Path | None = None, download: bool = False
) -> Dataset:
    """Load the training, validation and test images of a data set.

    Args:
        name: one of `SOURCES`, or in `root` a `<name>.npz` (arrays `KEYS`, images [N, H, W, 3]
            uint8) or a folder of class folders, whose images are decoded once (see `decoding`).
        size: pixels a side; None for the images' own, which those in class folders do not have.
        root: where images lie, `paths.raw()` by default.
        download: fetch CIFAR through torchvision; nothing is ever downloaded otherwise.

    Raises:
        FileNotFoundError: nothing of that name.
        ValueError: a damaged or mislabelled file, no size for class folders, or as `load_files`.
    """
    loaded = _load(name, size, root or paths.raw(), download)
    return loaded if size is None else loaded.reduced(size=size)


@lru_cache(maxsize=2)
def load_reduced(name: str, size: int, train: int | None, validation: int | None) -> Dataset:
    """Load the first images of a data set's parts, and keep them for the next candidates."""
    images = _load(name, size, paths.raw(), download=False)
    return images.reduced(size=size, train=train, validation=validation)


def load_files(name: str, *, root: Path | None = None) -> Split[ImageFiles]:
    """List the files of a data set of class folders, in the split of `load_dataset`.

    All are decoded at first use, to leave the same damaged ones out (see `decoding.readable`).

    Raises:
        FileNotFoundError: no folder of that name.
        ValueError: fewer than two classes, too few images, bad folders (see
            `image_files.class_folders`) or too many damaged files (see `decoding.check_limit`).
    """
    return Split(*_from_folders(name, root or paths.raw(), None))


def _load(name: str, size: int | None, root: Path, download: bool) -> Dataset:
    """Load images, which are larger than `size` unless they are decoded for it."""
    archive, folder = Path(root, f"{name}.npz"), Path(root, name)
    if archive.exists():
        return _split(name, *_read_archive(archive))
    if name in SOURCES:
        return SOURCES[name](root, download)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"unknown data set {name!r}: expected one of {', '.join(SOURCES)}, or {archive} "
            f"with arrays {', '.join(KEYS)}, or a folder {folder} of class folders"
        )
    if size is None:
        raise ValueError(f"{folder} has images of any size, expected the size to decode them at")
    return Dataset(*_from_folders(name, root, size))


def _from_folders(name: str, root: Path, size: int | None) -> tuple:
    """Return what a `Split` is made of: images decoded at a size, or their files for None.

    Training files are ordered by a hash of their names, class folder included; see `_split`.
    """
    folder = Path(root, name)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of class folders")
    train, test, classes = image_files.class_folders(folder)
    names = [path.removeprefix(f"{folder}/").removeprefix("train/") for path in train.images]
    order, held_out = _drawn(name, classes, (each.encode() for each in names))
    whole: Labelled = train.at(order).joined(test)
    ends = len(order) - held_out, len(order)
    names = [path.removeprefix(f"{folder}/") for path in whole.images]
    if size is None:
        kept = decoding.readable(name, folder, names)
        whole = whole.at(kept)
    else:
        pixels, digests, kept = decoding.decode(name, folder, names, size)
        with warnings.catch_warnings():
            # Nobody writes to images, and the process would end if someone did.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            images = torch.from_numpy(pixels)
        # The parts lie one behind the other on disk, so that they are views of one array.
        whole = Images(images, whole.labels[kept], torch.from_numpy(digests))
    counts = [int(part.sum()) for part in np.split(kept, ends)]
    if not all(counts):
        found = f"{counts} images for training, validation and test"
        raise ValueError(f"{folder} has {found}, expected some for each")
    return name, classes, *whole.split(counts)


def _split(name: str, x_train, y_train, x_test, y_test, classes) -> Dataset:
    """Hold out a tenth of the training images for validation: 5,000 of CIFAR's as in the paper.

    Images are ordered by a hash of their pixels, and the split's stored indices count in that
    order: it is random, and the same in whatever order a file has the images.
    """
    order, held_out = _drawn(name, classes, (image.tobytes() for image in x_train))
    whole = _images(x_train[order], y_train[order])
    train, validation = whole.split([len(order) - held_out, held_out])
    return Dataset(name, tuple(map(str, classes)), train, validation, _images(x_test, y_test))


def _drawn(name: str, classes: Sized, contents: Iterable[bytes]) -> tuple[np.ndarray, int]:
    """Order training images, those that are held out last, each by their contents' hashes.

    Returns:
        Their places, and the number of those that are held out.
    """
    if len(classes) < 2:
        raise ValueError(f"{name} has {len(classes)} class, expected 2 or more")
    digests = [hashlib.sha256(content).digest() for content in contents]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    held_out = HELD_OUT.get(name, max(1, len(order) // 10))
    if held_out >= len(order):
        expected = f"expected more than the {held_out} to hold out"
        raise ValueError(f"{name} has {len(order)} training images, {expected}")
    validation = _validation_ranks(len(order), held_out)
    return np.concatenate([np.delete(order, validation), order[validation]]), held_out


def _validation_ranks(count: int, held_out: int) -> np.ndarray:
    """Return the places of the validation images, drawn once with seed 0 and kept in a file.

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
    """Return images [N, H, W, 3], as files have them, in torch's order."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return Images(images, torch.from_numpy(labels))


def _read_archive(path: Path) -> tuple:
    """Return the arrays of an .npz, checked."""
    advice = f"replace it by a whole file with arrays {', '.join(KEYS)}"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in KEYS if key in archive}
    except _DAMAGED as problem:
        raise ValueError(f"{path} is truncated or no .npz file ({problem}): {advice}") from problem
    if missing := [key for key in KEYS if key not in arrays]:
        raise ValueError(f"{path} has no {', '.join(missing)}: {advice}")
    for part in ("train", "test"):
        pixels, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        last = len(arrays["classes"]) - 1
        if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8 or not len(pixels):
            told, expected = f"x_{part} is {pixels.dtype} {pixels.shape}", "uint8 [N, H, W, 3]"
        elif labels.shape != pixels.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
            told = f"y_{part} is {labels.dtype} {labels.shape}"
            expected = f"{len(pixels)} whole numbers"
        elif labels.min() < 0 or labels.max() > last:
            told = f"y_{part} holds labels {labels.min()} to {labels.max()}"
            expected = f"0 to {last}"
        else:
            arrays[f"y_{part}"] = labels.astype(np.int64)
            continue
        raise ValueError(f"{path}: {told}, expected {expected}")
    return tuple(arrays[key] for key in KEYS)


def _read_cifar(kind: str, name: str, root: Path, download: bool) -> Dataset:
    from torchvision import datasets  # slow to import

    source = getattr(datasets, kind)
    try:
        train, test = (source(root, train=part, download=download) for part in (True, False))
    except RuntimeError as problem:
        raise FileNotFoundError(
            f"{name} is not in {root}, or its files are damaged: put {name}.npz with arrays "
            f"{', '.join(KEYS)} there, or fetch it with "
            f"datasets.load_dataset({name!r}, download=True)"
        ) from problem
    arrays = train.data, np.array(train.targets), test.data, np.array(test.targets)
    return _split(name, *arrays, train.classes)


def _render_objects(root: Path, download: bool) -> Dataset:
    """Return the embedded images, rendered once and kept until the renderer changes."""
    path = paths.cache() / f"objects-{objects.renderer_digest()}.npz"
    try:
        with path.open("rb") as stream, np.load(stream) as archive:
            pixels, labels = archive["pixels"], archive["labels"]
    except _DAMAGED:
        pixels, labels = objects.render(sum(OBJECTS.values()), seed=0)
        paths.replace(path, lambda partial: np.savez(partial, pixels=pixels, labels=labels))
    images = Images(torch.from_numpy(pixels), torch.from_numpy(labels))
    return Dataset("objects", objects.CLASSES, *images.split(OBJECTS.values()))


SOURCES: dict[str, Callable[[Path, bool], Dataset]] = {
    "objects": _render_objects,
    "cifar10": partial(_read_cifar, "CIFAR10", "cifar10"),
    "cifar100": partial(_read_cifar, "CIFAR100", "cifar100"),
}
