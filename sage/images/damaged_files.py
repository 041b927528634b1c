"""Files that cannot be read as images: found before a training, and left out if they are few.

What was found lies in the cache as a line for every file, `checked.txt` in a set's folder. The lines are added to as
files are checked: a process that was killed is gone on from, and of a set that changed only the new files are checked.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock
from tqdm.auto import tqdm

from sage.compute import devices
from sage.config import paths
from sage.images.image_files import open_rgb

# A file is left out if it is damaged, up to this part of all files or to so many, whichever is more.
DAMAGED, FEW_DAMAGED = 1 / 1000, 5
BLOCK = 500  # files that are read before what is found is written

Result = TypeVar("Result")


def readable(name: str, files: Sequence[str], *, folder: Path) -> np.ndarray:
    """Which of the files can be read as images, [N] bool.

    Each is decoded once, by one thread per core, and again only if its name, size or time changed since. A process
    that comes while another checks the set waits for it.

    Args:
        name: of the set, under which the cache has what was found. files: in `folder`.

    Raises:
        ValueError: as `check_limit`. OSError: a file cannot be read at all.

    Warns:
        UserWarning: as `warn`, once for the same files.
    """
    place = paths.cache() / "images" / f"{name}-files"
    place.mkdir(parents=True, exist_ok=True)
    names = np.array(relative(files, folder), dtype=object)
    states = [_state(file, name) for file, name in zip(files, names)]
    # A record with bytes that are no text, as a failing disk leaves it, has lines less.
    with (
        FileLock(place / "lock"),
        (place / "checked.txt").open("a+", encoding="ascii", errors="replace") as record,
    ):
        record.seek(0)
        known = set(record.read().split("\n"))
        whole, damaged = (
            np.array([_line(state, of) in known for state in states]) for of in (True, False)
        )
        check_limit(names[damaged], len(files))
        left = np.flatnonzero(~(whole | damaged))
        if len(left):
            remaining, title = [files[place] for place in left], f"checking the files of {name}"
            for block, found in in_blocks(
                _is_readable, remaining, title=title, done=len(files) - len(left)
            ):
                whole[left[block]], damaged[left[block]] = found, ~np.array(found)
                # The line break comes first: a killed process may have left half a line.
                record.writelines(
                    f"\n{_line(states[place], whole[place])}" for place in left[block]
                )
                record.flush()
                check_limit(names[damaged], len(files))
        warned = ascii(sentence(names[damaged], len(files)))
        if damaged.any() and warned not in known:
            record.write(f"\n{warned}")
            warn(names[damaged], len(files))
    return whole


def in_blocks(
    work: Callable[[str], Result], files: Sequence[str], *, title: str, done: int
) -> Iterator[tuple[slice, tuple[Result, ...]]]:
    """Call `work` with each file, in as many threads as there are cores, and show a bar.

    Args:
        done: files beside these that the bar counts as worked on before.

    Returns:
        Of each `BLOCK` of files its place in `files`, and what the calls returned.
    """
    with (
        ThreadPoolExecutor(devices.cores()) as pool,
        tqdm(total=done + len(files), initial=done, unit="image", desc=title) as bar,
    ):
        for start in range(0, len(files), BLOCK):
            block = slice(start, start + BLOCK)
            found = tuple(pool.map(work, files[block]))
            yield block, found
            bar.update(len(found))


def relative(files: Sequence[str], folder: Path) -> list[str]:
    """The files' names in `folder`."""
    return [file.removeprefix(f"{folder}/") for file in files]


def check_limit(damaged: Sequence[str], count: int) -> None:
    """Refuse a set of `count` files with too many that are damaged.

    Raises:
        ValueError: more than `DAMAGED` of the files, and more than `FEW_DAMAGED`, cannot be read as images, or none.
    """
    if len(damaged) > max(FEW_DAMAGED, DAMAGED * count) or len(damaged) == count:
        raise ValueError(
            f"{sentence(damaged, count)}: replace or remove them, expected {FEW_DAMAGED} or {DAMAGED:.1%} at most"
        )


def warn(damaged: Sequence[str], count: int) -> None:
    """Say that files are left out, how many, and the names of the first ten."""
    warnings.warn(f"{sentence(damaged, count)}: left out", stacklevel=3)


def sentence(damaged: Sequence[str], count: int) -> str:
    """How many of `count` files are damaged, and the names of the first ten."""
    more = ", ..." if len(damaged) > 10 else ""
    return f"{len(damaged)} of {count} files cannot be read as images ({', '.join(damaged[:10])}{more})"


def _is_readable(file: str) -> bool:
    try:
        open_rgb(file)
    except ValueError:
        return False
    return True


def _state(file: str, name: str) -> str:
    """What of a file tells whether it changed; in ASCII, whatever is in its name."""
    state = os.stat(file)
    return f"{name!a} {state.st_size} {state.st_mtime_ns}"


def _line(state: str, whole: bool) -> str:
    """Of the record. What was found stands last, so that half a line says nothing."""
    return f"{state} {'whole' if whole else 'damaged'}"
