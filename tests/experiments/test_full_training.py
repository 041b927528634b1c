"""Cells fully trained: once, tested once, resumed, and refused before any work."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sage import spaces
from sage.analysis import cell_tables, search_tables
from sage.compute import devices
from sage.config import paths, profiles
from sage.config.run import CellRun
from sage.experiments import full_training
from sage.experiments.full_training import FullTraining
from sage.models import complexity, genotypes
from sage.models.cells import CellNetwork
from sage.training import checkpoints, recipes
from tests.support import image_archives, image_folders

SMOKE = profiles.PROFILES["smoke"]
SMALL = genotypes.Genotype(
    "small", genotypes.parse_cell("sep3(0)+max3(1)"), genotypes.parse_cell("sep3(0)+max3(1)")
)
OTHER = genotypes.Genotype(
    "other", genotypes.parse_cell("1x7-7x1(0)+id(1)"), genotypes.parse_cell("1x7-7x1(0)+id(1)")
)

LARGE = FullTraining(
    genotype=SMALL,
    dataset="large",
    image_size=224,
    images=None,
    repeats=1,
    filters=8,
    epochs=1,
    batch_size=4,
    drop_path_keep=1.0,
    skeleton="imagenet mobile",
    seed=0,
)


@pytest.fixture
def run(monkeypatch, images) -> CellRun:
    cells = replace(SMOKE.cells, full_images=256, batch_size=64)
    monkeypatch.setitem(profiles.PROFILES, "tiny", replace(SMOKE, cells=cells))
    return CellRun(profile="tiny", dataset="mine")


def stored() -> set[str]:
    return {path.name for path in (paths.cache() / "cells").glob("*")}


def test_a_cell_is_trained_on_all_but_the_test_images_and_tested_once(run):
    planned = FullTraining.of(run, SMALL, "mine")
    train, test, classes = replace(planned, images=None).load_images()
    assert len(train) == 2600 and len(test) == 9 and classes == 5
    planned = replace(planned, images=640, epochs=6, filters=4)
    table = full_training.train_fully(planned, progress=False)
    assert table.test_accuracy > 0.5 and table.test_images == 9  # classes are told by their colours
    assert table.examples == 6 * 640 and table.sizes["epoch"] == 7
    assert table.training_loss[6] < table.training_loss[1]
    assert stored() == {f"{planned.key}.pt", f"{planned.key}.nc"}


def test_a_worker_with_other_images_does_not_train(run):
    planned = FullTraining.of(run, SMALL, "mine")
    key = planned.key
    image_archives.reverse_labels("mine")
    with pytest.raises(RuntimeError, match=f"other images of mine.* than {key} was planned with"):
        full_training.train_fully(planned, key, progress=False)
    assert planned.key != key and stored() == set()


def test_sizes_are_without_the_auxiliary_classifier(run):
    table = full_training.train_fully(FullTraining.of(run, SMALL, "mine"), progress=False)
    bare = CellNetwork(SMALL, classes=5, filters=2, repeats=1)
    assert table.parameters == complexity.parameters(bare)
    assert table.multiply_adds == complexity.multiply_adds(bare, 16)


def test_large_images_are_trained_on_as_on_imagenet():
    """From files, with the paper's crops and recipe, and without auxiliary classifier; top-5 beside
    top-1.
    """
    image_folders.write(paths.raw() / "large" / "train", "abcdefg", 3)
    image_folders.write(paths.raw() / "large" / "val", "abcdefg", 1)
    planned = replace(LARGE, images=8)
    train, test, classes = planned.load_images()
    assert [len(part.images) for part in (train, test)] == [8, 7] and classes == 7
    network = planned.build(classes)
    assert planned.recipe == recipes.imagenet_recipe(1, 4) and network.auxiliary is None
    table = full_training.train_fully(planned, progress=False)
    assert (table.examples, table.test_images) == (8, 7)
    assert table.parameters == complexity.parameters(network)
    hits = 7 * np.array([table.test_accuracy, table.test_top5])
    np.testing.assert_allclose(hits, hits.round(), atol=1e-5)
    assert hits[0] <= hits[1]


def test_damaged_files_are_left_out_of_a_training_or_end_it_before_it_starts():
    image_folders.write(paths.raw() / "large" / "train", "ab", 6)
    image_folders.write(paths.raw() / "large" / "val", "ab", 3)
    planned = LARGE
    whole = planned.key
    damaged = sorted((paths.raw() / "large" / "train").rglob("*.png"))[:4]
    damaged.append(paths.raw() / "large" / "val" / "b" / "1.png")
    for path in damaged:
        path.write_bytes(path.read_bytes()[:60])
    with pytest.warns(
        UserWarning, match="5 of 18 files cannot be read as images .*val/b/1.png.*: left out"
    ):
        table = full_training.train_fully(planned, progress=False)
    assert (table.examples, table.test_images) == (8, 5) and planned.key != whole
    assert stored() == {f"{planned.key}.pt", f"{planned.key}.nc"}
    (paths.raw() / "large" / "train" / "b" / "0.png").write_bytes(b"no image")
    with pytest.raises(
        ValueError, match="6 of 18 files cannot be read as images .*expected 5 or 0.1% at most"
    ):
        full_training.train_fully(planned, progress=False)
    assert len(stored()) == 2


def test_networks_stand_side_by_side_and_nothing_is_trained_twice(run, monkeypatch):
    plans = [
        FullTraining.of(run, cell, "mine")
        for cell in (SMALL, OTHER, replace(SMALL, name="the same"))
    ]
    whole = full_training.train_all_fully(plans, [0, 1], workers="2")
    assert whole.network.values.tolist() == ["small", "other", "the same"] and len(stored()) == 8
    assert whole.training_loss.dims == ("training", "network", "epoch")
    assert whole.genotype.dims == whole.parameters.dims == ("network",)
    first, second, same = whole.training_loss[:, :, -1].values.T
    assert (first == same).all() and first[0] != first[1] and (first != second).all()
    assert [genotypes.parse_genotype(text).name for text in whole.genotype.values] == [
        "small",
        "other",
        "the same",
    ]
    assert json.loads(whole.attrs["recipe"])["published_epochs"] == 600
    assert all(json.loads(text)[0]["commit"] for text in whole.provenance.values.ravel())
    monkeypatch.setattr(checkpoints, "train_with_checkpoints", None)
    xr.testing.assert_identical(full_training.train_all_fully(plans, [0, 1], workers="0"), whole)
    paths.save_table(whole, paths.figures() / "whole.nc")
    xr.testing.assert_equal(xr.load_dataset(paths.figures() / "whole.nc"), whole)


def test_networks_of_one_name_are_refused(run):
    plans = [FullTraining.of(run, cell, "mine") for cell in (SMALL, replace(OTHER, name="small"))]
    with pytest.raises(
        ValueError, match="networks are named small, small, expected different names"
    ):
        full_training.train_all_fully(plans, [0, 1], workers="0")
    assert not stored()


def test_a_diverged_network_has_no_accuracy(run, monkeypatch):
    plain = full_training.recipes.cell_recipe
    monkeypatch.setattr(
        full_training.recipes,
        "cell_recipe",
        lambda *sizes, **options: replace(plain(*sizes, **options), learning_rate=1e30, clip=None),
    )
    plans = [FullTraining.of(run, SMALL, "mine")]
    table = full_training.train_all_fully(plans, [0], workers="0").squeeze()
    assert np.isnan(table.test_accuracy) and "training loss is" in table.failure.item()


def test_a_plan_for_another_device_is_refused(run):
    planned = replace(FullTraining.of(run, SMALL, "mine"), device="cuda")
    with pytest.raises(RuntimeError, match="computes on cpu .*, the study is of cuda"):
        full_training.train_fully(planned)


def test_everything_that_changes_a_network_changes_its_key(run):
    planned = FullTraining.of(run, SMALL, "mine")
    changes = (
        {"genotype": OTHER},
        {"genotype": replace(SMALL, in_line=True)},
        {"images": 128},
        {"repeats": 2},
        {"filters": 4},
        {"epochs": 3},
        {"batch_size": 16},
        {"drop_path_keep": 1.0},
        {"seed": 1},
        {"device": "cuda"},
        {"convolutions": "another"},
        {"image_size": 12},
    )
    keys = {replace(planned, **change).key for change in changes}
    assert len(keys | {planned.key}) == len(changes) + 1
    assert replace(planned, genotype=replace(SMALL, name="renamed")).key == planned.key


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ({"beside": "NASNet-A NASNet-A"}, ValueError, "expected different names"),
        (
            {"beside": "found.txt"},
            ValueError,
            "named tpe P.TG; expected different names, and none of a cell that the run finds",
        ),
        ({"beside": "missing.txt"}, ValueError, "cell 'missing.txt' cannot be read"),
        ({"transfer": "mine"}, ValueError, "the run's own data set"),
    ],
)
def test_what_cannot_be_trained_is_refused_first(run, wrong, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace(OTHER, name="tpe P+TG").save(tmp_path / "found.txt")
    with pytest.raises(error, match=message):
        full_training.load_beside(replace(run, **wrong))


def test_images_that_are_too_small_are_refused_first(run, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES, "tiny", replace(run.settings, image_size=8))
    with pytest.raises(
        ValueError, match="auxiliary classifier reads maps of 4 x 4, expected 5 x 5 or more"
    ):
        full_training.load_beside(run)


def test_a_cell_of_ones_own_stands_beside(run, tmp_path):
    path = OTHER.save(tmp_path / "of my own.txt")
    beside = full_training.load_beside(replace(run, beside=f"'{path}' PNASNet-5"))
    assert [cell.name for cell in beside] == ["other", "PNASNet-5"] and beside[0] == OTHER


def make_searched() -> xr.Dataset:
    """Random search and TPE with both scores, two runs: TPE's second run with P+TG is the best."""
    coordinates = {
        "searcher": ["random", "tpe"],
        "score": ["P", "P+TG"],
        "epochs": [0.5],
        "run": [0, 1],
        "samples": [3],
    }
    shape = tuple(map(len, coordinates.values()))
    accuracy = xr.DataArray(np.arange(8.0).reshape(shape) / 10, coordinates)
    space = spaces.cells(2)
    texts = [json.dumps(space.sample(np.random.default_rng(seed))) for seed in range(8)]
    return xr.Dataset(
        {
            "mature_accuracy": accuracy,
            "architecture": (
                ("searcher", "score", "epochs", "run"),
                np.array(texts).reshape(shape[:4]),
            ),
            "examples": xr.full_like(accuracy, 300.0),
            "finalists": xr.full_like(accuracy, 2, dtype=int),
            "mature_examples": xr.full_like(accuracy, 2000.0),
        }
    )


def test_the_winner_of_a_search_is_its_best_over_runs():
    table = make_searched()
    found = search_tables.winners(table)
    assert list(found) == ["random P", "random P+TG", "tpe P", "tpe P+TG"]
    for place, name in enumerate(found):
        assert list(found[name]) == json.loads(table.architecture.values.ravel()[2 * place + 1])
    # The paper's search, though others were better; without it the best that guidance found, and so
    # on.
    worse = table.assign(mature_accuracy=-table.mature_accuracy)
    assert search_tables.discovered(table) == search_tables.discovered(worse) == "tpe P+TG"
    for either in (table, worse):
        weighted = either.assign_coords(score=["P", "P+0.2TG"])
        assert search_tables.discovered(weighted) == "tpe P+0.2TG"
    assert search_tables.discovered(worse.sel(score=["P"])) == "tpe P"
    assert search_tables.discovered(table.sel(searcher=["random"])) == "random P+TG"
    assert search_tables.discovered(worse.sel(searcher=["random"], score=["P"])) == "random P"
    table.mature_accuracy.loc[{"searcher": "tpe", "score": "P+TG"}] = np.nan
    with pytest.raises(ValueError, match="search tpe P\\+TG found no network"):
        search_tables.winners(table)


def make_trained(names: list[str], trainings: int = 1) -> xr.Dataset:
    """Each network is one point better from training to training."""
    count = len(names)
    accuracy = np.linspace(0.5, 0.7, count) + 0.01 * np.arange(trainings)[:, None]
    return xr.Dataset(
        {
            "genotype": ("network", [str(replace(SMALL, name=name)) for name in names]),
            "test_accuracy": (("training", "network"), accuracy),
            "test_images": ("network", np.full(count, 400)),
            "parameters": ("network", np.full(count, 2_500_000)),
            "multiply_adds": ("network", np.full(count, 7_000_000)),
        },
        {"network": names},
    )


def test_table_2_has_errors_sizes_and_costs_and_names_whose_they_are(run):
    trained = {"mine": make_trained(["tpe P", "tpe P+TG", "NASNet-A"])}
    table = cell_tables.table_2(run, make_searched(), trained)
    assert table.index.get_level_values("numbers").tolist() == 3 * [cell_tables.SCALED] + 6 * [
        cell_tables.PAPERS
    ]
    ours = table.loc[("tpe P+TG", cell_tables.SCALED)]
    assert (ours["B"], ours["N"], ours["F"], ours["parameters (M)"], ours["multiply-adds (M)"]) == (
        1,
        1,
        2,
        2.5,
        7,
    )
    assert ours["mine error (%)"] == pytest.approx(40)
    low, high = (
        0.4
        + 1.96**2 / 800
        + np.array([-1, 1]) * 1.96 * np.sqrt(0.24 / 400 + 1.96**2 / (4 * 400**2))
    )
    assert [ours["mine error (%), low"], ours["mine error (%), high"]] == pytest.approx(
        [100 * low / (1 + 1.96**2 / 400), 100 * high / (1 + 1.96**2 / 400)], rel=1e-4
    )
    # Two runs of three candidates with 300 examples in all, the best two trained with 2000.
    assert ours[["M1", "E1", "M2", "E2", "cost"]].tolist() == [6, 100, 4, 1000, 4600]
    assert np.isnan(table.loc[("NASNet-A", cell_tables.SCALED), "cost"])
    # A score with epochs of its own leaves others unsearched there.
    again = cell_tables.table_2(run, make_searched().reindex(epochs=[0.5, 2]), trained)
    np.testing.assert_equal(again.loc[("tpe P+TG", cell_tables.SCALED)].to_list(), ours.to_list())
    papers = table.loc[("SAGENet", cell_tables.PAPERS)]
    assert papers["M1"] * papers["E1"] + papers["M2"] * papers["E2"] == papers["cost"] == 225e6
    enas = table.loc[("ENAS (cost only)", cell_tables.PAPERS)].dropna()
    assert set(enas.index) == {"M1", "E1", "M2", "E2", "cost"}


def test_what_is_best_after_full_training_is_told_with_its_interval(run):
    trained = {"mine": make_trained(["tpe P", "tpe P+TG", "NASNet-A"])}
    errors = cell_tables.table_2(run, make_searched(), trained).iloc[:3]
    told = cell_tables.reading(errors, "mine", 2)
    assert "40.0 % [35.3, 44.9] of what was found here (tpe P + TG), 30.0 % [25.7, 34.7]" in told
    assert "of given cells (NASNet-A)" in told
    assert "given" not in cell_tables.reading(errors[:2], "mine", 2)
    trained["mine"]["test_accuracy"] *= np.nan
    errors = cell_tables.table_2(run, make_searched(), trained).iloc[:3]
    assert cell_tables.reading(errors, "mine", 2) == "No network could be trained fully."


def test_intervals_are_over_trainings_where_there_are_five(run):
    for trainings, told in (
        (2, "39.5 % of what was found here (tpe P). Each network was trained 2 times, too few"),
        (5, "38.0 % [36.0, 40.0] of what was found here (tpe P). Each network was trained 5 times"),
    ):
        trained = {"mine": make_trained(["other", "tpe P"], trainings).sel(network=["tpe P"])}
        trained["mine"]["test_accuracy"] -= 0.1
        errors = cell_tables.table_2(run, make_searched(), trained).iloc[:1]
        assert told in cell_tables.reading(errors, "mine", 1)


def test_a_second_data_set_adds_its_errors(run):
    trained = {"mine": make_trained(["tpe P"]), "cifar10": make_trained(["tpe P"])}
    table = cell_tables.table_2(run, make_searched(), trained)
    assert table.loc[("tpe P", cell_tables.SCALED), "cifar10 error (%)"] == 50
    assert table.loc[("NASNet-A", cell_tables.PAPERS), "cifar10 error (%)"] == 3.72


@pytest.mark.parametrize("name", ["NASNet-A", "PNASNet-5"])
def test_mobile_networks_are_the_widest_within_the_limit(name):
    genotype = genotypes.load_genotype(name)
    filters, multiply_adds = cell_tables.mobile_filters(genotype)
    sizes = [
        complexity.multiply_adds(cell_tables._mobile_network(genotype, width), 224)
        for width in (filters, filters + 4)
    ]
    assert multiply_adds == sizes[0] <= 600e6 < sizes[1] and filters == 44


def test_imagenets_errors_are_those_of_one_guess_and_of_five(run):
    trained = make_trained(["tpe P"])
    trained = trained.assign(test_top5=trained.test_accuracy + 0.4)
    table = cell_tables.imagenet_errors(run, make_searched(), {"mine": trained})
    ours, papers = table.loc[("tpe P", cell_tables.SCALED)], table.loc["NASNet-A"].iloc[0]
    assert [ours[f"mine top-{k} error (%)"] for k in (1, 5)] == pytest.approx([50, 10])
    assert [papers[f"imagenet top-{k} error (%)"] for k in (1, 5)] == [31.07, 11.41]


def test_table_3_has_exact_counts():
    table = cell_tables.table_3([genotypes.NASNET_A])
    row = table.loc[("NASNet-A", cell_tables.COUNTED)]
    assert row["parameters (M)"] == pytest.approx(5.289978) and row[
        "operations (G)"
    ] == pytest.approx(1.127, rel=1e-3)
    assert np.isnan(row["top-1 error (%)"])


def test_the_trained_network_is_that_of_this_revision(run, monkeypatch):
    """Whoever changes what full training gives has to raise full_training.REVISION, then this
    number.
    """
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    table = full_training.train_fully(FullTraining.of(run, SMALL, "mine"), progress=False)
    assert full_training.REVISION == 1
    assert table.training_loss[2] == pytest.approx(1.4127, rel=5e-3)  # processors differ by 2e-3
