"""Similarity of layers from Gram matrices of their responses: unbiased CKA and SVCCA."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, product

import numpy as np
import torch
from torch import Tensor

from sage.compute import devices
from sage.rsa.rdm import check_features, check_same_stimuli, stimulus_count

GRAM = "gram"  # the level of Gram matrices, beside those of RDMs
VARIANCE = 0.99  # the part that SVCCA's components explain (Raghu et al. 2017)
# The most components, a tenth of the 200 images that all profiles but smoke show. For any layers
# with a and b components a + b - S + 1 correlations are 1: without a limit it was four in five.
DIMENSIONS = 20


def gram(features: Tensor) -> np.ndarray:
    """Return the centred linear Gram matrix of one layer's responses X, with a trace of S.

    Both measures ignore its scale. Stored in float16, it moves CKA by 5e-6 and SVCCA by 2e-4, or by
    0.01 where SVCCA takes a component more or less.

    Args:
        features: [S, U] float, one row per stimulus.

    Returns:
        [S(S+1)/2] float64, the upper triangle of X X^T in the order of `numpy.triu_indices(S)`;
        all NaN where X has non-finite values or no column that varies.

    Raises: as `rdm.condensed_rdm`.
    """
    check_features(features)
    columns = features.double()
    centred = columns - columns.mean(0)
    # A constant column leaves rounding noise behind after centring: compare with its own size.
    varies = centred.norm(dim=0) > 1e-12 * columns.norm(dim=0)
    upper = np.triu_indices(len(features))
    if not centred.isfinite().all() or not varies.any():
        return np.full(len(upper[0]), np.nan)
    centred = centred / centred.norm() * len(features) ** 0.5
    return (centred @ centred.T).cpu().numpy()[upper]


def unbiased_cka(teacher: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return the linear CKA of every teacher layer with every candidate layer, from HSIC_1.

    HSIC_1 is the inner product of U-centred Gram matrices (Szekely and Rizzo 2014). Independent
    responses have a mean CKA of about 0 by it; by the biased estimator it grows with U / S.
    Arguments are as in `svcca`.

    Returns:
        [T, L] float64 in [-1, 1]; NaN where a Gram matrix holds a NaN or images are equally apart.

    Raises:
        ValueError: different or impossible lengths, or fewer than four images.

    Source: Song et al. 2012, eq. 5; Kornblith et al. 2019, arXiv:1905.00414; Nguyen et al. 2021,
    arXiv:2010.15327.
    """
    check_same_stimuli(teacher, candidate)
    if (images := stimulus_count(teacher.shape[-1], diagonal=True)) < 4:
        raise ValueError(f"the Gram matrices are of {images} images, unbiased CKA takes 4 or more")
    own, other = (np.concatenate(_in_threads(_u_centred, one)) for one in (teacher, candidate))
    return own @ other.T


def svcca(teacher: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return the SVCCA of every teacher layer with every candidate layer.

    It is the mean of the min(a, b) canonical correlations of the layers' a and b first principal
    components, the fewest that explain 99 % of the variance.

    Args:
        teacher: [T, G] condensed Gram matrices, see `gram`.
        candidate: [L, G] of the same images in the same order.

    Returns:
        [T, L] float64 in [0, 1]; NaN where a Gram matrix holds a NaN or is 0.

    Source: Raghu et al. 2017, arXiv:1706.05806.
    """
    check_same_stimuli(teacher, candidate)
    both = [chain(*_in_threads(_principal_components, one)) for one in (teacher, candidate)]
    similar = [_mean_canonical_correlation(*pair) for pair in product(*both)]
    return np.array(similar, dtype=np.float64).reshape(len(teacher), len(candidate))


MEASURES = {"CKA": unbiased_cka, "SVCCA": svcca}


def _in_threads(function: Callable, grams: np.ndarray) -> list:
    """Return a function's results for parts of the layers [L, G], with a thread for each core."""
    parts = np.array_split(grams, max(1, min(devices.cores(), len(grams))))
    # Torch counts its own threads in each of these.
    threads = ThreadPoolExecutor(len(parts), initializer=torch.set_num_threads, initargs=(1,))
    with devices.one_thread(), threads:
        return list(threads.map(function, parts))


def _matrices(grams: np.ndarray) -> np.ndarray:
    """Return condensed Gram matrices [L, G] as symmetric ones [L, S, S] in float64."""
    size = stimulus_count(grams.shape[-1], diagonal=True)
    rows, columns = np.triu_indices(size)
    places = np.empty((size, size), dtype=np.int64)
    places[rows, columns] = places[columns, rows] = np.arange(len(rows))
    return grams.astype(np.float64).take(places, axis=1)


def _u_centred(grams: np.ndarray) -> np.ndarray:
    """Return matrices less the means of rows and columns, flat [L, S S] and scaled to length 1."""
    matrices = _matrices(grams)
    count, size = matrices.shape[:2]
    diagonal = (slice(None), range(size), range(size))
    matrices[diagonal] = 0
    means = matrices.sum(2, keepdims=True) / (size - 2)
    rest = matrices - means - means.mT + means.sum(1, keepdims=True) / (size - 1)
    rest[diagonal] = 0
    before, rows = (values.reshape(count, size * size) for values in (matrices, rest))
    sizes, norms = (np.linalg.norm(one, axis=1, keepdims=True) for one in (before, rows))
    return np.divide(rows, norms, out=np.full_like(rows, np.nan), where=norms > 1e-12 * sizes)


def _principal_components(grams: np.ndarray) -> list[np.ndarray]:
    """Return each layer's eigenvectors [S, k] by descending variance; k is 0 without variance."""
    matrices = _matrices(grams)
    totals = matrices.trace(axis1=1, axis2=2)
    varies = np.isfinite(matrices).all((1, 2)) & (totals > 0)
    # Torch's library: that of NumPy and SciPy keeps other threads waiting.
    found = torch.linalg.eigh(torch.from_numpy(np.where(varies[:, None, None], matrices, 0)))
    variances, vectors = (values.numpy() for values in found)
    # Of the trace: with rounding noise the positive eigenvalues add up to more than the variance.
    explained = np.cumsum(variances[:, ::-1], axis=1) / np.where(varies, totals, 1)[:, None]
    kept = np.minimum((explained < VARIANCE).sum(1) + 1, DIMENSIONS) * varies
    return [own[:, ::-1][:, :count] for own, count in zip(vectors, kept)]


def _mean_canonical_correlation(first: np.ndarray, second: np.ndarray) -> float:
    if not (first.size and second.size):
        return np.nan
    return np.linalg.svd(first.T @ second, compute_uv=False).clip(max=1).mean()
