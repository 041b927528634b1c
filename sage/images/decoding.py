"""Image files decoded once, to one size, into an array on disk that is never in memory as a whole.

A set's folder in the cache has `pixels.npy`, and `record.npz` once that is whole. While files are decoded `digests`
stands for the record: it starts with what is decoded, and a file's digest follows its pixels, so that what a killed
process wrote is checked and kept.
"""

import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from filelock import FileLock

from sage.config import paths
from sage.images import damaged_files
from sage.images.image_files import open_rgb

# Raise it with any change of the code that changes the pixels.
REVISION = 1
CHECKED = 64  # images of a whole array that are compared with their digests whenever it is opened

_DIGEST = 16  # bytes
_OF_DAMAGED = b"\xff" * _DIGEST


@dataclass(frozen=True)
class Decoded:
    """Decoded images, those of damaged files left out.

    Args:
        pixels: [M, 3, S, S] uint8, mapped from disk, read-only. digests: [M, 16] uint8, of each image's pixels.
        kept: [N] bool, which of the files they are from.
    """

    pixels: np.ndarray
    digests: np.ndarray
    kept: np.ndarray


def decode(name: str, files: Sequence[str], size: int, *, folder: Path) -> Decoded:
    """Images scaled by their shorter side and cut to their centre, in the order of `files`.

    Read from the cache if they were decoded before, and no file has changed its size or time since. A process that
    comes while another decodes waits for it; one that was killed is gone on from.

    Args:
        name: of the set; with the size it names the array, which another list of files replaces. files: in `folder`.

    Raises:
        ValueError: as `damaged_files.check_limit`.

    Warns:
        UserWarning: as `damaged_files.warn`; `damaged` of the record has all their names.
    """
    place = paths.cache() / "images" / f"{name}-{size}"
    place.mkdir(parents=True, exist_ok=True)
    names = damaged_files.relative(files, folder)
    listing = _listing(files, names, size)
    with FileLock(place / "lock"):
        found = _stored(place, listing, size)
        if found is None:
            _write(place, listing, files, names, size, f"decoding {name}, {size} x {size}")
            found = _stored(place, listing, size)
    return found


def _listing(files: Sequence[str], names: list[str], size: int) -> str:
    """Hash of all that determines the pixels, 64 characters."""
    digest = hashlib.sha256(f"{REVISION} {size}".encode())
    for file, name in zip(files, names):
        state = os.stat(file)
        digest.update(f"\0{name}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()


def _stored(place: Path, listing: str, size: int) -> Decoded | None:
    """What the cache has of this listing, if it is whole; images all over the array are checked."""
    try:
        with (place / "record.npz").open("rb") as stream, np.load(stream) as record:
            found, every = str(record["listing"]), record["digests"]
        pixels = np.load(place / "pixels.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    kept = (every != 255).any(1)
    digests = every[kept]
    if found != listing or pixels.shape != (len(digests), 3, size, size):
        return None
    some = np.linspace(0, len(digests) - 1, CHECKED, dtype=int) if len(digests) else []
    return (
        Decoded(pixels, digests, kept)
        if all(_digest(pixels[i]) == digests[i].tobytes() for i in some)
        else None
    )


def _write(
    place: Path, listing: str, files: Sequence[str], names: list[str], size: int, title: str
) -> None:
    """Decode what is not decoded yet; the record is written last."""
    pixels, journal = place / "pixels.npy", place / "digests"
    header, row = len(_header(len(files), size)), 3 * size * size
    digests = _written(pixels, journal, listing, header, row)
    if not digests:
        for path in (place / "record.npz", journal, pixels):
            path.unlink(missing_ok=True)  # other processes keep the array that they have mapped
        pixels.write_bytes(bytes(header))
    damaged = _damaged(names, digests)
    paths.replace(journal, lambda path: path.write_bytes(listing.encode() + b"".join(digests)))
    os.truncate(pixels, header + row * (len(digests) - len(damaged)))
    with pixels.open("r+b") as array, journal.open("ab") as log:
        array.seek(0, os.SEEK_END)
        damaged_files.check_limit(damaged, len(files))
        done = len(digests)
        left, work = names[done:], partial(_pixels, size=size)
        for block, results in damaged_files.in_blocks(work, files[done:], title=title, done=done):
            images, found = zip(*results)
            array.writelines(images)
            array.flush()
            log.writelines(found)
            log.flush()
            digests += found
            damaged += _damaged(left[block], found)
            damaged_files.check_limit(damaged, len(files))
        array.seek(0)
        array.write(_header(len(files) - len(damaged), size))
        array.flush()
        os.fsync(array.fileno())
    every = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _DIGEST)
    record = {"listing": listing, "digests": every, "damaged": np.array(damaged, dtype=str)}
    paths.replace(place / "record.npz", lambda path: np.savez(path, **record))
    journal.unlink()
    if damaged:
        damaged_files.warn(damaged, len(files))


def _written(pixels: Path, journal: Path, listing: str, header: int, row: int) -> list[bytes]:
    """Digests of the files of this listing that a process decoded before it was killed."""
    if not journal.exists() or not pixels.exists():
        return []
    content = journal.read_bytes()
    if content[: len(listing)] != listing.encode():
        return []
    ends = range(len(listing) + _DIGEST, len(content) + 1, _DIGEST)
    digests = [content[end - _DIGEST : end] for end in ends]
    with pixels.open("rb") as array:
        array.seek(header)
        for place, digest in enumerate(digests):
            if digest != _OF_DAMAGED and _digest(array.read(row)) != digest:
                return digests[:place]
    return digests


def _pixels(file: str, size: int) -> tuple[bytes, bytes]:
    """Pixels [3, S, S] of an image and their digest; no pixels of a damaged one."""
    from torchvision.transforms import functional  # slow to import

    try:
        image = functional.center_crop(functional.resize(open_rgb(file), size), [size, size])
    except ValueError:
        return b"", _OF_DAMAGED
    pixels = np.asarray(image).transpose(2, 0, 1).tobytes()
    return pixels, _digest(pixels)


def _digest(pixels) -> bytes:
    return hashlib.sha256(pixels).digest()[:_DIGEST]


def _header(count: int, size: int) -> bytes:
    """Of an .npy file; numpy leaves room, so that its length does not depend on the count."""
    stream = BytesIO()
    shape = (count, 3, size, size)
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def _damaged(names: Sequence[str], digests: Sequence[bytes]) -> list[str]:
    return [name for name, digest in zip(names, digests) if digest == _OF_DAMAGED]
