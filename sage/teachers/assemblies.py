"""Files of recordings: Brain-Score's assemblies, or published RDMs, with the stimuli that they were recorded with."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from sage.images.datasets import averaged_down
from sage.images.image_files import open_rgb
from sage.images.stimuli import StimulusSet
from sage.teachers.recordings import PublishedRdm, Recording, Region

FEWEST_STIMULI = 3  # two stimuli have one dissimilarity, which correlates with nothing
LABELS = (
    "category_name",
    "category",
    "object_name",
)  # coordinates that tell what an image shows, coarsest first


def read(
    files: Iterable[Path | str],
    *,
    size: int,
    images: int | None = None,
    regions: Iterable[str] = (),
    window: tuple[float, float] | None = None,
) -> list[Region]:
    """The regions in NetCDF files of recordings, each with the stimuli that it was recorded with.

    Recordings have the layout of Brain-Score's assemblies: one variable over presentation and neuroid, perhaps also
    over repetition or time_bin, with coordinates stimulus_id (or image_id) and region, perhaps also object_name;
    presentations of one stimulus_id are its repetitions. A file with two such variables has single trials in
    `trials`. Published RDMs are variables over pair (condensed, in the order of numpy.triu_indices), perhaps also over
    session, named by their regions. A region that several files have gets the file's name behind its own.

    Args:
        size, images: see `read_stimuli`.
        regions: by name, as coordinate region or subregion has them; none asks for all that region has.
        window: start and end in ms of the time bins that are averaged; None means all.

    Raises:
        FileNotFoundError: no such file, or no stimuli. ValueError: another layout, too few stimuli, a region that
            nobody recorded, or as `Recording` and `PublishedRdm`.
    """
    wanted, known, found = list(dict.fromkeys(regions)), [], []
    for path in map(Path, files):
        with _names(path):
            table, stimuli = _open(path), read_stimuli(path, size, images)
            every, named, make = (
                _published(table) if "pair" in table.dims else _recorded(table, window)
            )
            known += named
            chosen = [name for name in wanted if name in named] if wanted else every
            made = [make(name, path, stimuli) for name in chosen]
            for region in made:
                region.check()
            found += made
    unknown = [name for name in wanted if name not in known]
    if unknown or not found:
        raise ValueError(
            f"regions {', '.join(unknown)}: nobody recorded there; recorded: {', '.join(known)}"
        )
    times = Counter(one.region for one in found)
    found = [
        replace(one, region=f"{one.region} {one.path.stem}") if times[one.region] > 1 else one
        for one in found
    ]
    names = [one.region for one in found]
    if len(set(names)) < len(names):
        raise ValueError(
            f"regions {', '.join(names)}, expected different names: those of the files have to differ"
        )
    return found


def holds_recordings(path: Path) -> bool:
    """Whether a file is one that `read` is for, rather than a teacher's bank; False for none."""
    try:
        with xr.open_dataset(path, engine="h5netcdf") as table:
            return "presentation" in table.dims
    except OSError:
        return False


@lru_cache(maxsize=8)
def read_stimuli(path: Path | str, size: int, images: int | None) -> StimulusSet:
    """The stimuli of a file of recordings, kept: a process that evaluates many candidates reads them once.

    They are a variable `images` [presentation, height, width, channel] uint8 of the file, or image files named by
    stimulus_id in a folder beside it, which is named like the file without its suffix. Levels are "image", and
    "class" where there is a coordinate object_name.

    Args:
        size: pixels a side, to which the stimuli are averaged down.
        images: that have rows in image-level RDMs, at most and evenly chosen; None means all.

    Raises:
        FileNotFoundError, ValueError: as `read`.
    """
    path = Path(path)
    with _names(path):
        table = _open(path)
        first = _first_presentations(table)
        pixels = _pixels(table, path, first)
        if len(pixels) < FEWEST_STIMULI:
            raise ValueError(f"{len(pixels)} stimuli, expected {FEWEST_STIMULI} or more")
        if size > min(pixels.shape[2:]):
            raise ValueError(
                f"stimuli of {pixels.shape[2]} x {pixels.shape[3]} pixels, expected {size} or more a side"
            )
        labels = {name: table[name].values[first] for name in LABELS if name in table}
        return _stimulus_set(path.stem, averaged_down(pixels, size), labels, images)


def _stimulus_set(
    name: str, pixels: Tensor, labels: dict[str, np.ndarray], images: int | None
) -> StimulusSet:
    count = len(pixels)
    chosen = np.linspace(0, count - 1, min(count, images or count)).round().astype(int)
    single = torch.full((count,), -1)
    single[chosen] = torch.arange(len(chosen))
    group = next(
        (labels[label].astype(str) for label in LABELS if label in labels), np.full(count, "")
    )
    conditions, categories = {"image": single}, {"image": tuple(group[chosen].tolist())}
    if "object_name" in labels:
        names, numbers = np.unique(labels["object_name"].astype(str), return_inverse=True)
        first = [int(np.argmax(numbers == number)) for number in range(len(names))]
        conditions["class"], categories["class"] = (
            torch.from_numpy(numbers),
            tuple(group[first].tolist()),
        )
    return StimulusSet(name, pixels, conditions, categories)


def _published(table: xr.Dataset) -> tuple[list[str], list[str], Callable[..., Region]]:
    """Regions by default, all regions, and what makes one of them."""
    names = [str(name) for name, variable in table.data_vars.items() if "pair" in variable.dims]

    def make(name: str, path: Path, stimuli: StimulusSet) -> Region:
        return PublishedRdm(
            name,
            path,
            stimuli,
            table[name].values.astype(np.float64).reshape(-1, table.sizes["pair"]),
        )

    return names, names, make


def _recorded(
    table: xr.Dataset, window: tuple[float, float] | None
) -> tuple[list[str], list[str], Callable[..., Region]]:
    """As `_published`."""
    responses = _averaged(_responses(table), window)
    coordinates = [
        responses[name].values.astype(str)
        for name in ("region", "subregion")
        if name in responses.coords
    ]
    if not coordinates:
        raise ValueError(
            f"no coordinate region of sites, it has: {', '.join(map(str, responses.coords))}"
        )
    trials = _trials(responses)

    def make(name: str, path: Path, stimuli: StimulusSet) -> Region:
        return Recording(
            name, path, stimuli, trials[:, np.any([names == name for names in coordinates], axis=0)]
        )

    return (
        list(dict.fromkeys(coordinates[0])),
        list(dict.fromkeys(np.concatenate(coordinates))),
        make,
    )


def _open(path: Path) -> xr.Dataset:
    if not path.is_file():
        raise FileNotFoundError(f"no file of recordings {path}")
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except OSError as problem:
        raise ValueError(f"no NetCDF file: {problem}") from problem


def _responses(table: xr.Dataset) -> xr.DataArray:
    """The variable of responses, with the finest detail."""
    found = {
        name: one
        for name, one in table.data_vars.items()
        if {"presentation", "neuroid"} <= set(one.dims)
    }
    if not found:
        raise ValueError(
            f"no variable over presentation and neuroid, and none over pair; it has: {', '.join(map(str, table.data_vars))}"
        )
    if len(found) > 1 and "trials" not in found:
        raise ValueError(
            f"variables {', '.join(found)} over presentation and neuroid, expected one, or one named trials"
        )
    return found.get("trials", next(iter(found.values())))


def _averaged(responses: xr.DataArray, window: tuple[float, float] | None) -> xr.DataArray:
    """Without time bins: those in the window are averaged."""
    if "time_bin" not in responses.dims:
        if window is not None:
            raise ValueError(f"window is {window}, but responses have no time bins")
        return responses
    if window is None:
        return responses.mean("time_bin")
    if not {"time_bin_start", "time_bin_end"} <= set(responses.coords):
        raise ValueError(
            f"window is {window}, but there are no coordinates time_bin_start and time_bin_end"
        )
    start, end = responses.time_bin_start.values, responses.time_bin_end.values
    within = (start >= window[0]) & (end <= window[1])
    if not within.any():
        raise ValueError(
            f"window is {window}, expected one with some of the time bins from {start.min()} to {end.max()} ms"
        )
    return responses.isel(time_bin=np.flatnonzero(within)).mean("time_bin")


def _trials(responses: xr.DataArray) -> np.ndarray:
    """[N, U, R] float32: presentations of one stimulus are its repetitions, NaN where there are no more of them."""
    values = responses.transpose("presentation", "neuroid", ...).values.astype(np.float32)
    values = values.reshape(*values.shape[:2], -1)  # [presentations, U, repetitions]
    order = pd.Series(_stimulus_ids(responses))
    stimulus, repeat = pd.factorize(order)[0], order.groupby(order).cumcount().to_numpy()
    trials = np.full(
        (stimulus.max() + 1, values.shape[1], repeat.max() + 1, values.shape[2]), np.nan, np.float32
    )
    trials[stimulus, :, repeat] = values
    return trials.reshape(*trials.shape[:2], -1)


def _stimulus_ids(table: xr.Dataset | xr.DataArray) -> np.ndarray:
    for name in ("stimulus_id", "image_id"):
        if name in table.coords:
            return table[name].values.astype(str)
    if "neuroid" in table.dims:
        raise ValueError(
            f"presentations without a coordinate stimulus_id, there are: {', '.join(map(str, table.coords))}"
        )
    return np.arange(table.sizes["presentation"]).astype(str)


def _first_presentations(table: xr.Dataset) -> np.ndarray:
    """Where each stimulus was presented first, in that order."""
    if "presentation" not in table.dims:
        raise ValueError(
            "no dimension presentation, expected that of responses, or of images beside RDMs"
        )
    return np.sort(np.unique(_stimulus_ids(table), return_index=True)[1])


def _pixels(table: xr.Dataset, path: Path, first: np.ndarray) -> Tensor:
    """[N, 3, H, W] uint8."""
    if "images" in table:
        images = table["images"]
        if (
            images.dims[0] != "presentation"
            or images.ndim != 4
            or images.shape[3] != 3
            or images.dtype != np.uint8
        ):
            raise ValueError(
                f"images are {images.dtype} {dict(images.sizes)}, expected uint8 over presentation, height, width and 3 channels"
            )
        return torch.from_numpy(images.values[first]).permute(0, 3, 1, 2)
    folder = path.with_suffix("")
    files = {file.stem: file for file in folder.iterdir()} if folder.is_dir() else {}
    ids = _stimulus_ids(table)[first]
    missing = [name for name in ids if name not in files]
    if missing:
        raise FileNotFoundError(
            f"{path} has no variable images, and {len(missing)} of {len(ids)} stimuli are not in {folder}, "
            f"such as {missing[0]}; expected image files named by stimulus_id"
        )
    loaded = [np.asarray(open_rgb(str(files[name]))) for name in ids]
    shapes = {pixels.shape for pixels in loaded}
    if len(shapes) > 1:
        raise ValueError(f"images in {folder} of {len(shapes)} sizes, expected one")
    return torch.from_numpy(np.stack(loaded)).permute(0, 3, 1, 2)


@contextmanager
def _names(path: Path) -> Iterator[None]:
    """Errors within say which file they are about."""
    try:
        yield
    except ValueError as problem:
        if str(path) in str(problem):
            raise
        raise ValueError(f"{path}: {problem}") from problem
