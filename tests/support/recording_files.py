"""Small files of recordings and of published RDMs."""

from pathlib import Path

import numpy as np
import xarray as xr

OBJECTS = ("bear", "boat", "car")


VIEWS, REPEATS, SIZE = 4, 3, 16


IDS = [f"{name} {view}" for name in OBJECTS for view in range(VIEWS)]


def make_images(count: int = len(IDS)) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def write_responses(path: Path, **changes) -> Path:
    """Mean responses of ten sites, with images in the file."""
    rng = np.random.default_rng(0)
    variables = {
        "responses": (("presentation", "neuroid"), rng.random((len(IDS), 10), dtype=np.float32)),
        "images": (("presentation", "height", "width", "channel"), make_images()),
    }
    coordinates = {"stimulus_id": ("presentation", IDS), "region": ("neuroid", ["V4"] * 10)}
    table = xr.Dataset(variables, coordinates)
    table.assign(changes).to_netcdf(path, engine="h5netcdf")
    return path


def write_rdms(path: Path, **changes) -> Path:
    rng = np.random.default_rng(0)
    pairs = len(IDS) * (len(IDS) - 1) // 2
    variables = {
        "IT": ("pair", rng.random(pairs)),
        "human IT": (("session", "pair"), rng.random((3, pairs))),
        "images": (("presentation", "height", "width", "channel"), make_images()),
    }
    coordinates = {"category": ("presentation", [name.split()[0] for name in IDS])}
    xr.Dataset(variables, coordinates).assign_coords(changes).to_netcdf(path, engine="h5netcdf")
    return path
