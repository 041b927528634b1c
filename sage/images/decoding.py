"""Image files decoded once: into an array on disk, or only to find the damaged ones.

The cache grows by what each block of files gives; a later process goes on from there.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from tqdm.auto import tqdm

from sage.compute import devices
from sage.config import paths
from sage.images.image_files import Damaged, open_rgb

REVISION = 2  # to be raised with any change of the code that changes the pixels
# Damaged files are left out: at most this part of all files, or so many, whichever is more.
DAMAGED, FEW_DAMAGED = 1 / 1000, 5
BLOCK = 500  # files that are read before what was found is written
CHECKED = 64  # images of a whole array that are compared with their digests when it is opened
WORDS = (" plain", " adapted", " damaged")  # what is on record of a checked file
_DIGEST = 16  # bytes
_OF_DAMAGED = b"\xff" * _DIGEST


def decode(folder: Path, files: Sequence[str], size: int) -> tuple[np.ndarray, ...]:
    """Decode images, scaled by their shorter side and cut to their centre.

    They are decoded again only when a file's name, size or time has changed.

    Args:
        folder: of the data set; `cache/images/NAME-SIZE/` has its array, which other files replace.
        files: names in `folder`.
        size: pixels a side.

    Returns:
        Pixels [M, 3, S, S] uint8, mapped from disk, digests [M, 16] uint8 of each image's pixels,
        and which files they are from, [N] bool: damaged ones are left out, with a warning.

    Raises:
        ValueError: too many damaged files, see `check_limit`, or as `open_rgb`.
    """
    states = "\n".join([f"{REVISION} {size}", *(_state(folder, file) for file in files)])
    listing = hashlib.sha256(states.encode()).hexdigest()[:16]
    place = paths.cache() / "images" / f"{folder.name}-{size}"
    array, log = place / "pixels.npy", place / f"digests-{listing}"
    with FileLock(place / "lock"):
        pixels, digests = _open(array, log, (len(files), 3, size, size))
        if len(digests) < len(files):
            damaged = [file for file, kept in zip(files, _kept(digests)) if not kept]
            left, title = files[len(digests) :], f"decoding {folder.name}, {size} x {size}"
            work = partial(_pixels, size=size)
            # Not through the map: a full disk is an error here, but there it ends the process.
            with array.open("r+b") as images, log.open("r+b") as record:
                images.seek(pixels.offset + pixels[0].nbytes * (len(digests) - len(damaged)))
                record.seek(digests.nbytes)
                for found in _in_blocks(work, folder, left, damaged, len(files), title):
                    images.writelines(one[0] for one in found.values() if one)
                    images.flush()
                    os.fsync(images.fileno())  # no digest is on disk before its pixels are
                    record.writelines(one[1] if one else _OF_DAMAGED for one in found.values())
                    record.flush()
            if damaged:
                warnings.warn(f"{_sentence(damaged, len(files))}: left out", stacklevel=2)
            pixels, digests = _open(array, log, pixels.shape)
    kept = _kept(digests)
    return pixels[: kept.sum()], digests[kept], kept


def readable(folder: Path, files: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Find the files that can be read as images, and warn of new damaged ones.

    Each is decoded once, and again when its name, size or time has changed.

    Args:
        folder: of the data set; `cache/images/NAME-files/checked.txt` has what was found, a line a
            file.
        files: names in `folder`.

    Returns:
        [N] bool, those that can be read, and [N] bool, those that `open_rgb` turns or scales.

    Raises:
        ValueError: too many damaged files, see `check_limit`, or as `open_rgb`.
    """
    states = {file: _state(folder, file) for file in files}
    place = paths.cache() / "images" / f"{folder.name}-files"
    with FileLock(place / "lock"):
        # Bytes that are no text, as a failing disk leaves them, only make their line unknown.
        with (place / "checked.txt").open("a+", encoding="ascii", errors="replace") as record:
            record.seek(0)
            lines = record.read().split("\n")
            entries = (line for line in lines if line.endswith(WORDS))
            known = dict(entry.rsplit(" ", 1) for entry in entries)
            words = {file: known.get(state) for file, state in states.items()}
            damaged = [file for file, word in words.items() if word == "damaged"]
            left = [file for file, word in words.items() if word is None]
            title = f"checking the files of {folder.name}"
            for found in _in_blocks(_word, folder, left, damaged, len(files), title):
                words |= {file: one or "damaged" for file, one in found.items()}
                # The word stands last, after the line break: a line cut by a kill says nothing.
                record.writelines(f"\n{states[file]} {words[file]}" for file in found)
                record.flush()
            told = _sentence(sorted(damaged), len(files))
            if damaged and ascii(told) not in lines:
                record.write(f"\n{ascii(told)}")
                warnings.warn(f"{told}: left out", stacklevel=2)
    told_of = np.array([words[file] for file in files])
    return told_of != "damaged", told_of == "adapted"


def check_limit(damaged: Sequence[str], count: int) -> None:
    """Refuse a set of `count` files with too many damaged ones.

    Raises:
        ValueError: more than `DAMAGED` of the files and than `FEW_DAMAGED` are damaged, or all.
    """
    if len(damaged) > max(FEW_DAMAGED, DAMAGED * count) or len(damaged) == count:
        expected = f"expected {FEW_DAMAGED} or {DAMAGED:.1%} at most"
        raise ValueError(f"{_sentence(damaged, count)}: replace or remove them, {expected}")


def _sentence(damaged: Sequence[str], count: int) -> str:
    named = ", ".join(map(paths.as_text, damaged[:10])) + (", ..." if len(damaged) > 10 else "")
    return f"{len(damaged)} of {count} files cannot be read as images ({named})"


def _state(folder: Path, file: str) -> str:
    """Return what changes when a file does, in ASCII."""
    state = os.stat(f"{folder}/{file}")
    return f"{file!a} {state.st_size} {state.st_mtime_ns}"


def _in_blocks(
    work: Callable, folder: Path, left: Sequence[str], damaged: list[str], count: int, title: str
) -> Iterator[dict[str, Any]]:
    """Yield what `work` gives for each block's files, None for damaged ones, added to `damaged`."""

    def attempt(file: str) -> Any:
        try:
            return work(f"{folder}/{file}")
        except Damaged:
            return None

    check_limit(damaged, count)
    done = count - len(left)
    bar = tqdm(total=count, initial=done, unit="image", desc=title, disable=not left)
    with ThreadPoolExecutor(devices.cores()) as pool, bar:
        for start in range(0, len(left), BLOCK):
            block = left[start : start + BLOCK]
            found = dict(zip(block, pool.map(attempt, block)))
            damaged += [file for file, one in found.items() if one is None]
            yield found
            bar.update(len(found))
            check_limit(damaged, count)


def _word(path: str) -> str:
    return "adapted" if open_rgb(path).info["adapted"] else "plain"


def _pixels(path: str, size: int) -> tuple[bytes, bytes]:
    from torchvision.transforms import functional  # slow to import

    image = functional.center_crop(functional.resize(open_rgb(path), size), [size, size])
    pixels = np.asarray(image).transpose(2, 0, 1).tobytes()
    return pixels, _digest(pixels)


def _digest(pixels: Any) -> bytes:
    return hashlib.sha256(pixels).digest()[:_DIGEST]


def _kept(digests: np.ndarray) -> np.ndarray:
    return (digests != 255).any(1)


def _open(array: Path, log: Path, shape: tuple[int, ...]) -> tuple[np.memmap, np.ndarray]:
    """Open the array and the digests of decoded files, both made anew if one is damaged.

    Images all over a whole array are checked, and every image of one that is not whole yet.
    """
    try:
        found, pixels = np.fromfile(log, np.uint8), np.load(array, mmap_mode="r")
        digests = found[: len(found) // _DIGEST * _DIGEST].reshape(-1, _DIGEST)
        kept, rows = _kept(digests), np.cumsum(_kept(digests)) - 1
        whole = len(digests) == shape[0]
        some = np.linspace(0, shape[0] - 1, CHECKED, dtype=int) if whole else range(len(digests))
        checked = (_digest(pixels[rows[i]]) == digests[i].tobytes() for i in some if kept[i])
        if pixels.shape == shape and all(checked):
            return pixels, digests
    except (OSError, ValueError, EOFError, IndexError):
        pass
    for path in (array, *array.parent.glob("digests-*")):
        path.unlink(missing_ok=True)  # other processes keep the array that they have mapped
    log.touch()
    pixels = np.lib.format.open_memmap(array, "w+", np.uint8, shape=shape)
    return pixels, np.empty((0, _DIGEST), np.uint8)
