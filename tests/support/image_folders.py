"""Class folders of small images for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

# A process that opens images by `{module}.open_rgb`, in blocks of four, but never the file that its argument names.
STUCK = """
import sys, time
from sage.images import damaged_files, datasets, {module}

def open_rgb(file):
    while file == sys.argv[1]:
        time.sleep(1)
    return plain(file)

plain, {module}.open_rgb, damaged_files.BLOCK = {module}.open_rgb, open_rgb, 4
{call}
"""


def write(folder: Path, classes: str, count: int, *, size: tuple[int, int] = (24, 20)) -> None:
    """So many .png files in each class folder, of random colours in 4 x 4 pixels."""
    rng = np.random.default_rng(len(folder.name))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(
                folder / name / f"{index}.png"
            )
