"""Representational dissimilarity matrices: streamed from a network's responses, and compared."""

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

# Rows that are multiplied at once.
BLOCK = 256
# RDMs of up to so many rows are computed in float64; products of larger ones in float32, in half the time.
EXACT = 512


def condensed_rdm(features: Tensor) -> np.ndarray:
    """Correlation-distance RDM of one layer's responses.

    Computed in float64; with more than `EXACT` rows their products are in float32, with errors below 1e-6.

    Args:
        features: [S, U] float; a row per stimulus or class mean.

    Returns:
        [S(S-1)/2] float64, 1 - Pearson r of each pair of rows, in [0, 2]; all NaN where r is
        undefined for some row: non-finite values, a constant row, or fewer than two units.

    Raises:
        ValueError: not 2-d, or S < 2.

    Source: Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008; equation 1 of the paper.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"features have shape {tuple(features.shape)}, expected [S, U] with S >= 2"
        )
    size = len(features)
    rows = features.new_empty(features.shape, dtype=torch.float64)
    defined = torch.stack(
        [_standardise(part, out=out) for part, out in zip(features.split(BLOCK), rows.split(BLOCK))]
    )
    if not defined.all():
        return np.full(size * (size - 1) // 2, np.nan)
    distances = 1 - rows @ rows.T if size <= EXACT else _in_float32(rows)
    above = [row[index + 1 :] for index, row in enumerate(distances.cpu().numpy())]
    found = np.concatenate(above, dtype=np.float64)
    return np.clip(found, 0, 2, out=found)


def _standardise(features: Tensor, *, out: Tensor) -> Tensor:
    """Write the rows of a block, centred and scaled to length 1, into `out`; gives whether all of them can be."""
    values = features.double()
    torch.sub(values, values.mean(1, keepdim=True), out=out)
    norms = out.norm(dim=1, keepdim=True)
    out /= norms
    # A constant row leaves rounding noise behind after centring: compare with the row's own size.
    rounding = 1e-12 * values.abs().amax(1, keepdim=True) * max(values.shape[1], 1) ** 0.5
    return (norms.isfinite() & (norms > rounding)).all()


def _in_float32(rows: Tensor) -> Tensor:
    """1 - r of centred rows of length 1 with products in float32; nothing is filled in below the diagonal's blocks.

    1 - r is half the squared distance between such rows, from wherever they are measured. From their mean the
    products are as small as the distances, and so are rounding errors.
    """
    rows -= rows.mean(0)
    halves = (rows.norm(dim=1).square() / 2).float()
    rows = rows.float()
    distances = rows.new_empty(len(rows), len(rows))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        # Added up after the product: a sum in float32 that starts from 1 loses digits at every step.
        torch.sub(
            halves[block, None] + halves[start:],
            rows[block] @ rows[start:].T,
            out=distances[block, start:],
        )
    return distances


def stimulus_count(pairs: int) -> int:
    """S of a condensed RDM with S(S-1)/2 entries.

    Raises:
        ValueError: a length that no number of stimuli gives.
    """
    size = round((1 + (1 + 8 * pairs) ** 0.5) / 2)
    if size < 2 or size * (size - 1) // 2 != pairs:
        raise ValueError(f"a condensed RDM has S(S-1)/2 entries, {pairs} is no such number")
    return size


def correlate_rdms(
    teacher: np.ndarray, candidate: np.ndarray, *, method: str = "pearson"
) -> np.ndarray:
    """Correlation of every teacher RDM with every candidate RDM, over the stimulus pairs.

    Args:
        teacher: [T, P] condensed RDMs. candidate: [L, P], of the same stimuli in the same order.
        method: "pearson" or "spearman".

    Returns:
        [T, L] float64 in [-1, 1]; NaN where an RDM is constant or holds a NaN.

    Raises:
        ValueError: unknown method, or numbers of pairs that differ.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}, expected one of {', '.join(METHODS)}")
    if teacher.shape[-1] != candidate.shape[-1]:
        raise ValueError(
            f"teacher RDMs have {teacher.shape[-1]} pairs, candidate RDMs {candidate.shape[-1]}: "
            "they were measured on different stimuli"
        )
    return _unit_rows(teacher, method) @ _unit_rows(candidate, method).T


METHODS = {
    "pearson": lambda rows: rows,
    "spearman": lambda rows: rankdata(rows, axis=1, nan_policy="propagate"),
}


def _unit_rows(rdms: np.ndarray, method: str) -> np.ndarray:
    """Rows centred and scaled to length 1, in float64: float32 sums lose 5e-4 over 12.5M pairs."""
    rows = METHODS[method](rdms.astype(np.float64))
    rows -= rows.mean(1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    norms[norms <= 1e-12] = np.nan
    rows /= norms
    return rows


def draw_units(total: int, units: int, *, seed: int, layer: int) -> np.ndarray:
    """Which of a layer's units stand behind its RDM: drawn once, without replacement.

    Args:
        total: units of the layer; all are taken if there are no more than `units`.

    Returns:
        [min(total, units)] int64, ascending.
    """
    if total <= units:
        return np.arange(total)
    return np.sort(np.random.default_rng([seed, layer]).choice(total, units, replace=False))


class ConditionMeans:
    """Mean response of every layer to each condition, summed up batch by batch.

    A condition is what a row of an RDM stands for: a class (its images are averaged) or one image. Memory
    holds the conditions' sums, however many images there are.

    Args:
        conditions: [N] int64, the condition of each image in the order shown; -1 leaves it out.

    Raises:
        ValueError: a number below the highest that no image has.
    """

    def __init__(self, conditions: Tensor):
        self.conditions = conditions
        self.counts = torch.bincount(conditions[conditions >= 0])
        if not len(self.counts) or (self.counts == 0).any():
            raise ValueError(
                f"conditions without an image: {(self.counts == 0).nonzero().flatten().tolist()}"
            )
        self.sums: list[Tensor] = []

    def add(self, start: int, features: list[Tensor]) -> None:
        """Take in each layer's responses [B, U] to the images start ... start + B."""
        if not features:
            return
        device, conditions = features[0].device, self.conditions[start : start + len(features[0])]
        if (conditions < 0).all():
            return
        # A product with indicators, where index_add on a GPU would sum in an order of its own each time.
        numbers = torch.arange(len(self.counts))
        members = (conditions == numbers[:, None]).float().to(device)  # [K, B]
        sums = [members @ responses.float() for responses in features]
        self.sums = [before + now for before, now in zip(self.sums, sums)] if self.sums else sums

    def means(self) -> list[Tensor]:
        """Each layer's mean responses [K, U] to the K conditions."""
        counts = self.counts[:, None]
        return [sums / counts.to(sums.device) for sums in self.sums]

    def rdms(self) -> np.ndarray:
        """Condensed RDMs [L, K(K-1)/2] of the K conditions' mean responses."""
        return np.array([condensed_rdm(means) for means in self.means()])
