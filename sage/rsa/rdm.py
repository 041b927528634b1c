"""Representational dissimilarity matrices: streamed from responses, and compared."""

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

BLOCK = 256  # rows that are multiplied at once
EXACT = 512  # rows; products for larger RDMs are in float32, in half the time of float64


def condensed_rdm(features: Tensor) -> np.ndarray:
    """Return the correlation-distance RDM of one layer's responses.

    Args:
        features: [S, U] float, one row per stimulus or class mean.

    Returns:
        [S(S-1)/2] float64 in [0, 2], 1 - Pearson r of each pair of rows, with errors below 1e-6
        beyond `EXACT` rows; all NaN if r is undefined for a row that is constant or not finite.

    Raises:
        ValueError: `features` is not 2-d, or S < 2.

    Source: Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008; equation 1 of the paper.
    """
    check_features(features)
    size = len(features)
    rows = features.new_empty(features.shape, dtype=torch.float64)
    blocks = zip(features.split(BLOCK), rows.split(BLOCK))
    if not torch.stack([_standardise(block, out=out) for block, out in blocks]).all():
        return np.full(size * (size - 1) // 2, np.nan)
    distances = 1 - rows @ rows.T if size <= EXACT else _in_float32(rows)
    above = [row[index + 1 :] for index, row in enumerate(distances.cpu().numpy())]
    found = np.concatenate(above, dtype=np.float64)
    return np.clip(found, 0, 2, out=found)


def check_features(features: Tensor) -> None:
    """Raise ValueError if these are no responses [S, U] to two stimuli or more."""
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features have shape {[*features.shape]}, expected [S, U] with S >= 2")


def _standardise(features: Tensor, *, out: Tensor) -> Tensor:
    """Write rows, centred and scaled to length 1, into `out`; return if all are defined."""
    values = features.double()
    torch.sub(values, values.mean(1, keepdim=True), out=out)
    norms = out.norm(dim=1, keepdim=True)
    out /= norms
    # A constant row leaves rounding noise behind after centring: compare with the row's own size.
    rounding = 1e-12 * values.abs().amax(1, keepdim=True) * max(values.shape[1], 1) ** 0.5
    return (norms.isfinite() & (norms > rounding)).all()


def _in_float32(rows: Tensor) -> Tensor:
    """Return 1 - r of centred rows of length 1; only values above the diagonal are valid.

    1 - r is half the squared distance between such rows, from wherever they are measured. From
    their mean the products are as small as the distances, and so are rounding errors.
    """
    rows -= rows.mean(0)
    halves = (rows.norm(dim=1).square() / 2).float()
    rows = rows.float()
    distances = rows.new_empty(len(rows), len(rows))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        # Add up after the product: a float32 sum that starts from 1 loses digits at every step.
        sums, products = halves[block, None] + halves[start:], rows[block] @ rows[start:].T
        torch.sub(sums, products, out=distances[block, start:])
    return distances


def stimulus_count(entries: int, *, diagonal: bool = False) -> int:
    """Return S of a condensed RDM, or of a condensed Gram matrix, which has the diagonal too.

    Raises:
        ValueError: `entries` fits no S >= 2.
    """
    size = round(((1 + 8 * entries) ** 0.5 - 1) / 2) + (not diagonal)
    if size < 2 or size * (size + (1 if diagonal else -1)) // 2 != entries:
        form = "Gram matrix has S(S+1)/2" if diagonal else "RDM has S(S-1)/2"
        raise ValueError(f"a condensed {form} entries with S >= 2, {entries} is no such number")
    return size


def check_same_stimuli(teacher: np.ndarray, candidate: np.ndarray) -> None:
    """Raise ValueError if condensed matrices [T, P] and [L, P] differ in length."""
    own, other = teacher.shape[-1], candidate.shape[-1]
    if own != other:
        lengths = f"a teacher's layer has {own} entries, a candidate's {other}"
        raise ValueError(f"{lengths}: they were measured on different stimuli")


def correlate_rdms(
    teacher: np.ndarray, candidate: np.ndarray, *, ranks: bool = False
) -> np.ndarray:
    """Return the correlation of every teacher RDM with every candidate RDM, over stimulus pairs.

    Args:
        teacher: [T, P] condensed RDMs.
        candidate: [L, P] condensed RDMs of the same stimuli in the same order.
        ranks: whether those of dissimilarities are correlated, Spearman's r instead of Pearson's.

    Returns:
        [T, L] float64 in [-1, 1]; NaN where an RDM is constant or holds a NaN.

    Raises:
        ValueError: different numbers of pairs.
    """
    check_same_stimuli(teacher, candidate)

    def unit_rows(rdms: np.ndarray) -> np.ndarray:
        rows = rdms.astype(np.float64)  # float32 loses 5e-4 over 12.5M pairs
        if ranks:
            rows = rankdata(rows, axis=1, nan_policy="propagate")
        rows -= rows.mean(1, keepdims=True)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        norms[norms <= 1e-12] = np.nan
        rows /= norms
        return rows

    return unit_rows(teacher) @ unit_rows(candidate).T


def draw_units(total: int, units: int, *, seed: int, layer: int) -> np.ndarray:
    """Return [min(total, units)] int64, the ascending numbers of a layer's units behind its RDM."""
    if total <= units:
        return np.arange(total)
    return np.sort(np.random.default_rng([seed, layer]).choice(total, units, replace=False))


class ConditionMeans:
    """Mean response of every layer to each condition, a class or one image, summed up in batches.

    Args:
        conditions: [N] int64, each image's condition in the order shown, numbered without gaps; -1
            leaves the image out.
    """

    def __init__(self, conditions: Tensor):
        self.conditions = conditions
        self.counts = torch.bincount(conditions[conditions >= 0])
        self.sums: list[Tensor] = []

    def add(self, start: int, features: list[Tensor]) -> None:
        """Take in each layer's responses [B, U] to the images start ... start + B."""
        conditions = self.conditions[start : start + len(features[0])]
        if (conditions < 0).all():
            return
        # A product with indicators: index_add on a GPU sums in another order each time.
        members = conditions == torch.arange(len(self.counts))[:, None]  # [K, B]
        indicators = members.float().to(features[0].device)
        sums = [indicators @ responses.float() for responses in features]
        self.sums = [before + now for before, now in zip(self.sums, sums)] if self.sums else sums

    def means(self) -> list[Tensor]:
        """Return each layer's mean responses [K, U] to the K conditions."""
        return [sums / self.counts[:, None].to(sums.device) for sums in self.sums]

    def rdms(self) -> np.ndarray:
        """Return condensed RDMs [L, K(K-1)/2] of the K conditions' mean responses."""
        return np.array([condensed_rdm(means) for means in self.means()])
