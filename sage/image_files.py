"""Labelled image files: class folders, and what one file shows."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class ImageFiles:
    """Files of images of any size, with labels [N] int64."""

    paths: tuple[str, ...]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def identity(self) -> str:
        """Hash of names, sizes in bytes and labels, for keys; the content of ImageNet takes minutes to read."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{'/'.join(Path(path).parts[-2:])}\0{os.stat(path).st_size}\0".encode())
        digest.update(self.labels.numpy())
        return digest.hexdigest()[:16]

    def first(self, count: int | None) -> "ImageFiles":
        """At most the first `count` files, all for None: a random sample, as a split's order is random."""
        return ImageFiles(self.paths[:count], self.labels[:count])

    def joined(self, other: "ImageFiles") -> "ImageFiles":
        """These files and then others."""
        return ImageFiles(self.paths + other.paths, torch.cat([self.labels, other.labels]))

    def at(self, places: np.ndarray) -> "ImageFiles":
        """The files at these places, in their order."""
        return ImageFiles(tuple(self.paths[place] for place in places), self.labels[places])


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
    test = next((folder / part for part in ("test", "val") if any((folder / part).glob("*/"))), None)
    if test is None:
        raise ValueError(f"{folder} has a folder train but neither test nor val with class folders beside it")
    (trained, classes), (tested, test_classes) = _listed(folder / "train"), _listed(test)
    if classes != test_classes:
        different = sorted(set(classes) ^ set(test_classes))
        raise ValueError(f"{folder}: classes of train and {test.name} differ in {', '.join(different)}")
    return trained, tested, classes


def _listed(folder: Path) -> tuple[ImageFiles, tuple[str, ...]]:
    try:
        found = torchvision.datasets.ImageFolder(str(folder))
    except FileNotFoundError as problem:
        raise ValueError(f"{folder} is no folder of class folders with images: {problem}") from problem
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
        raise ValueError(f"{path} cannot be read as an image ({problem}): replace or remove it") from problem
