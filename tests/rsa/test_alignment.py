import itertools
from functools import cache

import numpy as np
import pytest
import torch

from sage.rsa import alignment
from sage.rsa.rdm import stimulus_count

BOTH = pytest.mark.parametrize("measure", alignment.MEASURES.values(), ids=alignment.MEASURES)


def draw(stimuli: int, units: int, seed: int, decay: float = 0.0) -> torch.Tensor:
    """Responses [S, U] whose principal components have standard deviations that fall as a power."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.arange(1, units + 1, dtype=torch.float64) ** -decay
    rotation = torch.linalg.qr(
        torch.randn(units, units, generator=generator, dtype=torch.float64)
    ).Q
    return torch.randn(stimuli, units, generator=generator, dtype=torch.float64) * scale @ rotation


def grams(*features: torch.Tensor) -> np.ndarray:
    return np.stack([alignment.gram(one) for one in features])


def hsic_by_permutations(first: np.ndarray, second: np.ndarray) -> float:
    """HSIC as an expectation over distinct images: E k_ij (l_ij + l_qr - 2 l_iq), Gretton et al.
    2005, lemma 1.
    """
    terms = [
        first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q])
        for i, j, q, r in itertools.permutations(range(len(first)), 4)
    ]
    return float(np.mean(terms))


def cka_by_permutations(first: torch.Tensor, second: torch.Tensor) -> float:
    one, other = ((features @ features.T).numpy() for features in (first, second))  # not centred
    self_similar = hsic_by_permutations(one, one) * hsic_by_permutations(other, other)
    return hsic_by_permutations(one, other) / self_similar**0.5


def svcca_of_features(first: torch.Tensor, second: torch.Tensor, dimensions: int) -> float:
    """As in Raghu et al.: SVD of the features, then canonical correlations by QR."""
    bases = []
    for features in (first, second):
        left, scale, _ = np.linalg.svd(
            features.numpy() - features.numpy().mean(0), full_matrices=False
        )
        kept = next(
            k for k in range(1, len(scale) + 1) if (scale[:k] ** 2).sum() >= 0.99 * (scale**2).sum()
        )
        kept = min(kept, dimensions)
        bases.append(np.linalg.qr(left[:, :kept] * scale[:kept])[0])
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


def test_gram_by_hand():
    features = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])  # centred: -1, 0, 1 and nothing
    np.testing.assert_allclose(alignment.gram(features), [1.5, 0, -1.5, 0, 0, 1.5], atol=1e-12)


def test_gram_is_of_centred_columns_and_has_trace_s():
    features = draw(12, 30, 0)
    centred = (features - features.mean(0)).numpy()
    expected = (centred @ centred.T)[np.triu_indices(12)]
    for given in (features, 1e-20 * features, (1e4 * features).float() + 7):
        found = alignment.gram(given)
        np.testing.assert_allclose(found / found[0], expected / expected[0], atol=1e-4)
        assert alignment._matrices(found[None])[0].trace() == pytest.approx(12)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_makes_the_layer_nan(value):
    features = draw(6, 5, 0)
    features[3, 4] = value
    assert np.isnan(alignment.gram(features)).all()


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_only_constant_columns_make_the_layer_nan(constant):
    features = torch.full((6, 5), constant, dtype=torch.float64)
    assert alignment.gram(features).shape == (21,) and np.isnan(alignment.gram(features)).all()
    assert np.isnan(alignment.gram(features[:, :0])).all()
    features[2, 1] += 1
    assert np.isfinite(alignment.gram(features)).all()


@pytest.mark.parametrize("shape", [(5,), (1, 5), (2, 3, 4)])
def test_shapes_that_are_no_table_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        alignment.gram(torch.ones(shape))


def test_cka_agrees_with_the_expectation_over_permutations():
    teacher = [draw(7, units, units) for units in (3, 20)]
    candidate = [teacher[0] + draw(7, 3, 5), draw(7, 4, 6), teacher[1][:, :10]]
    expected = [[cka_by_permutations(first, second) for second in candidate] for first in teacher]
    np.testing.assert_allclose(
        alignment.unbiased_cka(grams(*teacher), grams(*candidate)), expected, atol=1e-12
    )


@pytest.mark.parametrize("dimensions", [39, 20, 3])
def test_svcca_agrees_with_the_svd_of_features(monkeypatch, dimensions):
    """Subspaces of 2 to 35 of 39 dimensions: some pairs have more than 39 together."""
    monkeypatch.setattr(alignment, "DIMENSIONS", dimensions)
    teacher = [
        draw(40, units, seed, decay)
        for seed, (units, decay) in enumerate([(60, 0.3), (60, 1.0), (2, 0)])
    ]
    candidate = [
        teacher[0] + draw(40, 60, 5),
        teacher[1] + 0.3 * draw(40, 60, 6, 1.0),
        draw(40, 8, 7),
    ]
    expected = [
        [svcca_of_features(first, second, dimensions) for second in candidate] for first in teacher
    ]
    found = alignment.svcca(grams(*teacher), grams(*candidate))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.ptp(found) > 0.3


@BOTH
def test_a_layer_is_similar_to_itself_by_one_and_to_others_less(measure):
    layers = grams(*(draw(30, 50, seed, 1.0) for seed in range(3)))
    found = measure(layers, layers)
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-12)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    assert (found[~np.eye(3, dtype=bool)] < 0.9).all()


@BOTH
def test_does_not_change_with_rotation_isotropic_scale_shift_or_order_of_images(measure):
    first, second = draw(30, 50, 0, 1.0), draw(30, 20, 1, 0.5)
    expected = measure(grams(first), grams(second))
    rotation = torch.linalg.qr(draw(50, 50, 2)).Q
    np.testing.assert_allclose(
        measure(grams(3 * first @ rotation + 5), grams(second)), expected, atol=1e-10
    )
    order = torch.randperm(30, generator=torch.Generator().manual_seed(3))
    np.testing.assert_allclose(
        measure(grams(first[order]), grams(second[order])), expected, atol=1e-10
    )
    assert abs(measure(grams(first[order]), grams(second)) - expected).max() > 0.01


def test_svcca_of_orthogonal_subspaces_is_zero_and_of_nested_ones_one():
    columns = (
        torch.tensor([[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1], [1, -1] * 4])
        .double()
        .T
    )
    one, two, three = columns[:, :1], columns[:, 1:], columns
    half = columns[:, :2] + torch.stack(
        [torch.zeros(8), columns[:, 2]], 1
    )  # one shared direction, one at 45 degrees
    found = alignment.svcca(grams(one, columns[:, :2]), grams(two, three, half))
    np.testing.assert_allclose(found, [[0, 1, 1], [0.5, 1, (1 + 0.5**0.5) / 2]], atol=1e-7)


def test_svcca_leaves_out_what_explains_a_hundredth_of_variance():
    columns = torch.tensor([[1, 1, -1, -1], [1, -1, 1, -1]]).double().T
    for weight, expected in ((0.0095, 0), (0.0105, 1)):  # of variance
        mixed = columns * torch.tensor([1 - weight, weight]).sqrt()
        found = alignment.svcca(grams(mixed), grams(columns[:, 1:]))[0, 0]
        assert found == pytest.approx(expected, abs=1e-7)


def test_cka_of_independent_responses_is_zero_on_average_where_the_biased_is_not():
    unbiased, biased = [], []
    for seed in range(200):
        first, second = grams(draw(20, 40, 2 * seed), draw(20, 40, 2 * seed + 1))
        unbiased.append(alignment.unbiased_cka(first[None], second[None])[0, 0])
        one, other = alignment._matrices(np.stack([first, second]))
        biased.append((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))
    error = np.std(unbiased) / len(unbiased) ** 0.5
    assert abs(np.mean(unbiased)) < 3 * error and error < 0.02
    assert np.mean(biased) > 0.5


def moved_by(kind: str) -> dict[str, float]:
    """Return by measure how far storage moves similarities of 200 images at most."""
    teacher, candidate = of_many_images()
    return {
        name: abs(
            measure(teacher.astype(kind), candidate.astype(kind)) - measure(teacher, candidate)
        ).max()
        for name, measure in alignment.MEASURES.items()
    }


@cache
def of_many_images() -> tuple[np.ndarray, np.ndarray]:
    teacher = grams(*(draw(200, 400, seed, 1.0) for seed in range(3)))
    return teacher, grams(
        *(draw(200, 400, seed, 1.0) + draw(200, 400, seed % 3, 1.0) for seed in range(10, 30))
    )


def test_float16_serves():
    """Found here: CKA moves by 5e-6 in float16 and 1e-9 in float32, SVCCA by 2e-4 and 2e-8."""
    in16, in32 = moved_by("float16"), moved_by("float32")
    assert in16["CKA"] < 2e-5 and in32["CKA"] < 1e-8
    assert in16["SVCCA"] < 1e-3 and in32["SVCCA"] < 1e-6


def test_float16_moves_the_cut_of_svcca_where_float32_does_not(monkeypatch):
    """Found here without a limit, so that the cut is at 99 % of the variance: SVCCA moves by 7e-3
    and 1e-7.
    """
    monkeypatch.setattr(alignment, "DIMENSIONS", 200)
    _, candidate = of_many_images()
    cuts, cuts16, cuts32 = (
        [
            components.shape[1]
            for components in alignment._principal_components(candidate.astype(kind))
        ]
        for kind in ("float64", "float16", "float32")
    )
    assert cuts16 != cuts and cuts32 == cuts
    assert 1e-4 < moved_by("float16")["SVCCA"] < 0.03 and moved_by("float32")["SVCCA"] < 1e-6


def test_svcca_of_unrelated_responses_is_low_where_without_a_limit_it_is_high(monkeypatch):
    teacher, candidate = grams(draw(200, 400, 0)), grams(draw(200, 400, 1))
    assert alignment.svcca(teacher, candidate) < 0.35
    monkeypatch.setattr(alignment, "DIMENSIONS", 200)
    assert alignment.svcca(teacher, candidate) > 0.9


@BOTH
def test_numbers_do_not_depend_on_how_many_cores_compute_them(measure, monkeypatch):
    teacher, candidate = (
        grams(*(draw(30, 50, seed, 1.0) for seed in range(2))),
        grams(*(draw(30, 9, s) for s in range(7))),
    )
    candidate[4] = np.nan
    threads, found = torch.get_num_threads(), []
    for cores in (1, 3, 20):
        monkeypatch.setattr(alignment.devices, "cores", lambda cores=cores: cores)
        found.append(measure(teacher, candidate))
        assert torch.get_num_threads() == threads
    assert np.isnan(found[0][:, 4]).all() and np.isfinite(np.delete(found[0], 4, 1)).all()
    np.testing.assert_allclose(found[1:], [found[0]] * 2, atol=1e-12)


@BOTH
@pytest.mark.parametrize("broken", [np.nan, 0.0])
def test_layers_without_a_gram_matrix_have_no_similarity_and_disturb_no_other(measure, broken):
    teacher, candidate = grams(draw(10, 5, 0)), grams(draw(10, 5, 1), draw(10, 5, 2))
    expected = measure(teacher, candidate)[0, 1]
    candidate[0] = broken
    found = measure(teacher, candidate)
    assert found.shape == (1, 2) and found.dtype == np.float64
    assert np.isnan(found[0, 0]) and found[0, 1] == expected
    assert measure(teacher, candidate[:0]).shape == (1, 0)


def test_images_equally_far_apart_have_no_cka():
    assert np.isnan(alignment.unbiased_cka(grams(torch.eye(6)), grams(draw(6, 5, 0)))).all()
    assert alignment.svcca(grams(torch.eye(6)), grams(draw(6, 3, 0)))[0, 0] == pytest.approx(1)


@BOTH
def test_different_or_impossible_numbers_of_images_are_refused(measure):
    with pytest.raises(ValueError, match="55 entries, a candidate's 45"):
        measure(np.ones((1, 55)), np.ones((1, 45)))
    with pytest.raises(ValueError, match="54 is no such number"):
        measure(np.ones((1, 54)), np.ones((1, 54)))


@pytest.mark.parametrize("entries", [0, 1, 2, 4, 54])
def test_impossible_numbers_of_entries_are_refused(entries):
    with pytest.raises(ValueError, match=str(entries)):
        stimulus_count(entries, diagonal=True)
    assert stimulus_count(55, diagonal=True) == 10


def test_cka_refuses_three_images():
    with pytest.raises(ValueError, match="of 3 images"):
        alignment.unbiased_cka(np.ones((1, 6)), np.ones((1, 6)))
