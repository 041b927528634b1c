"""Images with labels and a fixed split.

Images of one's own need no code, see docs/images.md. A data set that code makes or fetches is one
line in `SOURCES`.
"""

import hashlib
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Sized
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from sage.config import paths, provenance
from sage.config.run import unknown
from sage.images import categories, decoding, image_files, objects
from sage.images.image_files import ImageFiles, Labelled
from sage.images.stimuli import StimulusSet

# What numpy raises for a file that is cut off, altered or something else.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)
KEYS = ("x_train", "y_train", "x_test", "y_test", "classes")
# Number of training images held out for validation where it is not a tenth: the paper's.
HELD_OUT = {"imagenet": 50_000}
CIFAR = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}  # folders as fetched
# RDMs of 32 classes have 496 entries; 1,000 images for validation are 31 of each class.
OBJECTS = {"train": 1600, "validation": 1000, "test": 1000}
EACH = 4  # objects of a category


class Images(Labelled):
    """Images [N, 3, H, W] uint8 with labels."""

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

    def resized(self, size: int | None) -> "Images":
        """Return the images `averaged_down`, or as they are for None or if they have this size."""
        if size is None or self.images.shape[2:] == (size, size):
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

    def stimuli(self, image_level: int) -> StimulusSet:
        """Return the validation images as stimuli: class means, and `image_level` images singly."""
        labels, category = self.validation.labels, categories.of(self.classes)
        present, conditions = torch.unique(labels, return_inverse=True)
        single = torch.arange(len(labels))
        single[image_level:] = -1
        rows = {"class": present, "image": labels[:image_level]}
        order = {level: tuple(category[row] for row in found) for level, found in rows.items()}
        shown = {"class": conditions, "image": single}
        return StimulusSet("validation", self.validation.images, shown, order)


def load_dataset(
    name: str,
    size: int | None = None,
    train: int | None = None,
    validation: int | None = None,
    *,
    root: Path | None = None,
    download: bool = False,
) -> Dataset:
    """Load the training, validation and test images of a data set.

    Args:
        name: one of `SOURCES`, or in `root` a `<name>.npz` (arrays `KEYS`, images [N, H, W, 3]
            uint8) or a folder of class folders, whose images are decoded once (see `decoding`).
        size: pixels a side; None for the images' own, which those in class folders do not have.
        train: number of training images, the first ones; all for None, as for `validation`.
        root: where images lie, `paths.raw()` by default.
        download: fetch CIFAR through torchvision; nothing is ever downloaded otherwise.

    Raises:
        FileNotFoundError: CIFAR is not there, or damaged.
        ValueError: as `check_name`, a damaged or mislabelled file, no size for class folders, or as
            `load_files`.
    """
    root = root or paths.raw()
    if not (download and name in SOURCES):
        check_name(name, root=root)
    archive, folder = root / f"{name}.npz", root / name
    if archive.exists() and name != "objects":  # which may be published, as they are made here
        data = _split(name, *_read_archive(archive))
    elif name in SOURCES:
        data = SOURCES[name](root, download)
    elif size is None:
        raise ValueError(f"{folder} has images of any size, expected the size to decode them at")
    else:
        data = Dataset(*_from_folders(name, root, size))
    parts = data.train.first(train), data.validation.first(validation), data.test
    return Dataset(name, data.classes, *(part.resized(size) for part in parts))


def check_name(name: str, *, root: Path | None = None) -> None:
    """Raise an error as `load_dataset` if there is no data set of this name; none is loaded."""
    root = root or paths.raw()
    archive, folder = root / f"{name}.npz", root / name
    named = name == Path(name).name not in ("", "..")  # else a path, which may lead anywhere
    if named and (os.path.isfile(archive) or os.path.isdir(root / CIFAR.get(name, name))):
        return
    if name in CIFAR:
        raise FileNotFoundError(_absent(name, root))
    if name in SOURCES:
        return
    own = {path.stem for path in root.glob("*.npz")} | {path.name for path in root.glob("*/")}
    ways = f"or {archive} with arrays {', '.join(KEYS)}, or a folder {folder} of class folders"
    raise unknown("data set", name, dict.fromkeys([*SOURCES, *sorted(own)]), ways)


def load_reduced(name: str, size: int | None, train: int | None, validation: int | None) -> Dataset:
    """Return `load_dataset`'s images, kept for the next candidates until their files change."""
    root = paths.raw()
    files = provenance.fingerprint(root / f"{name}.npz", root / name)
    return _kept(files, root, name, size, train, validation)


@lru_cache(maxsize=2)
def _kept(files: str, root: Path, *asked: Any) -> Dataset:
    return load_dataset(*asked, root=root)


def load_files(name: str, *, root: Path | None = None) -> Split[ImageFiles]:
    """List the files of a data set of class folders, in the split of `load_dataset`.

    Every file is decoded once at first use, so that the same damaged ones are left out as there,
    see `decoding.readable`.

    Raises:
        FileNotFoundError: no folder of that name.
        ValueError: too few classes or images, too many damaged files, or as `class_folders`.
    """
    return Split(*_from_folders(name, root or paths.raw(), None))


def _from_folders(name: str, root: Path, size: int | None) -> tuple:
    """Return what a `Split` is made of: images decoded at a size, or their files for None."""
    folder = Path(root, name)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of class folders")
    train, test, classes = image_files.class_folders(folder)
    names = [path.removeprefix(f"{folder}/").removeprefix("train/") for path in train.images]
    order, held_out = _drawn(name, classes, map(os.fsencode, names))  # class folder included
    whole: Labelled = train.at(order).joined(test)
    names = [path.removeprefix(f"{folder}/") for path in whole.images]
    if size is None:
        kept, adapted = decoding.readable(folder, names)
        whole = ImageFiles(whole.images, whole.labels, torch.from_numpy(adapted)).at(kept)
    else:
        pixels, digests, kept = decoding.decode(folder, names, size)
        with warnings.catch_warnings():
            # Nobody writes to images, and the process would end if someone did.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            images = torch.from_numpy(pixels)
        # The parts lie one behind the other on disk, so that they are views of one array.
        whole = Images(images, whole.labels[kept], torch.from_numpy(digests))
    counts = [int(part.sum()) for part in np.split(kept, [len(order) - held_out, len(order)])]
    if not all(counts):
        found = f"{counts} images for training, validation and test"
        raise ValueError(f"{folder} has {found}, expected some for each")
    return name, classes, *whole.split(counts)


def _split(name: str, x_train, y_train, x_test, y_test, classes) -> Dataset:
    """Hold out a tenth of the training images for validation: 5,000 of CIFAR's as in the paper.

    Stored indices count in the order of the pixels' hashes: a file's own order makes no difference.
    """
    order, held_out = _drawn(name, classes, (image.tobytes() for image in x_train))
    whole = _images(x_train[order], y_train[order])
    train, validation = whole.split([len(order) - held_out, held_out])
    return Dataset(name, tuple(map(str, classes)), train, validation, _images(x_test, y_test))


def _drawn(name: str, classes: Sized, contents: Iterable[bytes]) -> tuple[np.ndarray, int]:
    """Return the order of training images by hash, those held out last, and the number of these."""
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
    """Return the places of validation images, drawn once into a file; CIFAR's is in the package."""
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
    return Images(images, torch.from_numpy(labels.astype(np.int64)))


def _read(path: Path, keys: Iterable[str]) -> dict[str, np.ndarray]:
    with path.open("rb") as stream, np.load(stream) as archive:
        return {key: archive[key] for key in keys if key in archive}


def _read_archive(path: Path) -> Iterable[np.ndarray]:
    """Return the arrays of an .npz, checked."""
    advice = f"replace it by a whole file with arrays {', '.join(KEYS)}"
    try:
        arrays = _read(path, KEYS)
    except _DAMAGED as problem:
        told = f"is truncated or no .npz file ({problem})"
        if "Object arrays" in str(problem):
            told = (
                "has an array of objects, as texts of dtype object or images of several sizes are"
            )
        raise ValueError(f"{path} {told}: {advice} of numbers or texts") from problem
    if missing := [key for key in KEYS if key not in arrays]:
        raise ValueError(f"{path} has no {', '.join(missing)}: {advice}")
    for key in ("y_train", "y_test", "classes"):
        if arrays[key].ndim == 2 and arrays[key].shape[1] == 1:  # a column
            arrays[key] = arrays[key][:, 0]
    if (names := arrays["classes"]).ndim != 1:
        raise ValueError(f"{path}: classes is {names.dtype} {names.shape}, expected a row of names")
    if names.dtype.kind == "S":
        arrays["classes"] = np.char.decode(names, "utf-8", "backslashreplace")
    last = len(names) - 1
    for x, y in (("x_train", "y_train"), ("x_test", "y_test")):
        pixels, labels = arrays[x], arrays[y]
        if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8 or not len(pixels):
            wanted = "uint8 [N, H, W, 3], colours from 0 to 255"
            told = f"{x} is {pixels.dtype} {pixels.shape}, expected {wanted}"
        elif labels.shape != pixels.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
            told = f"{y} is {labels.dtype} {labels.shape}, expected {len(pixels)} whole numbers"
        elif labels.min() < 0 or labels.max() > last:
            told = f"{y} holds labels {labels.min()} to {labels.max()}, expected 0 to {last}"
        else:
            continue
        raise ValueError(f"{path}: {told}")
    return arrays.values()


def _read_cifar(kind: str, name: str, root: Path, download: bool) -> Dataset:
    from torchvision import datasets  # slow to import

    source = getattr(datasets, kind)
    try:
        train, test = (source(root, train=part, download=download) for part in (True, False))
    except RuntimeError as problem:
        raise FileNotFoundError(_absent(name, root)) from problem
    arrays = train.data, np.array(train.targets), test.data, np.array(test.targets)
    return _split(name, *arrays, train.classes)


def _absent(name: str, root: Path) -> str:
    found = f"{name} is not in {root}, or its files are damaged"
    advice = f"put {name}.npz with arrays {', '.join(KEYS)} there, or load it with download=True"
    return f"{found}: {advice}"


def _render_objects(root: Path, download: bool) -> Dataset:
    """Return the embedded images, rendered once and kept until the renderer changes."""
    count = sum(OBJECTS.values())
    path = paths.cache() / f"objects-{EACH}-{count}-{objects.renderer_digest()}.npz"
    try:
        pixels, labels = _read(path, ("pixels", "labels")).values()
    except _DAMAGED:
        pixels, labels = objects.render(count, each=EACH, seed=0)
        paths.replace(path, lambda partial: np.savez(partial, pixels=pixels, labels=labels))
    images = Images(torch.from_numpy(pixels), torch.from_numpy(labels))
    return Dataset("objects", objects.classes(EACH), *images.split(OBJECTS.values()))


SOURCES: dict[str, Callable[[Path, bool], Dataset]] = {
    "objects": _render_objects,
    "cifar10": partial(_read_cifar, "CIFAR10", "cifar10"),
    "cifar100": partial(_read_cifar, "CIFAR100", "cifar100"),
}
