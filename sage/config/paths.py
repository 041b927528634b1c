"""Where things live: everything a run makes stays in two folders, which a cluster user can move."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def data() -> Path:
    """Folder of images, caches and records: SAGE_DATA, or `data/` of the checkout."""
    return Path(os.environ.get("SAGE_DATA", ROOT / "data"))


def raw() -> Path:
    """Folder of downloaded images, never committed."""
    return data() / "raw"


def results() -> Path:
    """Folder of published tables and cells, part of the checkout."""
    return ROOT / "data" / "results"


def cache() -> Path:
    """Folder of what can be made again: rendered images, teachers, the tracker's database."""
    return data() / "cache"


def tracker() -> str:
    """The tracker's database as an SQLAlchemy URL: SAGE_TRACKER, or an SQLite file in the cache."""
    return os.environ.get("SAGE_TRACKER", f"sqlite:///{cache() / 'tracker.sqlite'}")


def figures() -> Path:
    """Folder of run outputs: SAGE_FIGURES, or `figures/` of the checkout."""
    return Path(os.environ.get("SAGE_FIGURES", ROOT / "figures"))


def replace(path: Path, write) -> Path:
    """Write a file so that it is there whole or not at all.

    Args:
        path: the file to write; its folder is made.
        write: called with a temporary path in the same folder, writes the content there.

    Returns:
        `path`.
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


def save_table(table, path: Path) -> Path:
    """Write an xarray Dataset as NetCDF, whole or not at all."""
    return replace(path, lambda partial: table.to_netcdf(partial, engine="h5netcdf"))
