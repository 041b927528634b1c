"""Controls of many draws, on made-up RDMs."""

import numpy as np
import pytest
import xarray as xr

from sage import teachers
from sage.config import paths
from sage.config.run import BenchmarkRun, Refused, Run, StoredRun
from sage.experiments import controls, stored_networks
from sage.rsa import guidance, pool_bank
from sage.rsa.teacher import Teacher, read_teacher
from tests.support.made_up_teachers import PAIRS, make_teacher


def make_snapshots() -> list:
    """Three networks at two epochs; layer 2 of network 1 does not vary at the last."""
    rng = np.random.default_rng(1)
    found = []
    for network in range(3):
        for epoch in (0.0, 2.0):
            rdms = rng.random((2, PAIRS))
            if (network, epoch) == (1, 2.0):
                rdms[1] = np.nan
            found.append((network, epoch, {("set a", "class"): rdms}))
    return found


def test_controls_are_many_draws_and_the_networks_themselves(monkeypatch):
    seeds = []

    def load(run: Run) -> Teacher:
        assert run.teacher == "resnet-untrained"
        seeds.append(run.seed)
        return make_teacher().shuffled(seed=1000 + run.seed)

    monkeypatch.setattr(teachers, "load_teacher", load)
    snapshots, teacher = make_snapshots(), make_teacher()
    untrained = controls.untrained_teachers(Run(teacher="mine.nc"))
    found = controls.control_guidance(iter(snapshots), teacher, untrained, level="class")
    assert seeds == list(range(10)) and found.sizes["permutation"] == 100

    def alone(by: Teacher) -> np.ndarray:
        compared = guidance.compare(snapshots, by, level="class")
        return guidance.teacher_guidance(compared).values

    np.testing.assert_allclose(found.TG, alone(teacher))
    np.testing.assert_allclose(found.shuffled[7], alone(teacher.shuffled(seed=7)))
    np.testing.assert_allclose(found.untrained[3], alone(make_teacher().shuffled(seed=1003)))

    last = controls.peer_guidance(iter(snapshots), "set a", level="class").sel(epoch=2)
    assert last.notnull().all() and last.teacher.values.tolist() == [0, 1, 2]
    np.testing.assert_allclose([last.sel(teacher=n, network=n) for n in range(3)], 1)
    by_hand = np.corrcoef(
        np.vstack([snapshots[3][2]["set a", "class"][:1], snapshots[1][2]["set a", "class"]])
    )
    np.testing.assert_allclose(last.sel(teacher=1, network=0), by_hand[0, 1:].max())


def test_a_teacher_of_other_images_or_with_nan_is_refused(tmp_path):
    told = r"RDMs of networks are of set a \(class\), those of the teacher of set b \(class\)"
    with pytest.raises(ValueError, match=f"{told}: expected a teacher that was measured on"):
        pool_bank.networks_as_teachers(make_snapshots(), "set b", "class")
    path = make_teacher().save(tmp_path / "mine.nc")
    bank = xr.load_dataset(path)
    name = list(bank)[0]
    bank[name][1] = np.nan
    paths.save_table(bank, path)
    with pytest.raises(ValueError, match=f"mine.nc: variable '{name}' has values that are not"):
        read_teacher(path)


def make_bank() -> xr.Dataset:
    bank = pool_bank.pack(make_snapshots())
    bank["accuracy"] = (("network", "epoch"), np.arange(6).reshape(3, 2) / 10)
    return bank.assign({one: ("network", [3, 1, 2]) for one in ("mature", "depth", "architecture")})


@pytest.mark.parametrize("broken", ["accuracy", "mature", "rdms_0"])
def test_stored_networks_that_broke_are_left_out(tmp_path, broken):
    whole = make_bank()
    bank = whole.assign({broken: whole[broken].astype(float)})
    bank[broken][{"network": 1} | ({} if broken == "mature" else {"epoch": 1})] = np.nan
    for name, one in (("whole", whole), ("broken", bank), ("none", bank.isel(network=[1]))):
        paths.save_table(one, tmp_path / f"{name}.nc")
    make_teacher().save(tmp_path / "teacher.nc")
    options = {"teacher": f"{tmp_path}/teacher.nc", "untrained": f"{tmp_path}/whole.nc"}
    run = StoredRun(banks=f"'{tmp_path}/broken.nc' '{tmp_path}/whole.nc'", **options)
    found = stored_networks.load_stored(run)
    assert found.networks.network.values.tolist() == [0, 2, 3, 4, 5]
    assert found.networks.mature.values.tolist() == [3, 2, 3, 1, 2]
    assert found.guided.network.equals(found.networks.network) and found.guided.TG.notnull().all()
    with pytest.raises(Refused, match="without any such network: expected some with accuracies"):
        stored_networks.load_networks(StoredRun(banks=f"{tmp_path}/none.nc", **options))


def test_stored_networks_are_read_from_the_files_that_a_run_names(tmp_path):
    teacher, bank = make_teacher(), make_bank()
    paths.save_table(bank, tmp_path / "my pool.nc")
    teacher.save(tmp_path / "teacher.nc")
    named = {"teacher": f"{tmp_path}/teacher.nc", "untrained": f"{tmp_path}/my pool.nc"}
    run = StoredRun(banks=2 * f"'{tmp_path}/my pool.nc' ", **named)
    found = stored_networks.load_stored(run)
    assert found.networks.mature.values.tolist() == 2 * [3, 1, 2]
    assert found.networks.network.values.tolist() == list(range(6))
    assert found.guided.sizes["initialisation"] == 3
    alone = guidance.compare(make_snapshots(), teacher, level="class")
    expected = np.tile(guidance.teacher_guidance(alone), (2, 1))
    np.testing.assert_allclose(found.guided.TG, expected, atol=0.005)
    deep = found.at_least(2)
    assert deep.networks.depth.values.tolist() == 2 * [3, 2] and deep.peer.shape == (6, 4, 2)
    paths.save_table(bank.isel(epoch=[1]), tmp_path / "late.nc")
    for other, told in (
        ("teacher", "which has no accuracy, mature, depth"),
        ("late", "first epoch"),
    ):
        with pytest.raises(Refused, match=f"banks names .*{other}.nc', .*{told}"):
            stored_networks.load_networks(StoredRun(**named | {"banks": f"{tmp_path}/{other}.nc"}))
    with pytest.raises(Refused, match="banks names 'none.nc', expected a file"):
        stored_networks.find_stored(StoredRun(banks="none.nc"))
    with pytest.raises(Refused, match="untrained is empty"):
        stored_networks.find_stored(StoredRun(untrained=""))
    two = 2 * f"{named['teacher']} "
    for other in (StoredRun(teacher=two), BenchmarkRun(**named, banks=two)):
        with pytest.raises(Refused, match="names 2 files, .*, expected one"):
            stored_networks.find_stored(other)
    with pytest.raises(Refused, match="level is 'image', expected 'class'"):
        BenchmarkRun(level="image")


def test_published_banks_hold_the_networks_of_the_published_pools():
    for path in stored_networks.find_stored(StoredRun())["banks"]:
        bank, pool = xr.load_dataset(path), xr.load_dataset(path.with_name("01_pool.nc"))
        assert bank.hash.values.tolist() == pool.hash.values.tolist()
        np.testing.assert_array_equal(bank.mature, pool.accuracy.sel(epoch=20))
        for epoch in (1, 2, 5):
            both = bank.accuracy.sel(epoch=epoch), pool.accuracy.sel(epoch=epoch)
            assert np.corrcoef(*both)[0, 1] > 0.99
