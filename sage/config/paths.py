"""Where things live: all that a run makes stays in two folders, which can be moved."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `python -m sage --help` works before anything is installed.
    import xarray as xr

ROOT = Path(__file__).resolve().parents[2]


def data() -> Path:
    """Return the folder of images, caches and records: SAGE_DATA, or `data/` of the checkout."""
    return Path(os.environ.get("SAGE_DATA", ROOT / "data"))


def raw() -> Path:
    """Return the folder of downloaded images, never committed."""
    return data() / "raw"


def results() -> Path:
    """Return the folder of published tables and cells, part of the checkout."""
    return ROOT / "data" / "results"


def cache() -> Path:
    """Return the folder of what can be made again: images, teachers, the tracker's database."""
    return data() / "cache"


def tracker() -> str:
    """Return the tracker's database as SQLAlchemy's URL: SAGE_TRACKER, or a file in the cache."""
    return os.environ.get("SAGE_TRACKER", f"sqlite:///{cache() / 'tracker.sqlite'}")


def figures() -> Path:
    """Return the folder of run outputs: SAGE_FIGURES, or `figures/` of the checkout."""
    return Path(os.environ.get("SAGE_FIGURES", ROOT / "figures"))


def replace(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file so that it is there whole or not at all, and return its path.

    Args:
        path: the file to write; its folder is made.
        write: called with a temporary path in the same folder, writes the content there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers such as matplotlib choose their format by it.
    partial = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def save_table(table: "xr.Dataset", path: Path) -> Path:
    """Write a table as NetCDF, whole or not at all, and return its path."""
    return replace(path, lambda partial: table.to_netcdf(partial, engine="h5netcdf"))
