"""Simulated recordings, and how much of one guidance needs."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr
from torch import nn

from sage import teachers
from sage.analysis import site_sampling
from sage.config import paths
from sage.config.run import MacaqueRun
from sage.images import objects
from sage.rsa import guidance
from sage.rsa.teacher import Teacher
from sage.teachers import assemblies, simulation

LAYERS = ("early", "middle", "late")


class Stages(nn.Module):
    """Three layers with enough units to record from."""

    def __init__(self):
        super().__init__()
        self.early, self.middle, self.late = (
            nn.Sequential(nn.Conv2d(channels, 64, 3, 2, padding=1), nn.ReLU())
            for channels in (3, 64, 64)
        )

    def forward(self, images):
        return self.late(self.middle(self.early(images))).mean((2, 3))


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    return partial(simulation.record, Stages(), LAYERS, images=100, size=16, shown_size=16)


def test_a_simulated_recording_is_one_and_says_that_it_is_simulated(record, tmp_path):
    table = record(trials=6, seed=0)
    path = paths.save_table(table, tmp_path / "simulated.nc")
    found = assemblies.read([path], size=16)
    assert [one.trials.shape for one in found] == [
        (128, sites, 6) for sites in simulation.SITES.values()
    ]
    assert sum(simulation.SITES.values()) == 296
    assert all(one.simulated and one.region.startswith("simulated ") for one in found)
    assert "no animal was recorded" in table.attrs["source"]
    assert set(found[0].stimuli.categories["image"]) == set(objects.CATEGORIES)
    assert len(found[0].stimuli.categories["class"]) == 64


def test_spikes_are_counted_at_the_rate_of_a_unit(record):
    """Counts of many trials scatter around the unit's scaled response as Poisson's do."""
    table = record(trials=400, seed=0)
    counts = table.trials.values.astype(float)
    means, variances = counts.mean(2), counts.var(2, ddof=1)
    assert np.median(means.mean(0)) == pytest.approx(simulation.SPIKES, rel=0.2)
    assert np.log(means.mean(0)).std() == pytest.approx(simulation.SPREAD, rel=0.2)
    lively = means > 0.5
    assert (variances[lively] / means[lively]).mean() == pytest.approx(1, abs=0.02)
    again = record(trials=400, seed=0)
    xr.testing.assert_identical(table, again)
    assert (record(trials=400, seed=1).trials != table.trials).any()


def test_networks_that_cannot_be_recorded_from_are_refused():
    silent = Stages()
    nn.init.constant_(silent.late[0].weight, 0)
    nn.init.constant_(silent.late[0].bias, -1)
    settings = {"images": 64, "size": 16, "shown_size": 16, "trials": 2, "seed": 0}
    message = "simulated aIT has 0 active units to record from, expected 84 or more"
    with pytest.raises(ValueError, match=message):
        simulation.record(silent, LAYERS, **settings)


def test_a_run_records_once(images):
    run = MacaqueRun(profile="smoke", dataset="mine")
    first = teachers.recorded_regions(run)
    (path,) = {one.path for one in first}
    made = path.stat().st_mtime_ns
    assert [one.stimuli for one in teachers.recorded_regions(run)] == [one.stimuli for one in first]
    assert path.stat().st_mtime_ns == made
    teacher = teachers.from_recordings(first)
    assert [layer.name for layer in teacher.layers] == list(simulation.SITES)
    assert teacher.recordings == (str(path),) and teacher.name == path.stem
    np.testing.assert_array_equal(teacher.layers[1].rdms["class"], first[1].rdm("class"))


def candidates(
    compared: Teacher, *, count: int, rdms: np.ndarray, stimuli: str, again: float = 1
) -> xr.DataArray:
    """As `comparison.similarity`, of candidates with one layer each, the last twice.

    They are after 1 epoch, and the second time after `again`.
    """
    numbers = [*range(count), count - 1]
    snapshots = [
        (place, 1.0, {(stimuli, "class"): rdms[number][None]})
        for place, number in enumerate(numbers)
    ]
    found = (
        guidance.compare(snapshots, compared, level="class")
        .isel(epoch=0, drop=True)
        .rename(network="candidate")
    )
    along = {"hash": [f"{number}" for number in numbers], "run": [0] * len(numbers)}
    along["epochs"] = [1.0] * count + [again]
    return found.assign_coords({name: ("candidate", values) for name, values in along.items()})


def test_agreement_of_parts_with_the_whole(record, tmp_path):
    path = paths.save_table(record(trials=5, seed=0), tmp_path / "simulated.nc")
    found = assemblies.read([path], size=16)
    stimuli, pairs = found[0].stimuli.identity, len(found[0].rdm("class"))
    rng = np.random.default_rng(0)
    share = np.linspace(0, 1, 12)[:, None]  # of what a candidate has in common with the brain
    rdms = share * found[0].rdm("class") + (1 - share) * rng.random((12, pairs))
    compare = partial(candidates, count=12, rdms=rdms, stimuli=stimuli)
    table = site_sampling.agreement(found, "class", compare, seed=0)
    assert int(table.n) == 12 and table.sites.values.tolist() == [4, 8, 16, 32, 64, 128]
    assert table.trials.values.tolist() == [1, 2, 5] and table.attrs["regions"] == ", ".join(
        simulation.SITES
    )
    assert site_sampling.agreement(found, "class", partial(compare, again=2), seed=0).n == 13
    assert table.value.sel(sites=128, trials=5) == 1
    assert table.value.sel(sites=128, trials=5) > table.value.sel(sites=8, trials=1)
    assert (table.low <= table.value).where(table.value.notnull(), True).all()
    orders = []
    for draw in range(site_sampling.DRAWS):
        rng = np.random.default_rng(
            [0, (1 * 3 + 1) * site_sampling.DRAWS + draw]
        )  # the second number of sites, and of trials
        parts = [one.sample(8, 2, rng).rdm("class") for one in found]
        orders.append(
            np.mean([[np.corrcoef(part, one)[0, 1] for one in rdms] for part in parts], axis=0)
        )
    whole = np.mean(
        [[np.corrcoef(one.rdm("class"), other)[0, 1] for other in rdms] for one in found], axis=0
    )
    expected = np.mean([spearmanr(order, whole).statistic for order in orders])
    assert table.value.sel(sites=8, trials=2) == pytest.approx(expected)
    assert site_sampling.agreement([], "class", compare, seed=0).sizes == {"sites": 0, "trials": 0}


def test_sites_of_several_sessions_are_sampled_by_the_trials_that_they_have(record, tmp_path):
    """Half of the sites were recorded in the first five trials, half in the others."""
    path = paths.save_table(record(trials=10, seed=0), tmp_path / "simulated.nc")
    region = assemblies.read([path], size=16)[0]
    trials, half = region.trials.copy(), region.trials.shape[1] // 2
    trials[:, :half, 5:] = trials[:, half:, :5] = np.nan
    found = replace(region, trials=trials)
    assert found.size == (trials.shape[1], 5)
    rdms = np.stack([found.rdm("class"), np.random.default_rng(0).random(len(found.rdm("class")))])
    compare = partial(candidates, count=2, rdms=rdms, stimuli=found.stimuli.identity)
    assert site_sampling.agreement([found], "class", compare, seed=0).trials.values.max() == 5
