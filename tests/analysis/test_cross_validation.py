import numpy as np

from sage.analysis import bootstrap, cross_validation

ALPHAS = np.linspace(-2, 2, 21)
OPTIONS = {"alphas": ALPHAS, "folds": 5, "repeats": 3, "seed": 0}


def choose(*samples: np.ndarray, **options) -> tuple[np.ndarray, np.ndarray]:
    return cross_validation.nested_alpha(*samples, **(OPTIONS | options))


def draw(networks: int, signal: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return base, addition and target, which both tell with noise; the addition by `signal`."""
    rng = np.random.default_rng(seed)
    target, noise, other = rng.normal(size=(3, networks))
    return target + noise, signal * target + other, target


def gains(signal: float) -> tuple[np.ndarray, np.ndarray]:
    """Return gains in r over the base: of nested scores, and with the best alpha in hindsight."""
    nested, naive = [], []
    for seed in range(60):
        base, addition, target = draw(40, signal, seed)
        scores, _ = choose(base, addition, target)
        alone = bootstrap.correlate(base, target)
        nested.append(bootstrap.correlate(scores, target) - alone)
        naive.append(bootstrap.correlate(base + ALPHAS[:, None] * addition, target).max() - alone)
    return np.array(nested), np.array(naive)


def test_noise_gains_nothing_where_the_best_alpha_in_hindsight_seems_to():
    nested, naive = gains(signal=0)
    error = np.std(nested) / len(nested) ** 0.5
    assert np.mean(nested) < 2 * error and np.mean(nested) > -0.05
    assert (naive >= -1e-12).all() and np.mean(naive) > 3 * np.std(naive) / len(naive) ** 0.5
    assert np.mean(naive) > np.mean(nested) + 0.01


def test_signal_is_found():
    nested, naive = gains(signal=1)
    assert np.mean(nested) > 0.05 and np.mean(nested > 0) > 0.8
    assert np.mean(naive) > np.mean(nested)


def test_agrees_with_a_loop():
    base, addition, target = draw(11, 1, 0)
    scores, chosen = choose(base, addition, target)
    rng = np.random.default_rng(0)
    expected = np.zeros(11)
    for repeat in range(3):
        order = rng.permutation(11).tolist()
        for fold, size in enumerate((3, 2, 2, 2, 2)):
            held_out, order = order[:size], order[size:]
            others = [i for i in range(11) if i not in held_out]
            fit = {
                a: np.corrcoef(base[others] + a * addition[others], target[others])[0, 1]
                for a in ALPHAS
            }
            alpha = max(fit, key=fit.get)
            assert chosen[repeat, fold] == alpha
            score = base + alpha * addition
            expected[held_out] += (score[held_out] - score[others].mean()) / score[others].std() / 3
    np.testing.assert_allclose(scores, expected)


def test_a_network_has_no_say_in_its_own_score():
    base, addition, target = draw(20, 0.5, 0)
    before, alphas_before = choose(base, addition, target)
    target[7] += 10
    after, alphas_after = choose(base, addition, target)
    assert after[7] == before[7]
    assert (np.delete(after, 7) != np.delete(before, 7)).any() and (
        alphas_after != alphas_before
    ).any()


def test_scores_do_not_depend_on_place_and_scale():
    base, addition, target = draw(30, 1, 0)
    scores, chosen = choose(base, addition, target)
    moved, same = choose(3 + 0.1 * base, 0.1 * addition - 7, 5 * target + 1, **OPTIONS)
    np.testing.assert_allclose(moved, scores, atol=1e-9)
    np.testing.assert_array_equal(same, chosen)


def test_the_first_of_weights_that_tie_is_chosen_whatever_the_rounding():
    base, _, target = draw(40, 1, 0)
    _, chosen = choose(base, base, target, alphas=np.arange(0.3, 2, 0.1))
    assert (chosen == 0.3).all()


def test_a_single_alpha_leaves_the_score_as_it_is():
    base, addition, target = draw(60, 1, 0)
    scores, chosen = choose(base, addition, target, alphas=[0.5])
    assert (chosen == 0.5).all() and chosen.shape == (3, 5)
    assert bootstrap.correlate(scores, base + 0.5 * addition) > 0.99


def test_networks_without_a_value_are_left_out_and_stay_nan():
    samples = np.array(draw(30, 1, 0))
    expected, chosen = choose(*samples[:, 3:])
    samples[[0, 1, 2], [0, 1, 2]] = np.nan
    scores, same = choose(*samples)
    assert np.isnan(scores[:3]).all()
    np.testing.assert_array_equal(scores[3:], expected)
    np.testing.assert_array_equal(same, chosen)


def test_where_nothing_correlates_there_is_no_score():
    base, addition, target = draw(10, 1, 0)
    for samples in (
        (base, addition, np.full(10, 0.1)),
        (np.full(10, 0.1), np.full(10, 0.3), target),
        (base, np.full(10, np.nan), target),
        (base[:4], addition[:4], target[:4]),
    ):
        scores, chosen = choose(*samples)
        assert (
            np.isnan(scores).all() and scores.shape == samples[0].shape and np.isnan(chosen).all()
        )
