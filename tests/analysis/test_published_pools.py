import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sage import teachers
from sage.analysis import predictivity, predictors, published_pools
from sage.analysis.bootstrap import Estimate
from sage.analysis.published_pools import OWN, Pools
from sage.config import paths
from sage.config.profiles import PROFILES
from sage.config.run import PoolRun
from sage.experiments import checks, pool
from sage.rsa.teacher import Teacher, TeacherLayer
from sage.search.evaluation import EvaluationProtocol
from tests.support.pools import BOOTSTRAP, make_known
from tests.support.pools import NAMES as FEW

NAMES = (*FEW, "synflow")
TEACHER = Teacher("mine", (TeacherLayer("L1", "stimuli", {"class": np.arange(6.0)}),))


def make_table(
    networks: int = 30,
    *,
    names=NAMES,
    teacher: Teacher = TEACHER,
    level: str = "class",
    **described,
) -> xr.Dataset:
    """As a run of the smoke profile would publish it."""
    known, _ = make_known(networks)
    similarity = known.similarities["teacher"].assign_attrs(
        level=level, teacher_identity=teacher.identity
    )
    known.similarities["teacher"] = similarity
    synflow = np.random.default_rng(networks).random(networks)
    known = replace(known, results=known.results.assign(synflow=("network", synflow)))
    table = predictivity.pool_record(known, predictors.score_table(known, names))
    description = (
        EvaluationProtocol.of(PoolRun(profile="smoke").settings, "objects").description()
        | {"seed": 1}
        | described
    )
    parameters = {"dataset": "objects", "profile": "smoke", "teacher": "resnet", "level": "class"}
    parameters |= {"alpha": 1.0, "seed": description["seed"], "pools": ""}
    attributes = {"description": description, "run_parameters": parameters}
    table = table.assign_attrs({name: json.dumps(one) for name, one in attributes.items()})
    return table.assign_coords(epoch=[0.0, 0.5, 2.0])


@pytest.fixture
def publish(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "results", lambda: tmp_path)

    def published(name: str, table: xr.Dataset) -> None:
        paths.save_table(table, tmp_path / name / "01_pool.nc")

    return published


def load(names: str, **parameters) -> dict[str, xr.Dataset]:
    run = PoolRun(profile="smoke", pools=names, **parameters)
    pools = published_pools.read_published(run)
    published_pools.check_alike(pools, run, None if OWN in pools else TEACHER)
    return pools


def test_pools_of_other_seeds_and_devices_are_loaded_and_told_apart_by_seed(publish):
    assert load("") == {}
    tables = {
        "pool/seed-7": make_table(seed=7),
        "pool": make_table(device="cuda", convolutions="bfloat16", seed=3),
    }
    for name, table in tables.items():
        publish(name, table)
    found = load("pool pool/seed-7")
    assert list(found) == ["seed 3", "seed 7"]
    for one, name in zip(found.values(), ("pool", "pool/seed-7")):
        assert one.attrs.pop("published") == name
        xr.testing.assert_identical(one, tables[name])
    # Names that join a table from a file are not cut to the length of those in it.
    score = found["seed 3"].score
    longer = xr.concat([score, score[:1].assign_coords(predictor=[50 * "a"])], "predictor")
    path = paths.save_table(longer.to_dataset(), paths.data() / "longer.nc")
    assert xr.load_dataset(path).predictor.values[-1] == 50 * "a"


@pytest.mark.parametrize(
    "names, message",
    [
        ("absent", "unknown pool 'absent', expected one of again, other, own"),
        ("other again", "pool 'again' has seed 1 like other: the same networks"),
        (
            "other",
            "pool 'other' cannot be put together with this run's: it has alpha 1.0 instead of 2.0",
        ),
        ("own", "pool 'own' is not of this run: it has alpha 1.0 instead of 2.0"),
    ],
)
def test_pools_that_cannot_be_put_together_are_refused(publish, names, message):
    publish("other", make_table())
    publish("own", make_table(seed=0))
    publish("again", make_table())
    with pytest.raises(ValueError, match=message):
        load(names, alpha=2.0)


def test_a_runs_own_published_pool_needs_neither_record_nor_images_nor_teacher(
    publish, monkeypatch, tmp_path
):
    for one in (pool, teachers):
        for name in ("train_pool", "retrain_pool", "search_pool", "load_teacher", "load_images"):
            monkeypatch.delattr(one, name, raising=False)
    for name, seed in (("mine", 0), ("mine/seed-1", 1), ("bare", 0)):
        publish(name, make_table(seed=seed))
    paths.save_table(make_table(8), tmp_path / "mine" / "01_found.nc")
    ends = {"ceiling_value": 0.9, "ceiling_low": 0.8, "ceiling_high": 0.95, "ceiling_n": 8}
    paths.save_table(xr.Dataset(attrs=ends), tmp_path / "mine" / "01_summary.nc")
    run = PoolRun(profile="smoke", pools="mine/seed-1 mine")
    monkeypatch.setattr(checks.datasets, "check_name", lambda name: pytest.fail("asked for images"))
    checks.check_run(run)
    found = pool.load_pools(run)
    assert found.own.attrs["published"] == "mine" and list(found.others) == ["seed 1"]
    assert found.searched is not None and len(found.searched.network) == 8
    assert found.ceiling == Estimate(0.9, 0.8, 0.95, 8)
    bare = pool.load_pools(PoolRun(profile="smoke", pools="bare"))
    assert bare.searched is None and np.isnan(bare.ceiling.value) and not bare.others
    wider = replace(PROFILES["smoke"], width=2 * PROFILES["smoke"].width)
    with monkeypatch.context() as changed, pytest.raises(ValueError, match="networks {.*instead"):
        changed.setitem(PROFILES, "smoke", wider)
        pool.load_pools(PoolRun(profile="smoke", pools="bare"))
    with pytest.raises(ValueError, match="mature_epochs 9 instead of 2"):
        publish("mine/seed-1", make_table(seed=1, mature_epochs=9))
        pool.load_pools(PoolRun(profile="smoke", pools="mine/seed-1 mine"))


@pytest.mark.parametrize(
    "table, message",
    [
        (lambda: make_table(mature_epochs=9), "mature_epochs 9 instead of 2"),
        (lambda: make_table(snapshots=[0, 2]), r"snapshots \[0, 2\] instead of \[0, 0.5, 1, 2\]"),
        (lambda: make_table(mature_epochs=9, seed=0), "mature_epochs 9 instead of 2"),
        (
            lambda: make_table(teacher=Teacher("mine", ())),
            "teacher_identity mine .* instead of mine .*; a teacher",
        ),
        (lambda: make_table(level="image"), "level image instead of class"),
    ],
    ids=["protocol", "snapshots", "protocol and seed", "teacher", "level"],
)
def test_pools_of_another_protocol_or_teacher_are_refused(publish, table, message):
    publish("other", table())
    with pytest.raises(ValueError, match=message):
        load("other")


def test_there_being_no_tables_is_said(publish):
    with pytest.raises(
        ValueError, match="unknown pool 'absent', expected one of none, as there are no tables"
    ):
        load("absent")


def test_joined_pools_keep_the_first_ones_numbers():
    own, other = make_table(4).assign_coords(network=[0, 1, 2, 5]), make_table(3)
    scores, mature = published_pools.join_pools({"own": own, "other": other}, ["TG", "P"])
    assert scores.pool.values.tolist() == 4 * ["own"] + 3 * ["other"]
    np.testing.assert_array_equal(scores.depth, [*own.depth, *other.depth])
    assert (scores.multiply_adds == 1e6).all()
    assert scores.network.values.tolist() == mature.network.values.tolist() == [0, 1, 2, 5, 6, 7, 8]
    for name in ("TG", "P"):
        for table, numbers in ((own, [0, 1, 2, 5]), (other, [6, 7, 8])):
            np.testing.assert_array_equal(
                scores.sel(predictor=name, network=numbers), table.score.sel(predictor=name)
            )
    np.testing.assert_array_equal(
        mature, [*own.accuracy.sel(epoch=2), *other.accuracy.sel(epoch=2)]
    )
    assert mature.epoch == 2 and scores.attrs["alpha"] == 1


def test_proxies_are_ranked_among_all_networks():
    own, other = make_table(20), make_table(5)
    other["score"] = other.score.where(other.network != 3)
    other["synflow"] = other.synflow + 0.5
    scores, _ = published_pools.join_pools({"a": own, "b": other}, ["synflow"])
    ranks = stats.rankdata([*own.synflow, *other.synflow])
    ranks[23] = np.nan
    np.testing.assert_array_equal(scores.sel(predictor="synflow", epoch=0.5), ranks)


def test_a_pool_that_did_not_mature_is_refused():
    with pytest.raises(ValueError, match="no network of the pool reached epoch 2"):
        few = {"a": make_table(4), "b": make_table(3).isel(epoch=[0, 1])}
        published_pools.join_pools(few, ["P"])


def test_pools_are_analysed_together_and_apart_by_what_all_have(tmp_path):
    own, other, searched = (
        make_table(),
        make_table(12, names=NAMES[::-1]),
        make_table(8, names=NAMES[:-1]),
    )
    none = Estimate(0.9, 0.8, 1.0, 6)
    found = Pools(own, searched, {"other": other}, none).analyse(BOOTSTRAP)
    deep = int((xr.concat([own.depth, other.depth], "network") >= 3).sum())
    assert {name: one.assessed.n.values.tolist() for name, one in found.items()} == {
        published_pools.RANDOM: [42, 42],
        published_pools.DEEP: [deep, deep],
        published_pools.OWN: [30, 30],
        "other": [12, 12],
        published_pools.SEARCHED: [8, 8],
    }
    compared = {name: one.compared for name, one in found.items()}
    assert compared[published_pools.RANDOM].pooled.notnull().any()
    assert compared[OWN].pooled.isnull().all()  # of one pool
    few = [name for name in own.predictor.values if name != "synflow"]
    scores, mature = published_pools.join_pools({"other": other}, few)
    xr.testing.assert_identical(
        found["other"].assessed, predictivity.analyse(scores, mature, BOOTSTRAP).assessed
    )
    alone = Pools(own, None, {}, none).analyse(BOOTSTRAP)
    assert list(alone) == [published_pools.RANDOM, published_pools.DEEP]
    random = found[published_pools.RANDOM]
    sweep = predictivity.alpha_sweep(random.scores, random.mature, np.array([1.0]), BOOTSTRAP)
    saved = predictivity.record(found, sweep, none)
    paths.save_table(saved, tmp_path / "01_summary.nc")
    assert saved.pool.values.tolist() == list(found)
