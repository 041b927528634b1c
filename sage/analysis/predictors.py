"""Predictors of mature accuracy: what can be known of a network early, as a number.

A `Predictor` of one's own is put into `PREDICTORS`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from sage.rsa import guidance
from sage.search.scores import GUIDED, SCORES

COMBINED = "P + alpha TG"  # the run's alpha; `display_name` says P + TG where that is 1
BY_LAYER = "TG by layer"
CHOSEN = "P + a TG"  # its weight was chosen on other networks; `display_name` says "P + alpha TG"
TAUGHT = ("guidance", "combination")  # families of predictors that change with the teacher
FAMILIES = (
    *("accuracy", "training speed", "size", "zero-cost", "guidance", "recording", "control"),
    "combination",
)


@dataclass(frozen=True, kw_only=True)
class PoolMeasurements:
    """All that is known of a pool of networks."""

    results: xr.Dataset  # see `pool.train_pool`
    # By kind, as in `Predictor.needs`, see `guidance.compare`; "teacher" gives TG.
    similarities: Mapping[str, xr.DataArray]
    alpha: float  # weight of TG

    @property
    def batch_size(self) -> int:
        return json.loads(self.results.attrs["description"])["batch_size"]


@dataclass(frozen=True)
class Predictor:
    """A predictor of mature accuracy.

    Args:
        family: one of `FAMILIES`.
        values: [network, epoch], or [network] where training changes nothing; higher is better.
            With a further dimension `teacher_layer` it stands for as many predictors.
        cost: mean examples of a network that are processed for it, [epoch] or the same for all.
        needs: kind of similarity without which there is no such predictor.
        ranked: take ranks among the pool's networks instead of values. These stand in the pool's
            results under the predictor's name, so that pools that are joined are ranked anew.
    """

    family: str
    values: Callable[[PoolMeasurements], xr.DataArray]
    cost: Callable[[PoolMeasurements], xr.DataArray | int]
    needs: str | None = None
    ranked: bool = False

    def __post_init__(self):
        if self.family not in FAMILIES:
            expected = f"expected one of {', '.join(FAMILIES)}"
            raise ValueError(f"predictor of family {self.family!r}, {expected}")


def measured(known: PoolMeasurements) -> xr.DataArray:
    """Return examples [epoch] trained on so far, and images shown to measure at that epoch."""
    return (known.results.examples + known.results.images_shown).mean("network")


def training_speed(weight: Callable[[np.ndarray], np.ndarray]) -> Predictor:
    """Return the predictor minus the weighted mean of the losses of all training steps so far.

    In nats; 0 before the first step. The source sums each epoch's mean loss. All networks of a pool
    have taken as many steps by an epoch, so that mean and sum order and correlate alike.

    Args:
        weight: of steps, by how many epochs before the last one they were, in [0, epochs).

    Source: Ru et al. 2021, Speedy Performance Estimation for Neural Architecture Search,
        arXiv:2006.04492: TSE, TSE-E with E = 1, TSE-EMA with gamma = 0.999 an epoch. Up to an epoch
        they are the same, and TSE-EMA differs from TSE in hundreds of epochs only.
    """

    def values(known: PoolMeasurements) -> xr.DataArray:
        results = known.results
        steps = (results.examples.max("network") / known.batch_size).round().astype(int).values
        epoch_steps = steps[-1] / results.epoch.values[-1]
        found = np.zeros(results.accuracy.shape)
        for column, count in enumerate(steps):
            if count:
                weights = weight(np.arange(count)[::-1] / epoch_steps)
                found[:, column] = -(results.losses.values[:, :count] @ weights) / weights.sum()
        return results.accuracy.copy(data=found).where(results.accuracy.notnull())

    return Predictor("training speed", values, lambda known: known.results.examples.mean("network"))


def _size(values: Callable[[PoolMeasurements], xr.DataArray]) -> Predictor:
    return Predictor("size", values, lambda known: 0)


def _proxy(name: str, cost: Callable = lambda known: known.batch_size) -> Predictor:
    """Return a proxy of `zero_cost.PROXIES`, computed on one batch.

    Ranks, because the proxies are used to order networks, and some span orders of magnitude (that
    of `jacob_cov` is a sum of reciprocals). Source: Abdelfattah et al. 2021, arXiv:2101.08134.
    """
    return Predictor("zero-cost", lambda known: known.results[name], cost, ranked=True)


def _guidance(kind: str, family: str = "guidance") -> Predictor:
    return Predictor(family, lambda known: _tg(known, kind), measured, needs=kind)


def _tg(known: PoolMeasurements, kind: str = "teacher") -> xr.DataArray:
    return guidance.teacher_guidance(known.similarities[kind])


def _mean_guidance(known: PoolMeasurements) -> xr.DataArray:
    return known.similarities["teacher"].mean("layer").mean("teacher_layer", skipna=False)


def _guidance_in_order(known: PoolMeasurements) -> xr.DataArray:
    """Return TG of layers in order: the t-th of T teacher layers with layer t/T of the network.

    Taking the best of all layers favours deep networks, which have more to choose from.
    """
    similarity = known.similarities["teacher"]
    defined = similarity.notnull().any(["epoch", "teacher_layer"])
    layers = (defined * similarity.layer).max("layer")  # the last one that there is
    count = similarity.sizes["teacher_layer"]
    parts = []
    for number in range(1, count + 1):
        place = np.ceil(number * layers / count).clip(min=1).astype(int)  # from 1, as layers
        own = similarity.isel(teacher_layer=number - 1, drop=True)
        parts.append(own.sel(layer=place).drop_vars("layer"))
    return xr.concat(parts, "teacher_layer", join="exact").mean("teacher_layer", skipna=False)


def _last(similarity: xr.DataArray) -> xr.DataArray:
    """Return the similarity [...] of a network's last layer with the teacher's."""
    own = similarity.isel(teacher_layer=-1, drop=True)
    last = (own.notnull() * own.layer).max("layer").clip(min=1)
    return own.sel(layer=last).drop_vars("layer")


def _combined(known: PoolMeasurements) -> xr.DataArray:
    return guidance.combined_score(known.results.accuracy, _tg(known), known.alpha)


PREDICTORS: dict[str, Predictor] = {
    # On the validation images; the loss sees by how much.
    "P": Predictor("accuracy", lambda known: known.results.accuracy, measured),
    "loss": Predictor("accuracy", lambda known: -known.results.loss, measured),
    "TSE": training_speed(np.ones_like),
    "TSE-E": training_speed(lambda before: (before < 1).astype(np.float64)),
    # The source's gamma^(T - t), with epochs counted back from the last step.
    "TSE-EMA": training_speed(lambda before: 0.999 ** np.floor(before)),
    # Baselines of Ning et al. 2021, arXiv:2008.03064, and one of ours, see `spaces.depth`.
    "log parameters": _size(lambda known: np.log(known.results.parameters)),
    "log multiply-adds": _size(lambda known: np.log(known.results.multiply_adds)),
    "depth": _size(lambda known: known.results.depth),
    "synflow": _proxy("synflow", lambda known: 1),
    "naswot": _proxy("naswot"),
    "jacob_cov": _proxy("jacob_cov"),
    "grad_norm": _proxy("grad_norm"),
    "snip": _proxy("snip"),
    # The best match with each of the teacher's layers: the paper's Figure 2.
    BY_LAYER: Predictor(
        "guidance", lambda known: guidance.best_match(known.similarities["teacher"]), measured
    ),
    "TG": Predictor("guidance", _tg, measured),  # the paper's section 3.2
    "TG mean": Predictor("guidance", _mean_guidance, measured),  # over the network's layers: ours
    "TG in order": Predictor("guidance", _guidance_in_order, measured),  # at fixed depths: ours
    # Other measures: ranks, Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008; `alignment`.
    "TG of class means": _guidance("class"),
    "TG of single images": _guidance("image"),
    "TG by Spearman": _guidance("spearman"),
    "TG by CKA": _guidance("CKA"),
    "TG by SVCCA": _guidance("SVCCA"),
    # The last layers' relations between single images, as in Dong et al. 2023, arXiv:2303.15678,
    # which compares them by their distance: DisWOT without its class activation maps.
    "relations before training": Predictor(
        "guidance",
        lambda known: _last(known.similarities["CKA"].isel(epoch=0, drop=True)),
        lambda known: known.results.images_shown.mean("network"),
        needs="CKA",
    ),
    # A control of ours: TG at initial weights tells of architectures only.
    "TG before training": Predictor(
        "control",
        lambda known: _tg(known).isel(epoch=0, drop=True),
        lambda known: known.results.images_shown.mean("network"),
    ),
    "TG shuffled": _guidance("shuffled", "control"),
    "TG labels": _guidance("labels", "control"),
    "TG pixels": _guidance("pixels", "control"),
    "TG untrained": _guidance("untrained", "control"),
    COMBINED: Predictor("combination", _combined, measured),
}


SPELLED = {
    "loss": "validation loss",
    **{name: f"training speed ({name})" for name in ("TSE", "TSE-E", "TSE-EMA")},
    **{f"log {name}": f"size (log {name})" for name in ("parameters", "multiply-adds")},
    "synflow": "synaptic flow (synflow)",
    "naswot": "NAS without training (naswot)",
    "jacob_cov": "Jacobian covariance (jacob_cov)",
    "grad_norm": "gradient norm (grad_norm)",
    "snip": "connection sensitivity (snip)",
    "TG mean": "TG, mean over layers",
    "TG in order": "TG, layers in order",
    "TG by Spearman": "TG by Spearman's r",
    **{f"TG {name}": f"TG of {name}" for name in ("labels", "pixels")},
    "TG shuffled": "TG of a shuffled teacher",
    "TG untrained": "TG of an untrained teacher",
}


def display_name(predictor: str, alpha: float | None = None) -> str:
    """Return the name of a predictor, or of a sum of some, in figures and sentences.

    Args:
        alpha: the run's, needed for `COMBINED`; a weight chosen on other networks is called alpha.
    """
    if predictor == COMBINED and alpha is not None:
        return SCORES[GUIDED].label(alpha)
    words = []
    for part in predictor.split(" + "):
        name = part.removeprefix("a ")
        layer = name.startswith("TG ") and name not in PREDICTORS
        spelled = f"TG of layer {name[3:].removeprefix('layer ')}" if layer else name
        words.append("alpha " * (name != part) + SPELLED.get(name, spelled))
    return " + ".join(words)


def rank_networks(values: xr.DataArray, parameters: xr.DataArray) -> xr.DataArray:
    """Return ranks [network] of values [network], 1 for the worst, ties at their mean rank.

    A NaN, as the logarithm of a singular kernel's determinant, is worst. Networks that were never
    evaluated, which have no number of parameters, have no rank.
    """
    evaluated = parameters.notnull().values
    ranks = xr.full_like(values, np.nan)
    ranks[evaluated] = stats.rankdata(values.fillna(-np.inf)[evaluated])
    return ranks


def rank_again(scores: xr.DataArray, measured: xr.Dataset) -> xr.DataArray:
    """Return scores [predictor, network, epoch], those that are ranks ranked among these networks.

    Args:
        measured: of the networks: parameters, and what is ranked under the predictor's name.
    """
    scores = scores.copy()
    for name, predictor in PREDICTORS.items():
        if predictor.ranked and name in scores.predictor:
            ranks = rank_networks(measured[name], measured.parameters)
            scores.loc[{"predictor": name}] = ranks.where(scores.sel(predictor=name).notnull())
    return scores


def score_table(known: PoolMeasurements, names: Iterable[str] | None = None) -> xr.DataArray:
    """Return predictors' values for every network and epoch.

    Args:
        names: of `PREDICTORS`; None means those whose kind of similarity is known.

    Returns:
        [predictor, network, epoch] with coordinates family, and cost [predictor, epoch] in
        examples; a predictor for each teacher layer is named after it. Where one is not defined all
        are NaN, to be compared on the same networks, unless it is defined for none of them.
    """
    parts, every_epoch = [], np.zeros(known.results.sizes["epoch"])
    if names is None:
        kinds = {None, *known.similarities}
        names = [name for name, one in PREDICTORS.items() if one.needs in kinds]
    for name in names:
        predictor = PREDICTORS[name]
        values = predictor.values(known).transpose("network", ...)
        if predictor.ranked:
            values = rank_networks(values, known.results.parameters)
        added = {name: values}
        if "teacher_layer" in values.dims:
            layers = values.teacher_layer.values
            added = {layer_name(one): values.sel(teacher_layer=one, drop=True) for one in layers}
        cost = ("epoch", np.asarray(every_epoch + predictor.cost(known)))
        for label, one in added.items():
            part = one.broadcast_like(known.results.accuracy)
            parts.append(part.assign_coords(predictor=label, family=predictor.family, cost=cost))
    return join_scores(parts).assign_attrs(alpha=known.alpha)


def join_scores(parts: Iterable[xr.DataArray]) -> xr.DataArray:
    """Return tables of predictors as one, all NaN where one is not defined, see `score_table`."""
    joined: dict[str, Any] = {"coords": ["predictor", "family", "cost"], "compat": "override"}
    options: dict[str, Any] = {"join": "exact", "combine_attrs": "override"}
    table = xr.concat(list(parts), "predictor", **options, **joined)
    defined = table.notnull()
    return table.where((defined | ~defined.any("network")).all("predictor")).rename("score")


def score_again(
    table: xr.Dataset, similarities: Mapping[str, xr.DataArray], *, alpha: float
) -> xr.Dataset:
    """Return a pool's table, see `predictivity.pool_record`, as another teacher scores it.

    Args:
        similarities: with that teacher, see `PoolMeasurements`; what else guides is left out.
    """
    known = PoolMeasurements(results=table, similarities=similarities, alpha=alpha)
    guides = {name for name, one in PREDICTORS.items() if one.family in TAUGHT}
    old = guides | {layer_name(one) for one in table.teacher_layer.values}
    new = [*guides, "TG before training", "TG shuffled"]
    kinds = {None, *similarities}
    scores = score_table(
        known, [name for name in PREDICTORS if name in new and PREDICTORS[name].needs in kinds]
    )
    kept = [name for name in table.predictor.values if name not in {*old, *scores.predictor.values}]
    score = join_scores([table.score.sel(predictor=kept), scores]).assign_attrs(alpha=alpha)
    again = table.drop_dims(["predictor", "teacher_layer", "layer"])
    return again.assign(score=score, similarity=similarities["teacher"])


def layer_name(layer: str) -> str:
    """Return the predictor that is TG of a single teacher layer."""
    return f"TG layer {layer}" if f"TG {layer}" in PREDICTORS else f"TG {layer}"
