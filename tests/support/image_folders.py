"""Class folders of small images for tests, and the processes that read them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from sage.config import paths
from tests.support.waiting import until

# A process that reads images in blocks of four, but never the file that its argument names.
STUCK = """
import sys, threading
from sage.images import datasets, decoding

def open_rgb(file):
    if file == sys.argv[1]:
        threading.Event().wait()
    return plain(file)

plain, decoding.open_rgb, decoding.BLOCK = decoding.open_rgb, open_rgb, 4
{call}
"""


def write(folder: Path, classes: str, count: int, *, size: tuple[int, int] = (24, 20)) -> None:
    """Write so many .png files into each class folder, of random colours in 4 x 4 pixels."""
    rng = np.random.default_rng(len(folder.name))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            image = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
            image.save(folder / name / f"{index}.png")


@contextmanager
def stuck(call: str, file: str, far: Callable[[], bool]) -> Iterator[None]:
    """Context in which another process reads images up to a file; it is killed at the end.

    Args:
        call: what the process runs.
        far: tells that it has come as far as it can.
    """
    command = [sys.executable, "-W", "error", "-c", STUCK.format(call=call), file]
    process = subprocess.Popen(command, cwd=paths.ROOT)
    try:
        until(lambda: far() or process.poll() is not None)
        assert process.poll() is None
        yield
    finally:
        process.kill()
        process.wait()
