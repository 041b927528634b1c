"""Similarity of representations from Gram matrices of the stimuli alone: unbiased CKA and SVCCA."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from sage.compute import devices

GRAM = "gram"  # level of description, beside those of RDMs
# Part of a layer's variance that SVCCA's subspace explains (Raghu et al. 2017), and most dimensions that it has: a tenth of
# the 200 images that all profiles but smoke show.
VARIANCE, DIMENSIONS = 0.99, 20


def gram(features: Tensor) -> np.ndarray:
    """Centred linear Gram matrix of one layer's responses, from which both measures follow.

    Args:
        features: [S, U] float; a row per stimulus.

    Returns:
        [S(S+1)/2] float64, the upper triangle with the diagonal, in the order of `numpy.triu_indices(S)`, of X X^T
        with X's columns centred. Scaled to a trace of S, so that float16 holds it: the measures do not depend on
        scale. Stored so, CKA moves by 5e-6 and SVCCA by 2e-4, or by 0.01 where its cut moves by a component.
        All NaN where no similarity is defined: non-finite values, or no column that varies.

    Raises:
        ValueError: not 2-d, or S < 2.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"features have shape {tuple(features.shape)}, expected [S, U] with S >= 2"
        )
    columns = features.double()
    centred = columns - columns.mean(0)
    # A constant column leaves rounding noise behind after centring: compare with the column's own size.
    varies = centred.norm(dim=0) > 1e-12 * columns.norm(dim=0)
    upper = np.triu_indices(len(features))
    if not centred.isfinite().all() or not varies.any():
        return np.full(len(upper[0]), np.nan)
    centred = centred / centred.norm() * len(features) ** 0.5
    return (centred @ centred.T).cpu().numpy()[upper]


def image_count(entries: int) -> int:
    """S of a condensed Gram matrix with S(S+1)/2 entries.

    Raises:
        ValueError: a length that no number of images from two on gives.
    """
    size = round(((1 + 8 * entries) ** 0.5 - 1) / 2)
    if size < 2 or size * (size + 1) // 2 != entries:
        raise ValueError(
            f"a condensed Gram matrix has S(S+1)/2 entries with S >= 2, {entries} is no such number"
        )
    return size


def unbiased_cka(teacher: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Linear CKA of every teacher layer with every candidate layer, from the unbiased estimator HSIC_1.

    HSIC_1 of two Gram matrices is the inner product of their U-centred off-diagonals (Szekely and Rizzo 2014), so
    that CKA is their cosine. Of independent responses it is about 0 on average, where the biased one grows with U / S.

    Args:
        teacher: [T, G] condensed Gram matrices, see `gram`. candidate: [L, G], of the same images in the same order.

    Returns:
        [T, L] float64 in [-1, 1]; NaN where a Gram matrix holds a NaN or all images are equally far apart.

    Raises:
        ValueError: numbers of entries that differ or that no number of images gives, or fewer than four images.

    Source: HSIC_1, Song et al. 2012, equation 5; CKA, Kornblith et al. 2019, arXiv:1905.00414; the two together,
    Nguyen et al. 2021, arXiv:2010.15327.
    """
    if (images := _shared_images(teacher, candidate)) < 4:
        raise ValueError(
            f"the Gram matrices are of {images} images, unbiased CKA takes four or more"
        )
    first, second = (
        np.concatenate(_in_threads(_u_centred, grams)) for grams in (teacher, candidate)
    )
    return first @ second.T


def svcca(teacher: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """SVCCA of every teacher layer with every candidate layer.

    Each layer is reduced to the fewest principal components that explain 99 % of its variance, the first `DIMENSIONS`
    at most; the result is the mean canonical correlation between the two subspaces. Where these have a and b dimensions
    there are min(a, b) canonical correlations, and the mean is over these: a subspace within another has similarity 1.
    So has anything as the dimensions come near the number of images S, since a + b - S + 1 correlations are 1 then,
    hence the limit: without it four in five were 1 for that reason alone, in networks of the ten-layer space and 200
    images.

    Args:
        teacher: [T, G] condensed Gram matrices, see `gram`. candidate: [L, G], of the same images in the same order.
            A teacher's subspaces are found anew in each call: stack candidates in one.

    Returns:
        [T, L] float64 in [0, 1]; NaN where a Gram matrix holds a NaN or is 0.

    Raises:
        ValueError: numbers of entries that differ or that no number of images gives.

    Source: Raghu et al. 2017, arXiv:1706.05806.
    """
    _shared_images(teacher, candidate)
    first, second = (
        list(chain(*_in_threads(_principal_components, grams))) for grams in (teacher, candidate)
    )
    similar = [_mean_canonical_correlation(one, other) for one in first for other in second]
    return np.array(similar, dtype=np.float64).reshape(len(first), len(second))


MEASURES = {"CKA": unbiased_cka, "SVCCA": svcca}


def _shared_images(teacher: np.ndarray, candidate: np.ndarray) -> int:
    if teacher.shape[-1] != candidate.shape[-1]:
        raise ValueError(
            f"teacher Gram matrices have {teacher.shape[-1]} entries, those of candidates {candidate.shape[-1]}: "
            "they were measured on different images"
        )
    return image_count(teacher.shape[-1])


def _in_threads(function: Callable, grams: np.ndarray) -> list:
    """What the function gives of parts of the layers [L, G], one part and thread per core."""
    parts = np.array_split(grams, max(1, min(devices.cores(), len(grams))))
    one_each = {
        "initializer": torch.set_num_threads,
        "initargs": (1,),
    }  # of torch's own, whose number each thread has
    with devices.one_thread(), ThreadPoolExecutor(len(parts), **one_each) as threads:
        return list(threads.map(function, parts))


def _matrices(grams: np.ndarray) -> np.ndarray:
    """Condensed Gram matrices [L, G] as symmetric ones [L, S, S], in float64."""
    size = image_count(grams.shape[-1])
    rows, columns = np.triu_indices(size)
    places = np.empty((size, size), dtype=np.int64)
    places[rows, columns] = places[columns, rows] = np.arange(len(rows))
    return grams.astype(np.float64).take(places, axis=1)


def _u_centred(grams: np.ndarray) -> np.ndarray:
    """Matrices less the effects of rows and columns, with a diagonal of 0, as rows [L, S S] of length 1."""
    matrices = _matrices(grams)
    size = matrices.shape[1]
    diagonal = (slice(None), range(size), range(size))
    matrices[diagonal] = 0
    means = matrices.sum(2) / (size - 2)
    rest = (
        matrices - means[:, :, None] - means[:, None, :] + means.sum(1)[:, None, None] / (size - 1)
    )
    rest[diagonal] = 0
    rows, before = (values.reshape(len(grams), size * size) for values in (rest, matrices))
    norms, rounding = (
        np.linalg.norm(rows, axis=1, keepdims=True),
        1e-12 * np.linalg.norm(before, axis=1, keepdims=True),
    )
    return np.divide(rows, norms, out=np.full_like(rows, np.nan), where=norms > rounding)


def _principal_components(grams: np.ndarray) -> list[np.ndarray]:
    """Of each condensed Gram matrix the eigenvectors [S, k] that SVCCA takes, by descending variance.

    There are none where there is no variance.
    """
    matrices = _matrices(grams)
    totals = matrices.trace(axis1=1, axis2=2)
    varies = np.isfinite(matrices).all((1, 2)) & (totals > 0)
    # Torch's library, as that of NumPy and SciPy keeps other threads waiting.
    found = torch.linalg.eigh(torch.from_numpy(np.where(varies[:, None, None], matrices, 0)))
    variances, vectors = (values.numpy() for values in found)
    # Of the trace, not of the positive eigenvalues: with rounding noise those add up to more than the variance.
    explained = np.cumsum(variances[:, ::-1], axis=1) / np.where(varies, totals, 1)[:, None]
    kept = np.minimum((explained < VARIANCE).sum(1) + 1, DIMENSIONS) * varies
    return [own[:, ::-1][:, :count] for own, count in zip(vectors, kept)]


def _mean_canonical_correlation(first: np.ndarray, second: np.ndarray) -> float:
    if not (first.size and second.size):
        return np.nan
    return np.linalg.svd(first.T @ second, compute_uv=False).clip(max=1).mean()
