"""Where things live: all that a run makes stays in two folders, which can be moved."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `python -m sage --help` works before anything is installed.
    import xarray as xr

ROOT = Path(__file__).resolve().parents[2]
FIGURES = (".png", ".pdf")  # suffixes of the files of a figure
UNREADABLE = (OSError, RuntimeError, KeyError)  # what h5py raises for a damaged file


def data() -> Path:
    """Return the folder of images, caches and records: SAGE_DATA, or `data/` of the checkout."""
    return _named("SAGE_DATA", ROOT / "data")


def raw() -> Path:
    """Return the folder of downloaded images, never committed."""
    return data() / "raw"


def results() -> Path:
    """Return the folder of published tables and cells, part of the checkout."""
    return ROOT / "data" / "results"


def cache() -> Path:
    """Return the folder of what can be made again: images, teachers, the tracker's database."""
    return data() / "cache"


def tracker() -> str | Path:
    """Return the tracker's database: SQLAlchemy's URL in SAGE_TRACKER, or a file in the cache."""
    return os.environ.get("SAGE_TRACKER") or cache() / "tracker.sqlite"


def figures() -> Path:
    """Return the folder of run outputs: SAGE_FIGURES, or `figures/` of the checkout."""
    return _named("SAGE_FIGURES", ROOT / "figures")


def _named(variable: str, default: Path) -> Path:
    """Return the folder that an environment variable names; an empty one counts as unset."""
    named = os.environ.get(variable)
    return Path(os.path.expanduser(named)) if named else default


def as_text(path: Path | str) -> str:
    """Return a path for people; bytes that are no UTF-8 become escapes, as in caf\\xe9.png."""
    return os.fsencode(path).decode(errors="backslashreplace")


def replace(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file so that it is there whole or not at all, and return its path.

    Args:
        path: the file to write; its folder is made.
        write: called with a temporary path in the same folder, writes the content there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers such as matplotlib choose their format by it.
    # Processes of two machines can have the same number.
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read_table(path: Path | str, read: "Callable[..., xr.Dataset]", told: str = "") -> "xr.Dataset":
    """Return a NetCDF 4 file as a function of xarray reads it.

    Raises:
        ValueError: it cannot be read, with the reason behind what is `told`.
    """
    try:
        return read(path, engine="h5netcdf")
    except UNREADABLE as problem:
        raise ValueError(f"{told}{_why_no_table(path, problem)}") from problem


def _why_no_table(path: Path | str, problem: Exception) -> str:
    """Return why a file cannot be read as NetCDF 4: an older format, damage, or something else."""
    with open(path, "rb") as stream:
        begins = stream.read(4)
    if begins.startswith(b"CDF"):
        reads, writes = 'load_dataset(FILE, engine="scipy")', 'to_netcdf(OTHER, engine="h5netcdf")'
        return f"NetCDF 3, expected NetCDF 4; xarray.{reads}.{writes} makes it"
    what = "a damaged" if begins == b"\x89HDF" else "no"
    return f"{what} NetCDF file: {problem}"


def save_table(table: "xr.Dataset", path: Path) -> Path:
    """Write a table as NetCDF, whole or not at all, and return its path."""
    return replace(path, lambda partial: table.to_netcdf(partial, engine="h5netcdf"))
