"""Archives of images that change while processes have them loaded."""

import os

import numpy as np

from sage.config import paths


def reverse_labels(name: str) -> None:
    """Give the training images of `raw/NAME.npz` other labels, in a file of the same size."""
    path = paths.raw() / f"{name}.npz"
    made = path.stat().st_mtime_ns
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["y_train"] = arrays["y_train"].max() - arrays["y_train"]
    np.savez(path, **arrays)
    os.utime(path, ns=(made + 1, made + 1))  # however coarse the clock of the file system is
