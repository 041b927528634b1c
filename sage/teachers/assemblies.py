"""Files of recordings and their stimuli, in the layouts that data/README.md describes."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from PIL import Image
from torch import Tensor

from sage.config import paths, provenance
from sage.config.run import words
from sage.images.datasets import averaged_down
from sage.images.image_files import open_rgb
from sage.images.stimuli import FEWEST_STIMULI, StimulusSet
from sage.teachers.recordings import PublishedRdm, Recording, Region

LABELS = ("category_name", "category", "object_name")  # what an image shows, coarsest first
IDS, PLACES = ("stimulus_id", "image_id"), ("region", "subregion")  # the first that is there counts
ALONG = {"presentation": (*IDS, *LABELS), "neuroid": PLACES}  # dimensions and their coordinates

# Names of the regions taken by default, of all regions, and what gives a region's values by name.
Regions = tuple[list[str], list[str], Callable[[str], np.ndarray]]


def read(
    files: Iterable[Path | str],
    *,
    size: int,
    images: int | None = None,
    regions: Iterable[str] = (),
    window: tuple[float, float] | None = None,
) -> list[Region]:
    """Return the regions in files; one that several files have gets the file's name behind its own.

    Args:
        size: pixels a side of the stimuli, as in `read_stimuli`.
        images: likewise.
        regions: names in the coordinates region or subregion; none takes all of region.
        window: start and end in ms of the time bins that are averaged; None means all.

    Raises:
        FileNotFoundError: no such file, or no stimuli.
        ValueError: another layout, too few stimuli, a region unknown, or as a region's `check`.
    """
    wanted, known = list(dict.fromkeys(regions)), []
    found: list[Region] = []
    for path in map(Path, files):
        stimuli = read_stimuli(path, size, images)
        with _naming(path):
            table = _spread(_open(path))
            published = "pair" in table.dims
            usual, names, values = _published(table) if published else _recorded(table, window)
            known += names
            for name in (name for name in wanted or usual if name in names):
                kind = PublishedRdm if published else Recording
                found.append(kind(name, path, stimuli, values(name)))
                found[-1].check()
    unknown = ", ".join(name for name in wanted if name not in known)
    if unknown or not found:
        raise ValueError(f"regions {unknown}: nobody recorded there; recorded: {', '.join(known)}")
    short = [one.region for one in found]
    for place, one in enumerate(found):
        if short.count(one.region) > 1:
            found[place] = replace(one, region=f"{one.region} {one.path.stem}")
    names = [one.region for one in found]
    if len(set(names)) < len(names):
        raise ValueError(f"regions {', '.join(names)}, expected different names of files")
    return found


def names_recordings(text: str) -> bool:
    """Return True if the first file of `words` is one for `read`, not a teacher's bank."""
    try:
        path = next(iter(words(text)), "")
        # Other HDF5 files have dimensions without names, of which xarray would warn.
        with xr.open_dataset(path, engine="h5netcdf", phony_dims="access") as table:
            return "presentation" in table.dims
    except paths.UNREADABLE:
        return False


def check_files(text: str) -> None:
    """Raise an error as `read` does if `words` are no files, or not NetCDF."""
    for path in map(Path, words(text)):
        with _naming(path):
            _open(path, xr.open_dataset).close()


def read_stimuli(path: Path | str, size: int, images: int | None) -> StimulusSet:
    """Return a file's stimuli, kept until it changes, or a folder of images beside it.

    Levels are "image", and "class" where there is a coordinate object_name.

    Args:
        size: pixels a side, to which the stimuli are averaged down.
        images: how many at most have rows in image-level RDMs, evenly chosen; None means all.

    Raises: as `read`.
    """
    path = Path(path)
    return _kept_stimuli(provenance.fingerprint(path, path.with_suffix("")), path, size, images)


@lru_cache(maxsize=8)
def _kept_stimuli(files: str, path: Path, size: int, images: int | None) -> StimulusSet:
    with _naming(path):
        table = _spread(_open(path))
        if "presentation" not in table.dims:
            told = "no dimension presentation of responses, or of images beside RDMs"
            raise ValueError(f"{told}, only: {_listed(table.dims)}")
        ids = _stimulus_ids(table)
        _, first, numbers = np.unique(ids, return_index=True, return_inverse=True)
        shown = first[numbers]  # the first presentation of each one's stimulus
        first = np.sort(first)
        pixels = _stored(table.images, first) if "images" in table else _in_files(path, ids[first])
        labels = {name: table[name].values.astype(str) for name in LABELS if name in table}
        stored = {"images": table.images.values} if "images" in table else {}
        for name, values in (labels | stored).items():
            _check_repeated(name, values, ids, shown)
        if (count := len(pixels)) < FEWEST_STIMULI:
            raise ValueError(f"{count} stimuli, expected {FEWEST_STIMULI} or more")
        labels = {name: values[first] for name, values in labels.items()}
        return StimulusSet(path.stem, averaged_down(pixels, size), *_levels(labels, count, images))


def _levels(labels: dict[str, np.ndarray], count: int, images: int | None) -> tuple[dict, dict]:
    """Return a stimulus set's conditions and categories."""
    chosen = np.linspace(0, count - 1, min(count, images or count)).round().astype(int)
    single = torch.full((count,), -1)
    single[chosen] = torch.arange(len(chosen))
    group = next(iter(labels.values()), np.full(count, ""))
    conditions, categories = {"image": single}, {"image": tuple(group[chosen].tolist())}
    if "object_name" in labels:
        _, first, numbers = np.unique(labels["object_name"], return_index=True, return_inverse=True)
        conditions["class"] = torch.from_numpy(numbers)
        categories["class"] = tuple(group[first].tolist())
    return conditions, categories


def _published(table: xr.Dataset) -> Regions:
    """Return RDMs [K, P]."""
    names = [str(name) for name, one in table.data_vars.items() if "pair" in one.dims]
    pairs = table.sizes["pair"]

    def values(name: str) -> np.ndarray:
        rdms = table[name].transpose(..., "pair").values
        return rdms.astype(np.float64).reshape(-1, pairs)

    return names, names, values


def _recorded(table: xr.Dataset, window: tuple[float, float] | None) -> Regions:
    """Return trials [N, U, R]."""
    responses = _responses(table, window)
    places = [name for name in PLACES if name in responses.coords]
    if not places:
        raise ValueError(f"no coordinate region of sites, only: {_sizes(responses.coords)}")
    named = [responses[name].values.astype(str) for name in places]
    usual, names = (list(dict.fromkeys(one.tolist())) for one in (named[0], np.concatenate(named)))
    every = _trials(responses)
    return usual, names, lambda name: every[:, np.any([sites == name for sites in named], axis=0)]


def _open(path: Path, read: Callable = xr.load_dataset) -> xr.Dataset:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file of recordings {path}")
    return paths.read_table(path, read)


def _spread(table: xr.Dataset) -> xr.Dataset:
    """Return a file's table; a coordinate of one value, as `sel` leaves it, holds for all places.

    Raises:
        ValueError: a coordinate over another dimension than its own.
    """
    for dimension, names in ALONG.items():
        for name in filter(table.__contains__, names):
            one = table[name]
            if one.ndim and one.dims != (dimension,):
                told = f"{name} is over {_listed(one.dims)}"
                raise ValueError(f"{told}, expected one value for each {dimension}")
            if not one.ndim and dimension in table.dims:
                values = np.repeat(one.values, table.sizes[dimension])
                table = table.assign_coords({name: (dimension, values)})
    return table


def _listed(names: Iterable) -> str:
    return ", ".join(map(str, names)) or "none"


def _sizes(variables: Mapping) -> str:
    """Return names and dimensions of variables, for people."""
    return _listed(f"{name} ({_listed(one.dims)})" for name, one in variables.items())


def _responses(table: xr.Dataset, window: tuple[float, float] | None) -> xr.DataArray:
    """Return the responses, those of single trials if there are two, averaged over time bins."""
    wanted = {"presentation", "neuroid"}
    found = {str(name): one for name, one in table.data_vars.items() if wanted <= set(one.dims)}
    if len(found) != 1 and "trials" not in found:
        told = f"variables {_sizes(table.data_vars)}; {len(found)} of them over presentation and"
        raise ValueError(f"{told} neuroid and none over pair, expected one, or one named trials")
    responses = found.get("trials", next(iter(found.values())))
    if window is None:
        return responses.mean("time_bin") if "time_bin" in responses.dims else responses
    if missing := {"time_bin_start", "time_bin_end"} - set(responses.coords):
        raise ValueError(f"window is {window}, but there are no coordinates {sorted(missing)}")
    if "time_bin" not in responses.dims:
        responses = responses.expand_dims("time_bin", -1)
    start, end = map(
        np.atleast_1d, (responses.time_bin_start.values, responses.time_bin_end.values)
    )
    within = np.flatnonzero((start >= window[0]) & (end <= window[1]))
    if not len(within):
        bins = f"some of the time bins from {start.min()} to {end.max()} ms"
        raise ValueError(f"window is {window}, expected one with {bins}")
    return responses.isel(time_bin=within).mean("time_bin")


def _trials(responses: xr.DataArray) -> np.ndarray:
    """Return [N, U, R] float32, NaN where a stimulus was presented less often than another."""
    values = responses.transpose("presentation", "neuroid", ...).values.astype(np.float32)
    values = values.reshape(*values.shape[:2], -1)  # [presentations, U, repetitions]
    ids = pd.Series(_stimulus_ids(responses))
    stimulus, repeat = pd.factorize(ids)[0], ids.groupby(ids).cumcount().to_numpy()
    shape = (stimulus.max() + 1, values.shape[1], repeat.max() + 1, values.shape[2])
    trials = np.full(shape, np.nan, np.float32)
    trials[stimulus, :, repeat] = values
    return trials.reshape(*shape[:2], -1)


def _stimulus_ids(table: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Return each presentation's stimulus_id; images beside RDMs need none."""
    for name in IDS:
        if name in table.coords:
            return table[name].values.astype(str)
    if "neuroid" in table.dims:
        raise ValueError(
            f"no coordinate stimulus_id of presentations, only: {_sizes(table.coords)}"
        )
    return np.arange(table.sizes["presentation"]).astype(str)


def _check_repeated(what: str, values: np.ndarray, ids: np.ndarray, shown: np.ndarray) -> None:
    """Raise ValueError for presentations of one stimulus_id that differ: they are no repetitions.

    Args:
        values: [N, ...] of each presentation.
        shown: [N] place of the first presentation with the same id.
    """
    for place in np.flatnonzero(shown != np.arange(len(ids))):
        if not np.array_equal(values[place], values[shown[place]]):
            told = f"presentations {shown[place]} and {place} have stimulus_id {str(ids[place])!r}"
            expected = "expected an id for each stimulus, of all sessions together"
            raise ValueError(f"{told}, but {what} that differ; {expected}")


def _stored(images: xr.DataArray, chosen: np.ndarray) -> Tensor:
    """Return some of the images in a file, [N, 3, H, W] uint8."""
    layout = (images.dims[0], images.ndim, images.shape[3:], images.dtype)
    if layout != ("presentation", 4, (3,), np.uint8):
        wanted = "uint8 over presentation, height, width and 3 channels"
        raise ValueError(f"images are {images.dtype} {dict(images.sizes)}, expected {wanted}")
    return torch.from_numpy(images.values[chosen]).permute(0, 3, 1, 2)


def _in_files(path: Path, ids: np.ndarray) -> Tensor:
    """Return the images in the folder beside a file of recordings, [N, 3, H, W] uint8."""
    folder, named = path.with_suffix(""), defaultdict(list)
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix.lower() in Image.registered_extensions():
            named[paths.as_text(file.stem)].append(file)  # as in the file, whatever the locale
    # A file of just this name comes first: "a" and "a.png" may both be stimuli.
    exact = ((name, folder / name) for name in ids)
    files = named | {name: [file] for name, file in exact if os.path.isfile(file)}
    if missing := [name for name in ids if name not in files]:
        told = f"{path} has no variable images, and {len(missing)} of {len(ids)} stimuli are not in"
        expected = "expected image files named by stimulus_id"
        raise FileNotFoundError(f"{told} {folder}, such as {missing[0]}; {expected}")
    if several := [name for name in ids if len(files[name]) > 1]:
        both = " and ".join(file.name for file in files[several[0]])
        raise ValueError(
            f"{folder} has {both} for stimulus {str(several[0])!r}, expected one image"
        )
    loaded = [np.asarray(open_rgb(str(files[name][0]))) for name in ids]
    shapes = {pixels.shape for pixels in loaded}
    if len(shapes) > 1:
        raise ValueError(f"images in {folder} of {len(shapes)} sizes, expected one")
    return torch.from_numpy(np.stack(loaded)).permute(0, 3, 1, 2)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors within say which file they are about."""
    try:
        yield
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from problem
