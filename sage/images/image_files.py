"""Labelled image files: class folders, and what one file shows."""

import hashlib
import multiprocessing
import os
import shutil
import warnings
from collections import deque
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
from sage.config import paths
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
    """Paths of images of any size, with labels.

    Args:
        digests: [N] bool, the files that `open_rgb` turns or scales.
    """

    images: tuple[str, ...]

    @cached_property
    def identity(self) -> str:
        """Hash of names, sizes and labels, for keys; ImageNet's content takes minutes to read."""
        digest = hashlib.sha256()
        for path in self.images:
            digest.update(os.fsencode("/".join(Path(path).parts[-2:])))
            digest.update(f"\0{os.stat(path).st_size}\0".encode())
        digest.update(self.labels.numpy().data)
        if self.digests is not None and self.digests.any():
            digest.update(self.digests.numpy().data)
        return digest.hexdigest()[:16]

    def shown(self, count: int) -> Generator[Tensor]:
        """Yield the images' centres in batches of `count`, as `read_batches` does."""
        cuts: list[Cut] = [(path, preprocessing.central_crop) for path in self.images]
        return read_batches(cuts[start : start + count] for start in range(0, len(cuts), count))


SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
# What systems, disks and programs leave behind; in lower case. Hidden names begin with a dot.
LEFT_BEHIND = {"__macosx", "__pycache__", "@eadir", "@recycle", "#recycle", "$recycle.bin"}
LEFT_BEHIND |= {"#snapshot", "@recently-snapshot", "lost+found", "system volume information"}

Files = dict[str, list[tuple[str, list[str]]]]  # by class: folders, each with its images


def class_folders(folder: Path) -> tuple[ImageFiles, ImageFiles, tuple[str, ...]]:
    """List files to train on and to test on, ordered by class and name, and the classes.

    Beside a folder `train` lies `test` with class folders, or `val`; without `train` every tenth
    file is tested on, at random. What `_visit` skips is named in a warning.

    Raises:
        ValueError: no class folders, one without images, or other classes to test on.
    """
    if not (folder / "train").is_dir():
        ((every, classes),) = _listed(folder)
        shuffled = np.random.default_rng(0).permutation(len(every))
        tested = max(1, len(shuffled) // 10)
        return every.at(shuffled[tested:]), every.at(shuffled[:tested]), classes
    # ImageNet's own test images have no labels, and lie in `test` without class folders.
    beside = (folder / part for part in ("test", "val") if (folder / part).is_dir())
    found = [part for part in beside if any([*map(_may_be_class, os.scandir(part))])]
    if not found:
        wanted = "neither test nor val with class folders beside it"
        raise ValueError(f"{folder} has a folder train but {wanted}")
    (train, classes), (test, others) = _listed(folder / "train", found[0])
    if classes != others:
        different = ", ".join(sorted({*classes} ^ {*others}))
        raise ValueError(f"{folder}: classes of train and {found[0].name} differ in {different}")
    return train, test, classes


def _listed(*roots: Path) -> list[tuple[ImageFiles, tuple[str, ...]]]:
    """Return the files and the classes of folders of class folders."""
    found, skipped = _visit(roots)
    if skipped:
        named = ", ".join(skipped[:10]) + ", ..." * (len(skipped) > 10)
        why = "hidden, left behind by a system, or reached before by another way"
        warnings.warn(f"skipped, as they are {why}: {named}", stacklevel=4)
    listed = []
    for root, classes in zip(roots, found):
        if not classes:
            raise ValueError(f"{root} is no folder of class folders with images")
        # The order of bytes is that of the characters, but the same in any locale.
        names = sorted(classes, key=os.fsencode)
        images = [_in_order(classes[name]) for name in names]
        if empty := [paths.as_text(name) for name, files in zip(names, images) if not files]:
            expected = f"expected files {', '.join(SUFFIXES)}"
            raise ValueError(f"{root} has no images in {', '.join(empty)}: {expected}")
        labels = torch.from_numpy(np.repeat(np.arange(len(names)), [*map(len, images)]))
        files = ImageFiles(tuple(sum(images, [])), labels)
        listed.append((files, tuple(map(paths.as_text, names))))
    return listed


def _in_order(folders: list[tuple[str, list[str]]]) -> list[str]:
    """Return the images of one class, by folder and name."""
    ordered = sorted(folders, key=lambda one: os.fsencode(one[0]))
    return [file for _, files in ordered for file in sorted(files, key=os.fsencode)]


def _visit(roots: tuple[Path, ...]) -> tuple[list[Files], list[str]]:
    """Find the images in folders of class folders; each real folder is visited once.

    Links are followed last, so that what lies in the roots counts there. One to a folder above a
    root is not followed: it leads back to the root, and to what else lies beside it.

    Returns:
        What each root has, and the paths that are skipped.
    """
    found: list[Files] = [{} for _ in roots]
    real = deque((str(root), place, "") for place, root in enumerate(roots))
    linked, skipped = deque[tuple[str, int, str]](), list[str]()
    visited = {str(above) for root in roots for above in root.resolve().parents}
    while real or linked:
        folder, place, name = real.popleft() if real else linked.popleft()
        if (actual := os.path.realpath(folder)) in visited:
            skipped.append(paths.as_text(folder))
            continue
        visited.add(actual)
        files: list[str] = []
        if name:
            found[place].setdefault(name, []).append((folder, files))
        for entry in os.scandir(folder):
            if _may_be_class(entry):
                queue = linked if entry.is_symlink() else real
                queue.append((entry.path, place, name or entry.name))
            elif entry.is_dir() or (entry.name.startswith(".") and _is_image(entry.name)):
                skipped.append(paths.as_text(entry.path))
            elif name and _is_image(entry.name):
                files.append(entry.path)
    return found, sorted(skipped)


def _may_be_class(entry: os.DirEntry) -> bool:
    left_behind = entry.name.startswith(".") or entry.name.lower() in LEFT_BEHIND
    return entry.is_dir() and not left_behind


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


class Damaged(ValueError):
    """A file that cannot be read as an image."""


ORIENTATION, BITS, PHOTOMETRIC = 0x0112, 258, 262  # tags of EXIF, and of TIFF
UPRIGHT = dict(enumerate(map(Image.Transpose, (0, 3, 1, 5, 4, 6, 2)), start=2))  # by ORIENTATION


def open_rgb(path: str) -> Image.Image:
    """Return the image in a file, upright and in colours of 8 bits however it is stored.

    Transparency is ignored. 16 bits of grey are scaled, as Pillow does it with those of colours.
    `info["adapted"]` tells that the image was turned or scaled.

    Raises:
        Damaged: the file is damaged or no image.
        ValueError: values without a defined range, such as floats.
        OSError: the file cannot be read at all.
    """
    content = Path(path).read_bytes()
    try:
        with Image.open(BytesIO(content)) as stored:
            stored.load()
            turn = UPRIGHT.get(_orientation(stored))
    except Exception as problem:  # its readers raise anything for a damaged file
        told = f"{paths.as_text(path)} cannot be read as an image ({problem})"
        raise Damaged(f"{told}: replace or remove it") from problem
    try:
        image = _in_8_bits(stored)
        # Pillow warns of a palette with transparency that becomes RGB at once.
        shown = (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")
    except ValueError as problem:
        told = f"{paths.as_text(path)} has mode {stored.mode} ({stored.format}): {problem}"
        raise ValueError(f"{told}; save it with 8 or 16 bits a channel") from problem
    shown = shown if turn is None else shown.transpose(turn)
    shown.info["adapted"] = turn is not None or image is not stored
    return shown


def _orientation(image: Image.Image) -> Any:
    """Return which way up an image is, by EXIF; damaged notes do not damage an image."""
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # as when it is opened
        return None


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return an image as it is, or scaled if it has 16 bits of grey, which Pillow would cut off.

    Raises:
        ValueError: values without a defined range.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise ValueError("its values have no defined range")
    tags = getattr(image, "tag_v2", {})
    pixels = (np.asarray(image) >> (tags.get(BITS, (16,))[0] - 8)).astype(np.uint8)
    return Image.fromarray(255 - pixels if tags.get(PHOTOMETRIC) == 0 else pixels)  # 0 is white


# How torch names it, in a process that reads images or in this one.
_NO_SHARED_MEMORY = "No space left on device", "Bus error", "out of shared memory"

Cut = tuple[str, Callable[[Tensor], Tensor]]  # a path, and e.g. a `preprocessing.Crop`


def read_batches(batches: Iterable[list[Cut]]) -> Generator[Tensor]:
    """Yield images from files, read by other processes some batches ahead; `close` ends them.

    Args:
        batches: cuts of one size, each a path and a function of the file's [3, H, W] uint8.

    Returns:
        [B, 3, SIZE, SIZE] uint8 of each batch, in page-locked memory if there is a GPU.

    Raises:
        ValueError or OSError: as `open_rgb`.
        RuntimeError: there is too little shared memory, as in a container.
    """
    workers, pinned = _workers(), torch.cuda.is_available()
    own = torch.Generator()  # seeds of the processes come from torch's generator otherwise
    options: Any = {"num_workers": workers, "pin_memory": pinned, "generator": own}
    iterator: Any = iter(DataLoader(_Cuts(), batch_sampler=batches, **options))
    try:
        yield from iterator
    except (RuntimeError, OSError) as problem:
        if any(sign in str(problem) for sign in _NO_SHARED_MEMORY):
            size = shutil.disk_usage("/dev/shm").total / 2**20
            told = f"/dev/shm, by which {workers} processes hand on images, has {size:.0f} MB"
            advice = "docker run --shm-size=2g or --ipc=host, in Kubernetes a volume at /dev/shm"
            raise RuntimeError(
                f"{told}, which is too little: make it larger ({advice})"
            ) from problem
        raise
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
