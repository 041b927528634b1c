"""RDMs of recordings and how reliable they are, against hand-made cases and rsatoolbox."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sage.images.stimuli import StimulusSet
from sage.rsa import rdm
from sage.teachers.recordings import PublishedRdm, Recording

IMAGES, SITES, TRIALS = 24, 30, 8


def make_stimuli(objects: int = 4) -> StimulusSet:
    numbers = torch.arange(IMAGES)
    return StimulusSet(
        "made up",
        torch.zeros(IMAGES, 3, 4, 4, dtype=torch.uint8),
        {"image": numbers, "class": numbers % objects},
        {"image": ("",) * IMAGES, "class": ("",) * objects},
    )


def make_recording(
    *, noise: float, sites: int = SITES, trials: int = TRIALS, seed: int = 0
) -> Recording:
    """Sites that answer to images, the same in every trial but for the noise."""
    rng = np.random.default_rng(seed)
    true = np.random.default_rng(99).standard_normal((IMAGES, sites, 1))
    counts = true + noise * rng.standard_normal((IMAGES, sites, trials))
    return Recording("V4", Path("v4.nc"), make_stimuli(), counts.astype(np.float32))


def without_some_trials(recording: Recording) -> Recording:
    """Every image has lost its last trials: the first none, the next one, and so on up to five."""
    trials = recording.trials.copy()
    for image in range(IMAGES):
        trials[image, :, TRIALS - image % 6 :] = np.nan
    return replace(recording, trials=trials)


@pytest.mark.parametrize("level", ["image", "class"])
def test_rdm_agrees_with_rsatoolbox(level):
    from rsatoolbox.data import Dataset, average_dataset_by
    from rsatoolbox.rdm import calc_rdm

    recording = make_recording(noise=0.5)
    data = Dataset(
        recording.trials.mean(2, dtype=np.float64),
        obs_descriptors={"condition": recording.stimuli.conditions[level].numpy()},
    )
    means, order, _ = average_dataset_by(data, "condition")
    assert order.tolist() == sorted(order)
    expected = calc_rdm(Dataset(means), method="correlation").dissimilarities[0]
    np.testing.assert_allclose(recording.rdm(level), expected, atol=1e-5)


def test_missing_trials_do_not_count():
    recording = without_some_trials(make_recording(noise=0.5))
    expected = [recording.trials[image, :, : TRIALS - image % 6].mean(1) for image in range(IMAGES)]
    np.testing.assert_allclose(recording.responses, expected, atol=1e-6)


def test_reliability_is_what_twice_the_trials_of_a_half_would_have():
    """Split halves, corrected, correlate as two whole recordings of the same sites do."""
    for noise in (0.5, 2.0):
        pairs = [
            [make_recording(noise=noise, seed=2 * n + k).rdm("image") for k in (0, 1)]
            for n in range(20)
        ]
        expected = np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs])
        found = np.mean(
            [make_recording(noise=noise, seed=n).reliability("image") for n in range(20)]
        )
        assert found == pytest.approx(expected, abs=0.06)
        assert 0.2 < expected < 0.97


def test_reliability_without_noise_and_without_trials():
    exact = without_some_trials(make_recording(noise=0.0))
    assert exact.reliability("image") == pytest.approx(1, abs=1e-5)
    assert exact.ceiling("class") == pytest.approx(1, abs=1e-5)
    once = make_recording(noise=0.5, trials=1)
    assert np.isnan(once.reliability("image")) and np.isnan(once.ceiling("image"))


def test_halves_share_no_trial_and_leave_none_out():
    recording = without_some_trials(make_recording(noise=1.0))
    first, second = recording._halves(np.random.default_rng(0))
    for image in range(IMAGES):
        count = TRIALS - image % 6
        halves = [half[image][:, np.isfinite(half[image][0])] for half in (first, second)]
        assert [half.shape[1] for half in halves] == [count // 2, count - count // 2]
        together = np.sort(np.concatenate(halves, 1), axis=1)
        np.testing.assert_array_equal(together, np.sort(recording.trials[image, :, :count], axis=1))


def test_sites_of_several_sessions_have_trials_of_their_own():
    """Ten sites were there for the first trials, ten for the others."""
    whole = make_recording(noise=1.0, sites=20, trials=2 * TRIALS)
    trials = whole.trials.copy()
    trials[:, :10, TRIALS:] = trials[:, 10:, :TRIALS] = np.nan
    sessions = Recording("V4", whole.path, whole.stimuli, trials)
    assert sessions.extent == f"20 sites, up to {TRIALS} trials"
    together = np.concatenate([trials[:, :10, :TRIALS], trials[:, 10:, TRIALS:]], axis=1)
    as_one = Recording("V4", whole.path, whole.stimuli, together)
    assert sessions.reliability("image") == pytest.approx(as_one.reliability("image"), abs=0.03)
    sample = sessions.sample(20, 3, np.random.default_rng(0))
    assert sample.trials.shape[2] == 3 and np.isfinite(sample.trials).all()


def test_reliability_of_noise_is_none():
    rng = np.random.default_rng(0)
    trials = rng.random((IMAGES, SITES, 4), dtype=np.float32)
    noise = Recording("V4", Path("v4.nc"), make_stimuli(), trials)
    assert 0 <= noise.reliability("image") < 0.2


def test_a_sample_has_some_of_the_sites_and_trials():
    recording = make_recording(noise=1.0)
    sample = recording.sample(5, 3, np.random.default_rng(0))
    assert sample.trials.shape == (IMAGES, 5, 3)
    assert np.isin(sample.trials, recording.trials).all()
    assert (sample.trials != recording.trials[:, :5, :3]).any()
    whole = recording.sample(SITES, TRIALS, np.random.default_rng(0))
    np.testing.assert_allclose(whole.rdm("image"), recording.rdm("image"), atol=1e-6)


def make_published(people: int, *, noise: float = 0.3, seed: int = 0) -> PublishedRdm:
    """RDMs that share as much as the seed says, and have their own noise."""
    rng, pairs = np.random.default_rng(seed), IMAGES * (IMAGES - 1) // 2
    shared = rng.random(pairs)
    rdms = shared + noise * rng.standard_normal((people, pairs))
    return PublishedRdm("IT", Path("it.nc"), make_stimuli(), rdms)


def test_noise_ceiling_agrees_with_rsatoolbox():
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    published = make_published(5)
    expected = boot_noise_ceiling(RDMs(published.rdms), method="corr")
    np.testing.assert_allclose(published.noise_ceiling(), expected, atol=1e-6)
    alone, (low, high) = make_published(1), expected
    assert np.isnan(alone.noise_ceiling()).all() and np.isnan(alone.ceiling("image"))
    assert published.extent == f"5 published RDMs, noise ceiling of one {low:.2f} to {high:.2f}"


def test_ceiling_of_a_mean_rdm_is_what_the_true_one_reaches():
    """The RDM that people share, measured with their noise: its correlation with their mean."""
    found, reached = [], []
    for seed in range(20):
        published = make_published(6, seed=seed)
        shared = make_published(1, noise=0.0, seed=seed)
        found.append(published.ceiling("image"))
        reached.append(np.corrcoef(published.rdm("image"), shared.rdm("image"))[0, 1])
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.02)
    assert np.mean(reached) < 0.98


def test_a_published_rdm_is_the_mean_over_people_of_the_images_with_rows():
    published = make_published(3)
    np.testing.assert_allclose(published.rdm("image"), published.rdms.mean(0))
    published.stimuli.conditions["image"][:] = -1
    published.stimuli.conditions["image"][[2, 5, 20]] = torch.arange(3)
    first, second = np.triu_indices(IMAGES, 1)
    pairs = [
        published.rdms.mean(0)[(first == a) & (second == b)].item()
        for a, b in ((2, 5), (2, 20), (5, 20))
    ]
    np.testing.assert_allclose(published.rdm("image"), pairs)
    assert rdm.stimulus_count(len(pairs)) == 3


def one_site(trials: np.ndarray) -> np.ndarray:
    return trials[:, :1]


def a_silent_site(trials: np.ndarray) -> np.ndarray:
    return np.where(np.arange(SITES)[:, None] == 3, 2.0, trials)


def two_sites_that_missed_an_image(trials: np.ndarray) -> np.ndarray:
    trials[0, [3, 7]] = np.nan
    return trials


@pytest.mark.parametrize(
    "spoil, message",
    [
        (one_site, "1 site, expected 2 or more"),
        (a_silent_site, "1 sites with the same response to every image.*leave out sites 3 "),
        (two_sites_that_missed_an_image, "2 sites with no response to some image.*sites 3, 7 "),
    ],
)
def test_sites_that_mean_nothing_are_refused(spoil, message):
    recording = make_recording(noise=1.0)
    spoilt = replace(recording, trials=spoil(recording.trials.copy()))
    with pytest.raises(ValueError, match=f"region V4 has {message}"):
        spoilt.check()


def test_published_rdms_that_mean_nothing_are_refused():
    whole = make_published(2)
    with pytest.raises(ValueError, match="region IT has RDMs of 23 images, the file has 24 images"):
        replace(whole, rdms=whole.rdms[:, : 23 * 22 // 2]).check()
    whole.rdms[0, 0] = np.nan
    with pytest.raises(ValueError, match="region IT has NaN"):
        whole.check()
    whole.rdms[0] = 0.5
    with pytest.raises(ValueError, match="region IT has an RDM in which all pairs are alike"):
        whole.check()
