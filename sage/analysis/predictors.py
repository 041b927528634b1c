"""Predictors of mature accuracy: what can be known of a network early, as a number, higher for better networks.

A predictor of one's own is a function of `PoolMeasurements`, put into `PREDICTORS` with its family and what it costs.
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
PAPER = ("P", BY_LAYER, "TG", COMBINED)  # the paper's
EMA_DECAY = 0.999  # an epoch


@dataclass(frozen=True, kw_only=True)
class PoolMeasurements:
    """What is known of a pool of networks.

    Args:
        results: see `pool.train_pool`. similarities: by kind, as in `Predictor.needs`, see `guidance.compare`; the kind
            "teacher" is the one that TG is. alpha: weight of TG.
    """

    results: xr.Dataset
    similarities: Mapping[str, xr.DataArray]
    alpha: float

    @property
    def batch_size(self) -> int:
        """Examples of a training step."""
        return json.loads(self.results.attrs["description"])["batch_size"]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A predictor of mature accuracy.

    Args:
        family: one of `FAMILIES`.
        values: [network, epoch], or [network] where training changes nothing; the higher the better. With a further
            dimension `teacher_layer` it stands for as many predictors.
        cost: mean examples of a network that are processed for it, [epoch].
        needs: kind of similarity without which there is no such predictor.
    """

    family: str
    values: Callable[[PoolMeasurements], xr.DataArray]
    cost: Callable[[PoolMeasurements], xr.DataArray]
    needs: str | None = None


FAMILIES = ("accuracy", "training speed", "size", "zero-cost", "guidance", "control", "combination")


def measured(known: PoolMeasurements) -> xr.DataArray:
    """Examples [epoch] that training processed so far, and images shown for the measurement at that epoch."""
    return (known.results.examples + known.results.images_shown).mean("network")


def trained(known: PoolMeasurements) -> xr.DataArray:
    """Examples [epoch] that training processed so far."""
    return known.results.examples.mean("network")


def shown(known: PoolMeasurements) -> xr.DataArray:
    """Images shown for one measurement [epoch], without training."""
    return known.results.images_shown.mean("network")


def one_batch(known: PoolMeasurements) -> xr.DataArray:
    """One batch of examples [epoch], whatever the epoch."""
    return xr.zeros_like(trained(known)) + known.batch_size


def one_image(known: PoolMeasurements) -> xr.DataArray:
    """One example [epoch], whatever the epoch."""
    return xr.zeros_like(trained(known)) + 1


def free(known: PoolMeasurements) -> xr.DataArray:
    """No example [epoch]."""
    return xr.zeros_like(trained(known))


def accuracy(known: PoolMeasurements) -> xr.DataArray:
    """P, accuracy [network, epoch] on the validation images: the paper's section 3.2."""
    return known.results.accuracy


def loss(known: PoolMeasurements) -> xr.DataArray:
    """Minus the mean loss [network, epoch] on the validation images, in nats: as P, but it sees by how much."""
    return -known.results.loss


def training_speed(
    known: PoolMeasurements, *, weight: Callable[[np.ndarray], np.ndarray]
) -> xr.DataArray:
    """Minus the weighted mean [network, epoch] of the losses of all training steps so far, in nats.

    The source sums each epoch's mean loss. All networks of a pool have taken as many steps by an epoch, so that
    mean and sum order and correlate alike. Before the first step it is 0.

    Args:
        weight: of steps, by how many epochs before the last one they were, in [0, epochs).

    Source: Ru et al. 2021, Speedy Performance Estimation for Neural Architecture Search, arXiv:2006.04492: TSE, TSE-E
    with E = 1, TSE-EMA with gamma = 0.999 an epoch. Up to an epoch they are the same, and TSE-EMA differs from TSE in
    hundreds of epochs only.
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


def _all_steps(before: np.ndarray) -> np.ndarray:
    return np.ones(len(before))


def _last_epoch(before: np.ndarray) -> np.ndarray:
    return (before < 1).astype(np.float64)


def _decaying(before: np.ndarray) -> np.ndarray:
    """The source's gamma^(T - t), with epochs counted back from the last step."""
    return EMA_DECAY ** np.floor(before)


def log_parameters(known: PoolMeasurements) -> xr.DataArray:
    """Natural logarithm [network] of the number of trained values: a baseline of Ning et al. 2021, arXiv:2008.03064."""
    return np.log(known.results.parameters)


def log_multiply_adds(known: PoolMeasurements) -> xr.DataArray:
    """Natural logarithm [network] of the multiplications with addition for one image; source as `log_parameters`."""
    return np.log(known.results.multiply_adds)


def depth(known: PoolMeasurements) -> xr.DataArray:
    """Convolutions [network] on the longest path to the classifier, see `spaces.depth`: a baseline of ours."""
    return known.results.depth


def zero_cost(known: PoolMeasurements, *, proxy: str) -> xr.DataArray:
    """Rank [network] of a proxy of `zero_cost.PROXIES` among the pool's, 1 for the worst, ties at their mean rank.

    Ranks, because the proxies are used to order networks, and some span orders of magnitude (that of `jacob_cov` is a
    sum of reciprocals). A NaN, as of a singular kernel whose determinant has the logarithm minus infinity, is worst.

    Source: Abdelfattah et al. 2021, arXiv:2101.08134; `zero_cost` has each proxy's own.
    """
    return proxy_ranks(known.results[proxy], known.results.parameters)


def proxy_ranks(values: xr.DataArray, parameters: xr.DataArray) -> xr.DataArray:
    """Ranks [network] of a proxy's values [network], see `zero_cost`; NaN for networks without parameters on record."""
    evaluated = parameters.notnull().values
    ranks = xr.full_like(values, np.nan)
    ranks[evaluated] = stats.rankdata(values.fillna(-np.inf)[evaluated])
    return ranks


def best_matches(known: PoolMeasurements) -> xr.DataArray:
    """The best match [network, epoch, teacher_layer] of any layer with each of the teacher's: the paper's Figure 2."""
    return guidance.best_match(known.similarities["teacher"])


def teacher_guidance(known: PoolMeasurements, *, kind: str = "teacher") -> xr.DataArray:
    """TG [network, epoch] by one kind of similarity: the paper's section 3.2.

    Source of other measures than the paper's: rank correlation of RDMs, Kriegeskorte et al. 2008,
    doi:10.3389/neuro.06.004.2008; CKA and SVCCA, see `alignment`.
    """
    return guidance.teacher_guidance(known.similarities[kind])


def mean_guidance(known: PoolMeasurements) -> xr.DataArray:
    """TG [network, epoch] with the mean instead of the maximum over the network's layers: a variant of ours."""
    return known.similarities["teacher"].mean("layer").mean("teacher_layer", skipna=False)


def guidance_before_training(known: PoolMeasurements) -> xr.DataArray:
    """TG [network] at initial weights, which tells of architectures only: a control of ours."""
    return teacher_guidance(known).isel(epoch=0, drop=True)


def combined(known: PoolMeasurements) -> xr.DataArray:
    """P + alpha TG [network, epoch]: the paper's section 3.2."""
    return guidance.combined_score(accuracy(known), teacher_guidance(known), known.alpha)


def _guidance(kind: str, family: str = "guidance") -> Predictor:
    return Predictor(
        family=family, values=partial(teacher_guidance, kind=kind), cost=measured, needs=kind
    )


def _speed(weight: Callable[[np.ndarray], np.ndarray]) -> Predictor:
    return Predictor(
        family="training speed", values=partial(training_speed, weight=weight), cost=trained
    )


def _proxy(name: str) -> Predictor:
    return Predictor(family="zero-cost", values=partial(zero_cost, proxy=name), cost=one_batch)


PREDICTORS: dict[str, Predictor] = {
    "P": Predictor(family="accuracy", values=accuracy, cost=measured),
    "loss": Predictor(family="accuracy", values=loss, cost=measured),
    "TSE": _speed(_all_steps),
    "TSE-E": _speed(_last_epoch),
    "TSE-EMA": _speed(_decaying),
    "log parameters": Predictor(family="size", values=log_parameters, cost=free),
    "log multiply-adds": Predictor(family="size", values=log_multiply_adds, cost=free),
    "depth": Predictor(family="size", values=depth, cost=free),
    "synflow": Predictor(
        family="zero-cost", values=partial(zero_cost, proxy="synflow"), cost=one_image
    ),
    "naswot": _proxy("naswot"),
    "jacob_cov": _proxy("jacob_cov"),
    "grad_norm": _proxy("grad_norm"),
    "snip": _proxy("snip"),
    BY_LAYER: Predictor(family="guidance", values=best_matches, cost=measured),
    "TG": Predictor(family="guidance", values=teacher_guidance, cost=measured),
    "TG mean": Predictor(family="guidance", values=mean_guidance, cost=measured),
    "TG of class means": _guidance("class"),
    "TG of single images": _guidance("image"),
    "TG by Spearman": _guidance("spearman"),
    "TG by CKA": _guidance("CKA"),
    "TG by SVCCA": _guidance("SVCCA"),
    "TG before training": Predictor(family="control", values=guidance_before_training, cost=shown),
    "TG shuffled": _guidance("shuffled", "control"),
    "TG labels": _guidance("labels", "control"),
    "TG pixels": _guidance("pixels", "control"),
    "TG untrained": _guidance("untrained", "control"),
    COMBINED: Predictor(family="combination", values=combined, cost=measured),
}


def available(known: PoolMeasurements) -> list[str]:
    """Names of `PREDICTORS` for which all is known."""
    return [
        name
        for name, one in PREDICTORS.items()
        if one.needs is None or one.needs in known.similarities
    ]


def score_table(known: PoolMeasurements, names: Iterable[str] | None = None) -> xr.DataArray:
    """Predictors' values for every network and epoch.

    Args:
        names: of `PREDICTORS`; None means those `available`.

    Returns:
        [predictor, network, epoch] with coordinates family, and cost [predictor, epoch] in examples; a predictor for
        each teacher layer is named after it. Where one of them is not defined all are NaN, so that they are compared
        on the same networks; but not where it is defined for no network at all.
    """
    found, families, costs = {}, [], []
    for name in available(known) if names is None else names:
        predictor = PREDICTORS[name]
        values = predictor.values(known).transpose("network", ...)
        layers = values.teacher_layer.values if "teacher_layer" in values.dims else []
        names = [
            f"TG layer {layer}" if f"TG {layer}" in PREDICTORS else f"TG {layer}"
            for layer in layers
        ]
        found |= {
            own: values.sel(teacher_layer=layer, drop=True) for own, layer in zip(names, layers)
        } or {name: values}
        families += [predictor.family] * (len(layers) or 1)
        costs += [predictor.cost(known)] * (len(layers) or 1)
    columns = [one.broadcast_like(known.results.accuracy) for one in found.values()]
    table = xr.concat(columns, dim="predictor", join="exact", coords="minimal", compat="override")
    defined = table.notnull()
    table = table.where((defined | ~defined.any("network")).all("predictor"))
    return (
        table.assign_coords(
            predictor=list(found),
            family=("predictor", families),
            cost=(("predictor", "epoch"), np.stack(costs)),
        )
        .rename("score")
        .assign_attrs(alpha=known.alpha)
    )
