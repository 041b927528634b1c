import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

from sage.rsa import rdm


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(12, 30, generator=torch.Generator().manual_seed(0))


def test_agrees_with_scipy(features):
    np.testing.assert_allclose(
        rdm.condensed_rdm(features), pdist(features.double().numpy(), "correlation"), atol=1e-12
    )


def test_agrees_with_rsatoolbox(features):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    expected = calc_rdm(Dataset(features.double().numpy()), method="correlation").dissimilarities[0]
    np.testing.assert_allclose(rdm.condensed_rdm(features), expected, atol=1e-12)


def random_rows(count: int, units: int) -> torch.Tensor:
    return torch.randn(count, units, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("around", [rdm.BLOCK, rdm.EXACT, 3 * rdm.BLOCK])
@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_borders_of_blocks_agree_with_scipy(around, beside, dtype):
    rows = random_rows(around + beside, 20).to(dtype)
    error = np.abs(rdm.condensed_rdm(rows) - pdist(rows.double().numpy(), "correlation")).max()
    assert error < (1e-12 if len(rows) <= rdm.EXACT else 1e-6)


def test_a_large_mean_costs_a_large_rdm_no_digits():
    """Multiples of 1/8 around 2**20 are exact in both formats, and so is what centring leaves of
    them.
    """
    rows = (8 * random_rows(rdm.EXACT + 1, 64)).round() / 8
    expected = pdist(rows.double().numpy(), "correlation")
    for shifted in (rows + 2**20, rows.double() + 2**30):
        np.testing.assert_allclose(rdm.condensed_rdm(shifted), expected, rtol=0, atol=1e-6)


def test_large_rdms_of_rectified_and_similar_rows_are_exact_too():
    """Many products of one sign, the zeros' among them: adding up the plain ones in float32 is off
    by more.
    """
    rows = (random_rows(1, 4096) + 0.3 * torch.flip(random_rows(rdm.EXACT + 1, 4096), (1,))).relu()
    expected = pdist(rows.double().numpy(), "correlation")
    np.testing.assert_allclose(rdm.condensed_rdm(rows), expected, rtol=0, atol=5e-7)


@pytest.mark.parametrize("row", [0, rdm.BLOCK, 2 * rdm.BLOCK + 1])
@pytest.mark.parametrize("value", [float("nan"), 5.0])
def test_a_broken_row_of_any_block_makes_the_layer_nan(row, value):
    rows = random_rows(2 * rdm.BLOCK + 2, 8)
    rows[row] = value
    found = rdm.condensed_rdm(rows)
    assert np.isnan(found).all() and rdm.stimulus_count(len(found)) == len(rows)


def test_does_not_change_with_scale_shift_or_order_of_units(features):
    expected = rdm.condensed_rdm(features)
    shuffled = features[:, torch.randperm(30, generator=torch.Generator().manual_seed(1))]
    np.testing.assert_allclose(rdm.condensed_rdm(3 * shuffled + 5), expected, atol=1e-6)


def test_equal_and_opposite_rows_are_at_the_ends_of_the_range():
    row = torch.tensor([1.0, 2.0, 4.0])
    np.testing.assert_allclose(
        rdm.condensed_rdm(torch.stack([row, 2 * row, -row])), [0, 2, 2], atol=1e-12
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_makes_the_layer_nan(features, value):
    features[3, 4] = value
    assert np.isnan(rdm.condensed_rdm(features)).all()


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_row_makes_the_layer_nan(features, constant):
    features[3] = constant
    assert np.isnan(rdm.condensed_rdm(features)).all()


def test_tiny_responses_are_not_constant_ones(features):
    np.testing.assert_allclose(
        rdm.condensed_rdm(1e-20 * features), rdm.condensed_rdm(features), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(5,), (1, 5), (2, 3, 4)])
def test_shapes_that_are_no_table_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        rdm.condensed_rdm(torch.ones(shape))


def test_streamed_class_means_equal_those_of_all_features_at_once(features):
    conditions = torch.tensor([0, 1, 2, 0, 1, 2, -1, 0, 1, 2, 0, -1])
    means = rdm.ConditionMeans(conditions)
    layers = features, features[:, :7] ** 2
    for start, end in ((0, 5), (5, 6), (6, 12)):
        means.add(start, [layer[start:end] for layer in layers])
    assert [sums.shape for sums in means.sums] == [(3, 30), (3, 7)]  # whatever the number of images
    for layer, found in zip(layers, means.rdms(), strict=True):
        expected = torch.stack([layer[conditions == condition].mean(0) for condition in range(3)])
        np.testing.assert_allclose(found, rdm.condensed_rdm(expected), atol=1e-5)


def test_images_without_a_condition_leave_no_trace(features):
    conditions = torch.tensor([0, 1, 2, 0, 1, 2])
    broken = torch.full((6, 30), float("nan"))
    plain, longer = (
        rdm.ConditionMeans(conditions),
        rdm.ConditionMeans(torch.cat([torch.full((6,), -1), conditions])),
    )
    plain.add(0, [features[:6]])
    longer.add(0, [broken])
    longer.add(6, [features[:6]])
    np.testing.assert_array_equal(longer.rdms(), plain.rdms())


def test_similarity_agrees_with_scipy():
    rng = np.random.default_rng(0)
    teacher, candidate = rng.random((3, 45)), rng.random((4, 45))
    for ranks, expected in ((False, pearsonr), (True, spearmanr)):
        found = rdm.correlate_rdms(teacher, candidate, ranks=ranks)
        assert found.shape == (3, 4)
        for t in range(3):
            for c in range(4):
                assert found[t, c] == pytest.approx(
                    expected(teacher[t], candidate[c]).statistic, abs=1e-12
                )


def test_similarity_is_summed_in_double_precision():
    """Values far from zero, as float16 keeps them, lose their digits in float32 sums."""
    rng = np.random.default_rng(0)
    first = 1000 + rng.random(20_000)
    second = 1000 + first % 1 + rng.random(20_000)
    expected = np.corrcoef(first, second)[0, 1]
    assert rdm.correlate_rdms(first[None], second[None])[0, 0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("ranks", [False, True])
@pytest.mark.parametrize("broken", [np.nan, 1.0])
def test_layers_without_an_rdm_have_no_similarity_and_disturb_no_other(ranks, broken):
    rng = np.random.default_rng(0)
    teacher, candidate = rng.random((1, 45)), rng.random((2, 45))
    expected = rdm.correlate_rdms(teacher, candidate, ranks=ranks)[0, 1]
    candidate[0] = broken
    found = rdm.correlate_rdms(teacher, candidate, ranks=ranks)[0]
    assert np.isnan(found[0]) and found[1] == expected


def test_similarity_refuses_different_stimuli():
    with pytest.raises(ValueError, match="45 entries, a candidate's 44"):
        rdm.correlate_rdms(np.ones((1, 45)), np.ones((1, 44)))


def test_units_are_drawn_once_without_replacement():
    drawn = rdm.draw_units(5000, 1000, seed=1, layer=2)
    assert len(np.unique(drawn)) == 1000 and 0 <= drawn.min() and drawn.max() < 5000
    np.testing.assert_array_equal(drawn, rdm.draw_units(5000, 1000, seed=1, layer=2))
    assert (drawn != rdm.draw_units(5000, 1000, seed=1, layer=3)).any()
    assert (drawn != rdm.draw_units(5000, 1000, seed=2, layer=2)).any()
    np.testing.assert_array_equal(rdm.draw_units(7, 1000, seed=1, layer=2), np.arange(7))


@pytest.mark.parametrize("pairs", [0, 2, 4, 44])
def test_impossible_numbers_of_pairs_are_refused(pairs):
    with pytest.raises(ValueError, match=str(pairs)):
        rdm.stimulus_count(pairs)
    assert rdm.stimulus_count(45) == 10
