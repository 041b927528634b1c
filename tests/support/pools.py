"""A made-up pool whose predictors tell mature accuracy more or less."""

import json
from functools import cache

import numpy as np
import xarray as xr

from sage.analysis import predictivity, predictors
from sage.analysis.predictors import PoolMeasurements
from tests.support.one_by_one import BOOTSTRAP

NAMES = (
    "P",
    "TSE",
    "log parameters",
    "depth",
    predictors.BY_LAYER,
    "TG",
    "TG shuffled",
    predictors.COMBINED,
)


def make_known(
    networks: int = 30, *, guided: bool = True, alpha: float = 1.0
) -> tuple[PoolMeasurements, xr.DataArray]:
    """P tells mature accuracy with noise that shrinks over epochs, guidance without or not at all,
    the rest nothing.
    """
    rng = np.random.default_rng(0)
    mature = rng.random(networks)
    accuracy = np.stack([mature + scale * rng.normal(size=networks) for scale in (1, 0.3, 0)], 1)
    told = mature if guided else rng.random(networks)
    similarity = np.repeat(told[:, None, None, None], 3, 1) * np.ones((1, 1, 2, 4))
    similarity[:, :, 1] *= 0.5
    similarity[:, :, :, 3] = np.nan
    coordinates = {"network": np.arange(networks), "epoch": [0.5, 2.0, 20.0]}
    layers = {"teacher_layer": ["L1", "L2"], "layer": [1, 2, 3, 4]}
    pool = xr.Dataset(
        {
            "accuracy": (("network", "epoch"), accuracy),
            "examples": (("network", "epoch"), np.tile([5.0, 20, 200], (networks, 1))),
            "images_shown": (("network", "epoch"), np.full((networks, 3), 7.0)),
            "losses": (("network", "step"), rng.random((networks, 40), dtype=np.float32)),
            "parameters": ("network", rng.uniform(1e3, 1e5, networks)),
            "multiply_adds": ("network", np.full(networks, 1e6)),
            "depth": ("network", rng.integers(1, 9, networks).astype(float)),
            "architecture": (
                "network",
                [json.dumps([0, number % 3, *5 * [0]]) for number in range(networks)],
            ),
        },
        coordinates,
        {"description": json.dumps({"batch_size": 5})},
    )
    teacher = xr.DataArray(
        similarity, coordinates | layers, ("network", "epoch", "teacher_layer", "layer")
    )
    shuffled = teacher.copy(data=rng.random(teacher.shape))
    known = PoolMeasurements(
        results=pool, similarities={"teacher": teacher, "shuffled": shuffled}, alpha=alpha
    )
    return known, predictivity.mature_accuracy(pool, 20)


@cache  # several tests look at the same; none changes what it is given
def make_analysis(**options) -> predictivity.Analysis:
    known, mature = make_known(**options)
    return predictivity.analyse(make_table(known), mature, BOOTSTRAP)


def make_table(known: PoolMeasurements) -> xr.DataArray:
    """Scores with the coordinates that joined pools have."""
    table, results = predictors.score_table(known, NAMES), known.results
    sizes = {name: results[name] for name in ("depth", "multiply_adds", "architecture")}
    return table.assign_coords(pool=("network", ["mine"] * len(results.network)), **sizes)


def make_assessed(**options) -> tuple[xr.DataArray, xr.DataArray, xr.Dataset]:
    """All scores, the mature accuracy and what is made of them."""
    found = make_analysis(**options)
    return found.scores.copy(), found.mature, found.assessed
