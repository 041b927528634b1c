import numpy as np
import pytest
import xarray as xr

from sage.analysis import added_value, contrasts, cross_validation
from sage.analysis.added_value import GIVEN
from tests.support.one_by_one import BOOTSTRAP


def make_scores(networks: int = 60, *, signal: float = 1.0) -> tuple[xr.DataArray, xr.DataArray]:
    """P and size tell the target with noise, TG what they do not tell; controls tell nothing."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=networks)
    names = [*GIVEN["all that is free"], *added_value.ADDED]
    values = rng.normal(size=(len(names), networks, 2))
    values[names.index("P")] = (target + rng.normal(size=networks))[:, None]
    values[names.index("TG")] += 2 * signal * target[:, None]
    coordinates = {"predictor": names, "network": np.arange(networks), "epoch": [1.0, 20.0]}
    scores = xr.DataArray(values, coordinates, ("predictor", "network", "epoch"))
    mature = xr.DataArray(target, {"network": np.arange(networks)}, "network")
    pool = ("network", ["one"] * networks)
    return scores.assign_coords(pool=pool), mature.assign_coords(epoch=20.0)


def test_regression_agrees_with_normal_equations():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 23)) * [[1], [1e4]] + [[0], [1e6]], rng.normal(size=23)
    y[4] = np.nan
    found = cross_validation.regression(x, y, seed=3)
    known = np.flatnonzero(np.isfinite(y))
    expected, again = np.zeros(23), np.random.default_rng(3)
    for _ in range(cross_validation.REPEATS):
        for held_out in np.array_split(known[again.permutation(22)], cross_validation.FOLDS):
            fit = np.setdiff1d(known, held_out)
            centre = x[:, fit].mean(1)
            slopes = np.linalg.solve(np.cov(x[:, fit]), np.cov(x[:, fit], y[fit])[-1, :2])
            line = y[fit].mean() + slopes @ (x[:, held_out] - centre[:, None])
            expected[held_out] += line / cross_validation.REPEATS
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-6)
    assert np.isnan(found[4])


def test_a_network_has_no_say_in_its_own_prediction_by_one_division(monkeypatch):
    monkeypatch.setattr(cross_validation, "REPEATS", 1)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30)), rng.normal(size=30)
    before = cross_validation.regression(x, y, seed=0)
    y[7] += 10
    after = cross_validation.regression(x, y, seed=0)
    assert after[7] == pytest.approx(before[7]) and not np.allclose(after, before)


def test_what_tells_nothing_lowers_r_on_average_and_what_tells_little_hardly_raises_it():
    """So that an undecided gain does not say that nothing is told: see docs/results.md."""
    rng, gains = np.random.default_rng(0), {0.0: [], 0.3: []}
    for _ in range(200):
        target, noise, other = rng.normal(size=(3, 100))
        p = target + noise
        for signal, found in gains.items():
            rest = target - p / 2  # what P leaves of the target
            added = signal * rest / rest.std() + np.sqrt(1 - signal**2) * other
            one, both = (
                np.corrcoef(cross_validation.regression(x, target, seed=0), target)[0, 1]
                for x in (p[None], np.stack([p, added]))
            )
            found.append(both - one)
    assert -0.01 < np.mean(gains[0.0]) < -3 * np.std(gains[0.0]) / np.sqrt(200)
    assert 0.02 < np.mean(gains[0.3]) < 0.04  # where the partial correlation is 0.3


def test_what_does_not_vary_counts_for_nothing_and_too_few_networks_give_none():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, 30)), rng.normal(size=30)
    alone = cross_validation.regression(x, y, seed=0)
    both = cross_validation.regression(np.concatenate([x, np.full((1, 30), 0.1)]), y, seed=0)
    np.testing.assert_allclose(both, alone)
    # Of 12 networks 9.6 are in the other folds: 5 for each weight would take 10.
    assert np.isnan(cross_validation.regression(x[:, :12], y[:12], seed=0)).all()
    assert np.isfinite(cross_validation.regression(x[:, :13], y[:13], seed=0)).all()


@pytest.mark.parametrize(
    "signal, expected", [(1.0, {contrasts.BETTER}), (0.0, {contrasts.UNDECIDED, "alike"})]
)
def test_what_tg_adds_is_found_and_noise_adds_nothing(signal, expected):
    found = added_value.added_value(*make_scores(signal=signal), BOOTSTRAP)
    assert found.epoch.values.tolist() == [1.0]
    for given in GIVEN:
        words = contrasts.verdicts(found, f"{given} + TG", 1.0)
        assert set(words) == {given, *(f"{given} + {one}" for one in added_value.IGNORANT)}
        assert set(words.values()) <= expected
        control = contrasts.verdicts(found, f"{given} + TG untrained", 1.0)
        assert set(control) == {given} and contrasts.BETTER not in control.values()


def test_regressions_need_all_of_their_predictors():
    scores, mature = make_scores()
    names = [name for name in scores.predictor.values if name not in ("naswot", "TG shuffled")]
    found = added_value.regressions(scores.sel(predictor=names), mature, seed=0)
    assert found.predictor.values.tolist() == [
        "P and size",
        "P and size + TG",
        "P and size + TG in order",
        "P and size + TG before training",
        "P and size + TG untrained",
    ]
