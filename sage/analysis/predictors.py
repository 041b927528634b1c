"""Predictors of mature accuracy: what can be known of a network early, as a number.

A predictor of one's own is a function of `PoolMeasurements`, put into `PREDICTORS` with its family
and what it costs. Higher values are for better networks.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from scipy import stats

from sage.rsa import guidance

COMBINED, BY_LAYER = "P + alpha TG", "TG by layer"
FAMILIES = ("accuracy", "training speed", "size", "zero-cost", "guidance", "control", "combination")
EMA_DECAY = 0.999  # an epoch


@dataclass(frozen=True, kw_only=True)
class PoolMeasurements:
    """All that is known of a pool of networks.

    Args:
        results: see `pool.train_pool`.
        similarities: by kind, as in `Predictor.needs`, see `guidance.compare`; "teacher" gives TG.
        alpha: weight of TG.
    """

    results: xr.Dataset
    similarities: Mapping[str, xr.DataArray]
    alpha: float

    @property
    def batch_size(self) -> int:
        """Examples of a training step."""
        return json.loads(self.results.attrs["description"])["batch_size"]


@dataclass(frozen=True)
class Predictor:
    """A predictor of mature accuracy.

    Args:
        family: one of `FAMILIES`.
        values: [network, epoch], or [network] where training changes nothing; higher is better.
            With a further dimension `teacher_layer` it stands for as many predictors.
        cost: mean examples of a network that are processed for it, [epoch].
        needs: kind of similarity without which there is no such predictor.
        ranked: take ranks among the pool's networks instead of values. These stand in the pool's
            results under the predictor's name, so that pools that are joined are ranked anew.
    """

    family: str
    values: Callable[[PoolMeasurements], xr.DataArray]
    cost: Callable[[PoolMeasurements], xr.DataArray]
    needs: str | None = None
    ranked: bool = False


def measured(known: PoolMeasurements) -> xr.DataArray:
    """Return examples [epoch] trained on so far, and images shown to measure at that epoch."""
    return (known.results.examples + known.results.images_shown).mean("network")


def trained(known: PoolMeasurements) -> xr.DataArray:
    """Return examples [epoch] that training processed so far."""
    return known.results.examples.mean("network")


def shown(known: PoolMeasurements) -> xr.DataArray:
    """Return images shown for one measurement [epoch], without training."""
    return known.results.images_shown.mean("network")


def fixed_cost(known: PoolMeasurements, *, examples: int | None = None) -> xr.DataArray:
    """Return examples [epoch], as many at every epoch; those of a batch if None."""
    return xr.zeros_like(trained(known)) + (known.batch_size if examples is None else examples)


def training_speed(
    known: PoolMeasurements, *, weight: Callable[[np.ndarray], np.ndarray]
) -> xr.DataArray:
    """Return minus the weighted mean [network, epoch] of the losses of all training steps so far.

    In nats; 0 before the first step. The source sums each epoch's mean loss. All networks of a pool
    have taken as many steps by an epoch, so that mean and sum order and correlate alike.

    Args:
        weight: of steps, by how many epochs before the last one they were, in [0, epochs).

    Source: Ru et al. 2021, Speedy Performance Estimation for Neural Architecture Search,
        arXiv:2006.04492: TSE, TSE-E with E = 1, TSE-EMA with gamma = 0.999 an epoch. Up to an epoch
        they are the same, and TSE-EMA differs from TSE in hundreds of epochs only.
    """
    results = known.results
    steps = (results.examples.max("network") / known.batch_size).round().astype(int).values
    epoch_steps = steps[-1] / results.epoch.values[-1]
    found = np.zeros(results.accuracy.shape)
    for column, count in enumerate(steps):
        if count:
            weights = weight(np.arange(count)[::-1] / epoch_steps)
            found[:, column] = -(results.losses.values[:, :count] @ weights) / weights.sum()
    return results.accuracy.copy(data=found).where(results.accuracy.notnull())


def teacher_guidance(known: PoolMeasurements, *, kind: str = "teacher") -> xr.DataArray:
    """Return TG [network, epoch] by one kind of similarity: the paper's section 3.2.

    Source of other measures than the paper's: rank correlation of RDMs, Kriegeskorte et al. 2008,
        doi:10.3389/neuro.06.004.2008; CKA and SVCCA, see `alignment`.
    """
    return guidance.teacher_guidance(known.similarities[kind])


def mean_guidance(known: PoolMeasurements) -> xr.DataArray:
    """Return TG [network, epoch] with the mean over the network's layers: a variant of ours."""
    return known.similarities["teacher"].mean("layer").mean("teacher_layer", skipna=False)


def combined(known: PoolMeasurements) -> xr.DataArray:
    """Return P + alpha TG [network, epoch]: the paper's section 3.2."""
    return guidance.combined_score(known.results.accuracy, teacher_guidance(known), known.alpha)


def _guidance(kind: str, family: str = "guidance") -> Predictor:
    return Predictor(family, partial(teacher_guidance, kind=kind), measured, needs=kind)


def _speed(weight: Callable[[np.ndarray], np.ndarray]) -> Predictor:
    return Predictor("training speed", partial(training_speed, weight=weight), trained)


def _proxy(name: str, examples: int | None = None) -> Predictor:
    """Return a proxy of `zero_cost.PROXIES`, for which a batch of so many examples is processed.

    Ranks, because the proxies are used to order networks, and some span orders of magnitude (that
    of `jacob_cov` is a sum of reciprocals).

    Source: Abdelfattah et al. 2021, arXiv:2101.08134; `zero_cost` has each proxy's own.
    """
    cost = partial(fixed_cost, examples=examples)
    return Predictor("zero-cost", lambda known: known.results[name], cost, ranked=True)


FREE = partial(fixed_cost, examples=0)

PREDICTORS: dict[str, Predictor] = {
    # On the validation images; the loss sees by how much.
    "P": Predictor("accuracy", lambda known: known.results.accuracy, measured),
    "loss": Predictor("accuracy", lambda known: -known.results.loss, measured),
    "TSE": _speed(np.ones_like),
    "TSE-E": _speed(lambda before: (before < 1).astype(np.float64)),
    # The source's gamma^(T - t), with epochs counted back from the last step.
    "TSE-EMA": _speed(lambda before: EMA_DECAY ** np.floor(before)),
    # Baselines of Ning et al. 2021, arXiv:2008.03064, and one of ours, see `spaces.depth`.
    "log parameters": Predictor("size", lambda known: np.log(known.results.parameters), FREE),
    "log multiply-adds": Predictor("size", lambda known: np.log(known.results.multiply_adds), FREE),
    "depth": Predictor("size", lambda known: known.results.depth, FREE),
    "synflow": _proxy("synflow", examples=1),
    "naswot": _proxy("naswot"),
    "jacob_cov": _proxy("jacob_cov"),
    "grad_norm": _proxy("grad_norm"),
    "snip": _proxy("snip"),
    # The best match with each of the teacher's layers: the paper's Figure 2.
    BY_LAYER: Predictor(
        "guidance", lambda known: guidance.best_match(known.similarities["teacher"]), measured
    ),
    "TG": Predictor("guidance", teacher_guidance, measured),
    "TG mean": Predictor("guidance", mean_guidance, measured),
    "TG of class means": _guidance("class"),
    "TG of single images": _guidance("image"),
    "TG by Spearman": _guidance("spearman"),
    "TG by CKA": _guidance("CKA"),
    "TG by SVCCA": _guidance("SVCCA"),
    # A control of ours: TG at initial weights tells of architectures only.
    "TG before training": Predictor(
        "control", lambda known: teacher_guidance(known).isel(epoch=0, drop=True), shown
    ),
    "TG shuffled": _guidance("shuffled", "control"),
    "TG labels": _guidance("labels", "control"),
    "TG pixels": _guidance("pixels", "control"),
    "TG untrained": _guidance("untrained", "control"),
    COMBINED: Predictor("combination", combined, measured),
}


def available(known: PoolMeasurements) -> list[str]:
    """Return names of `PREDICTORS` for which all is known."""
    kinds = {None, *known.similarities}
    return [name for name, one in PREDICTORS.items() if one.needs in kinds]


def rank_networks(values: xr.DataArray, parameters: xr.DataArray) -> xr.DataArray:
    """Return ranks [network] of values [network], 1 for the worst, ties at their mean rank.

    A NaN, as the logarithm of a singular kernel's determinant, is worst. Networks that were never
    evaluated, which have no number of parameters, have no rank.
    """
    evaluated = parameters.notnull().values
    ranks = xr.full_like(values, np.nan)
    ranks[evaluated] = stats.rankdata(values.fillna(-np.inf)[evaluated])
    return ranks


def score_table(known: PoolMeasurements, names: Iterable[str] | None = None) -> xr.DataArray:
    """Return predictors' values for every network and epoch.

    Args:
        names: of `PREDICTORS`; None means those `available`.

    Returns:
        [predictor, network, epoch] with coordinates family, and cost [predictor, epoch] in
        examples; a predictor for each teacher layer is named after it. Where one of them is not
        defined all are NaN, so that they are compared on the same networks; but not where it is
        defined for none.
    """
    columns: dict[str, xr.DataArray] = {}
    families, costs = [], []
    for name in available(known) if names is None else names:
        predictor = PREDICTORS[name]
        values = predictor.values(known).transpose("network", ...)
        if predictor.ranked:
            values = rank_networks(values, known.results.parameters)
        added = {name: values}
        if "teacher_layer" in values.dims:
            layers = values.teacher_layer.values
            added = {_layer_name(one): values.sel(teacher_layer=one, drop=True) for one in layers}
        columns |= added
        families += [predictor.family] * len(added)
        costs += [predictor.cost(known)] * len(added)
    parts = [one.broadcast_like(known.results.accuracy) for one in columns.values()]
    table = xr.concat(parts, dim="predictor", join="exact", coords="minimal", compat="override")
    defined = table.notnull()
    table = table.where((defined | ~defined.any("network")).all("predictor"))
    table = table.assign_coords(
        predictor=list(columns),
        family=("predictor", families),
        cost=(("predictor", "epoch"), np.stack(costs)),
    )
    return table.rename("score").assign_attrs(alpha=known.alpha)


def _layer_name(layer: str) -> str:
    return f"TG layer {layer}" if f"TG {layer}" in PREDICTORS else f"TG {layer}"
