"""Labelled image files: class folders, and what one file shows."""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sage.compute import devices
from sage.images import preprocessing


@dataclass(frozen=True)
class Labelled:
    """Images in some form.

    Args:
        labels: [N] int64.
        digests: [N, 16] uint8 of each image's pixels, of images on disk that are too many to be
            hashed each time.
    """

    images: Any
    labels: Tensor
    digests: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def at(self, places: slice | np.ndarray) -> Self:
        """Return the images at some places."""
        return type(self)(*(_at(values, places) for values in self._values))

    def first(self, count: int | None) -> Self:
        """Return at most the first `count`, all for None: a random sample, as splits are random."""
        return self.at(slice(count))

    def split(self, counts: Iterable[int]) -> list[Self]:
        """Return parts of so many images, one behind the other."""
        ends = np.cumsum([0, *counts]).tolist()
        return [self.at(slice(*limits)) for limits in pairwise(ends)]

    def joined(self, other: Self) -> Self:
        """Return these images and then others, as a view if they lie so, as training images do."""
        return type(self)(*map(_joined, self._values, other._values))

    @property
    def _values(self) -> tuple:
        return self.images, self.labels, self.digests


def _at(values: Any, places: slice | np.ndarray) -> Any:
    if isinstance(values, tuple):
        return tuple(np.array(values, dtype=object)[places])
    return None if values is None else values[places]


def _joined(one: Any, two: Any) -> Any:
    if not isinstance(one, Tensor):
        return None if one is None else one + two
    beside = one.untyped_storage().data_ptr() == two.untyped_storage().data_ptr()
    beside &= two.storage_offset() == one.storage_offset() + one.numel()
    if beside and one.is_contiguous() and two.is_contiguous():
        return one.as_strided((len(one) + len(two), *one.shape[1:]), one.stride())
    return torch.cat([one, two])


class ImageFiles(Labelled):
    """Paths of images of any size, with labels."""

    images: tuple[str, ...]

    @cached_property
    def identity(self) -> str:
        """Hash of names, sizes and labels, for keys; ImageNet's content takes minutes to read."""
        digest = hashlib.sha256()
        for path in self.images:
            digest.update(f"{'/'.join(Path(path).parts[-2:])}\0{os.stat(path).st_size}\0".encode())
        digest.update(self.labels.numpy().data)
        return digest.hexdigest()[:16]

    def shown(self, count: int) -> Generator[Tensor]:
        """Yield the images' centres in batches of `count`, as `read_batches` does."""
        cuts: list[Cut] = [(path, preprocessing.central_crop) for path in self.images]
        return read_batches(cuts[start : start + count] for start in range(0, len(cuts), count))


def class_folders(folder: Path) -> tuple[ImageFiles, ImageFiles, tuple[str, ...]]:
    """List files to train on and to test on, ordered by class and name, and the classes.

    Beside a folder `train` lies `test` with class folders, or `val`; without `train` every tenth
    file is tested on, at random.

    Raises:
        ValueError: no class folders, one without images, or other classes to test on.
    """
    if not (folder / "train").is_dir():
        every, classes = _listed(folder)
        shuffled = np.random.default_rng(0).permutation(len(every))
        tested = max(1, len(shuffled) // 10)
        return every.at(shuffled[tested:]), every.at(shuffled[:tested]), classes
    # ImageNet's own test images have no labels, and lie in `test` without class folders.
    found = [folder / part for part in ("test", "val") if any((folder / part).glob("*/"))]
    if not found:
        wanted = "neither test nor val with class folders beside it"
        raise ValueError(f"{folder} has a folder train but {wanted}")
    (train, classes), (test, others) = _listed(folder / "train"), _listed(found[0])
    if classes != others:
        different = ", ".join(sorted({*classes} ^ {*others}))
        raise ValueError(f"{folder}: classes of train and {found[0].name} differ in {different}")
    return train, test, classes


def _listed(folder: Path) -> tuple[ImageFiles, tuple[str, ...]]:
    from torchvision import datasets  # slow to import

    try:
        found = datasets.ImageFolder(str(folder))
    except FileNotFoundError as problem:
        raise ValueError(f"{folder} is no folder of class folders with images: {problem}") from None
    files, labels = zip(*found.samples)
    return ImageFiles(files, torch.tensor(labels)), tuple(found.classes)


def open_rgb(path: str) -> Image.Image:
    """Return the image in a file, in colour however it is stored; transparency is ignored.

    Raises:
        ValueError: the file is damaged or no image.
        OSError: the file cannot be read at all.
    """
    content = Path(path).read_bytes()
    try:
        with Image.open(BytesIO(content)) as image:
            # Pillow warns of a palette with transparency that becomes RGB at once.
            return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")
    except Exception as problem:  # its readers raise anything for a damaged file
        told = f"{path} cannot be read as an image ({problem}): replace or remove it"
        raise ValueError(told) from problem


Cut = tuple[str, Callable[[Tensor], Tensor]]  # a path, and e.g. a `preprocessing.Crop`


def read_batches(batches: Iterable[list[Cut]]) -> Generator[Tensor]:
    """Yield images from files, read by other processes some batches ahead; `close` ends them.

    Args:
        batches: cuts of one size, each a path and a function of the file's [3, H, W] uint8.

    Returns:
        [B, 3, SIZE, SIZE] uint8 of each batch, in page-locked memory if there is a GPU.

    Raises:
        ValueError or OSError: as `open_rgb`.
    """
    workers, pinned = _workers(), torch.cuda.is_available()
    own = torch.Generator()  # seeds of the processes come from torch's generator otherwise
    options: Any = {"num_workers": workers, "pin_memory": pinned, "generator": own}
    iterator: Any = iter(DataLoader(_Cuts(), batch_sampler=batches, **options))
    try:
        yield from iterator
    finally:
        if workers:
            # Left to the garbage collector, they outlive an error that is kept.
            iterator._shutdown_workers()


class _Cuts(Dataset):
    def __getitem__(self, cut: Cut) -> Tensor:
        path, show = cut
        return show(torch.from_numpy(np.array(open_rgb(path))).permute(2, 0, 1))


def _workers() -> int:
    """Return a process per core, but none in a daemon such as Dask's, which may not start any."""
    return 0 if multiprocessing.current_process().daemon else devices.cores()
