"""A made-up table of what searches found."""

import numpy as np
import xarray as xr


def make_table(gain: float = 0.1, *, runs: int = 3) -> xr.Dataset:
    """Two searchers, few and many epochs, some runs: P+TG is better than P by about `gain` at few
    epochs.
    """
    rng = np.random.default_rng(0)
    searchers, scores, epochs, samples = (
        ["random", "tpe"],
        ["P", "P+TG"],
        [1.0, 4.0],
        [5, 10],
    )
    coordinates = {
        "searcher": searchers,
        "score": scores,
        "epochs": epochs,
        "run": range(runs),
        "samples": samples,
    }
    shape = tuple(map(len, coordinates.values()))
    accuracy = xr.DataArray(0.4 + 0.01 * rng.random(shape), coordinates)
    accuracy = accuracy + xr.where((accuracy.score == "P+TG") & (accuracy.epochs == 1), gain, 0)
    examples = (accuracy.samples * accuracy.epochs * 100.0).broadcast_like(accuracy)
    last = accuracy.isel(samples=-1, drop=True)
    table = xr.Dataset(
        {
            "mature_accuracy": accuracy,
            "examples": examples,
            "images_shown": examples / 2,
            "mature_examples": xr.full_like(accuracy, 3000.0),
            "test_accuracy": last - 0.1,
            "top_accuracy": xr.concat([last, last - 0.02], "place"),
            "random_accuracy": (("run", "candidate"), np.full((runs, 2), 0.3)),
        }
    )
    return table.assign_attrs(alpha=2.0, top=2, classes=10, validation_images=5000)


def make_benchmark() -> xr.Dataset:
    """Evolution is better than random search by a point, and an errorless score by two."""
    rng, runs = np.random.default_rng(0), 12
    base = 70 + rng.normal(size=runs)
    found = np.full((2, 2, runs, 2), np.nan)
    for row, column in np.ndindex(2, 2):
        found[row, column] = (base + row + 2 * column + rng.normal(0, 0.1, runs))[:, None]
    found[1, :, 8:] = np.nan  # it has fewer runs
    axes = {"searcher": ["random", "evolution"], "score": ["12 epochs", "200 epochs"]}
    axes |= {"run": range(runs), "candidates": [20, 100]}
    return xr.Dataset({"found": (tuple(axes), found)}, axes, {"best": 75.0})
