"""Labelled image files: class folders, and what one file shows."""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sage.compute import devices
from sage.images import preprocessing


@dataclass(frozen=True)
class ImageFiles:
    """Paths of images of any size, with labels [N] int64."""

    images: tuple[str, ...]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def identity(self) -> str:
        """Hash of names, sizes in bytes and labels, for keys; the content of ImageNet takes minutes to read."""
        digest = hashlib.sha256()
        for path in self.images:
            digest.update(f"{'/'.join(Path(path).parts[-2:])}\0{os.stat(path).st_size}\0".encode())
        digest.update(self.labels.numpy())
        return digest.hexdigest()[:16]

    def first(self, count: int | None) -> "ImageFiles":
        """At most the first `count` files, all for None: a random sample, as a split's order is random."""
        return ImageFiles(self.images[:count], self.labels[:count])

    def joined(self, other: "ImageFiles") -> "ImageFiles":
        """These files and then others."""
        return ImageFiles(self.images + other.images, torch.cat([self.labels, other.labels]))

    def shown(self, count: int) -> Iterator[Tensor]:
        """The images' centres in batches of `count`, [B, 3, SIZE, SIZE] uint8, see `read_batches`."""
        cuts = [(path, preprocessing.central_crop) for path in self.images]
        with closing(
            read_batches(cuts[start : start + count] for start in range(0, len(cuts), count))
        ) as batches:
            yield from batches

    def at(self, places: np.ndarray) -> "ImageFiles":
        """The files at these places, in their order."""
        return ImageFiles(tuple(self.images[place] for place in places), self.labels[places])


def class_folders(folder: Path) -> tuple[ImageFiles, ImageFiles, tuple[str, ...]]:
    """Files to train on and to test on, ordered by class and name, and the classes.

    A folder `train` has to have `test` with class folders beside it, or `val`; without it every tenth file is tested
    on, at random.

    Raises:
        ValueError: no class folders, one without images, or other classes to test on.
    """
    if not (folder / "train").is_dir():
        every, classes = _listed(folder)
        shuffled = np.random.default_rng(0).permutation(len(every))
        tested = max(1, len(shuffled) // 10)
        return every.at(shuffled[tested:]), every.at(shuffled[:tested]), classes
    # ImageNet's own test images have no labels, and lie in `test` without class folders.
    test = next(
        (folder / part for part in ("test", "val") if any((folder / part).glob("*/"))), None
    )
    if test is None:
        raise ValueError(
            f"{folder} has a folder train but neither test nor val with class folders beside it"
        )
    (trained, classes), (tested, test_classes) = _listed(folder / "train"), _listed(test)
    if classes != test_classes:
        different = sorted(set(classes) ^ set(test_classes))
        raise ValueError(
            f"{folder}: classes of train and {test.name} differ in {', '.join(different)}"
        )
    return trained, tested, classes


def _listed(folder: Path) -> tuple[ImageFiles, tuple[str, ...]]:
    from torchvision import datasets  # slow to import

    try:
        found = datasets.ImageFolder(str(folder))
    except FileNotFoundError as problem:
        raise ValueError(
            f"{folder} is no folder of class folders with images: {problem}"
        ) from problem
    files, labels = zip(*found.samples)
    return ImageFiles(files, torch.tensor(labels)), tuple(found.classes)


def open_rgb(path: str) -> Image.Image:
    """The image in a file, in colour whatever it is stored as; transparency is ignored.

    Raises:
        ValueError: the file is damaged or no image. OSError: it cannot be read at all.
    """
    content = Path(path).read_bytes()
    try:
        with Image.open(BytesIO(content)) as image:
            # Pillow warns of a palette with transparency that becomes RGB at once.
            return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")
    except Exception as problem:  # its readers raise anything for a damaged file
        raise ValueError(
            f"{path} cannot be read as an image ({problem}): replace or remove it"
        ) from problem


def read_batches(
    batches: Iterable[list[tuple[str, Callable[[Tensor], Tensor]]]],
) -> Iterator[Tensor]:
    """Images from files, read by other processes some batches ahead; closing the iterator ends them.

    Args:
        batches: of paths, each with what makes an image of a given size, `preprocessing.Crop` for instance, from
            the file's [3, H, W] uint8.

    Returns:
        Of each batch [B, 3, SIZE, SIZE] uint8, in page-locked memory if there is a GPU.

    Raises:
        ValueError: a file is damaged or no image. OSError: it cannot be read at all.
    """
    workers = _workers()
    loader = DataLoader(
        _Cut(),
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # the loader draws seeds for its processes, from torch's own generator otherwise
    )
    iterator = iter(loader)
    try:
        yield from iterator
    finally:
        if workers:
            iterator._shutdown_workers()  # left to the garbage collector, they outlive an error that is kept


class _Cut(Dataset):
    """What is at a path, cut."""

    def __getitem__(self, request: tuple[str, Callable[[Tensor], Tensor]]) -> Tensor:
        path, cut = request
        return cut(torch.from_numpy(np.array(open_rgb(path))).permute(2, 0, 1))


def _workers() -> int:
    """Processes that read files: one per core, but none from a daemon such as Dask's, which may not start any."""
    return 0 if multiprocessing.current_process().daemon else devices.cores()
