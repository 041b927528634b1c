import inspect
import json
import re
import shlex

import numpy as np
import pytest
import xarray as xr

from sage.config import paths, profiles, run
from sage.config.run import (
    CellRun,
    MacaqueRun,
    PoolRun,
    Refused,
    Run,
    SearchRun,
    check_workers,
    words,
)
from sage.images import datasets, objects


def test_folder_names_what_is_not_the_default():
    assert Run().folder == paths.figures() / "objects-quick"
    assert Run(profile="cpu", dataset="cifar100").folder.name == "cifar100-cpu"
    assert (
        Run(seed=1, alpha=2, level="image").folder.name
        == "objects-quick-level-image-alpha-2.0-seed-1"
    )
    first, second = (Run(teacher=f"/some/{folder}/bank v1.nc").folder.name for folder in "ab")
    assert first != second and re.fullmatch(r"objects-quick-teacher-bank-v1-[0-9a-f]{6}", first)
    layers = ",".join(f"layer{number}" for number in range(40))
    long = Run(teacher=f"torchvision:resnet18:{layers}").folder.name
    assert re.fullmatch(
        r"objects-quick-teacher-torchvision-resnet18-layer0-[\w-]{52}-[0-9a-f]{6}", long
    )


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"alpha": "2"}, "parameter alpha is '2', expected a finite number like 1.0"),
        ({"alpha": float("nan")}, "parameter alpha is nan"),
        ({"alpha": True}, "parameter alpha is True"),
        ({"seed": 1.5}, "parameter seed is 1.5, expected a whole number like 0"),
        ({"alpha": 10**400}, "parameter alpha is 1000"),
        ({"dataset": None}, "parameter dataset is None, expected text like 'objects'"),
        ({"dataset": True}, "parameter dataset is True, expected text"),
        ({"teacher": ["resnet"]}, "parameter teacher is ['resnet'], expected text"),
        (
            {"teacher": "caf\udce9.nc"},
            r"parameter teacher is 'caf\udce9.nc', expected text in UTF-8",
        ),
    ],
)
def test_values_of_a_wrong_type_are_refused(wrong, message):
    with pytest.raises(Refused, match=re.escape(message)):
        Run(**wrong)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            {"profile": "huge"},
            "unknown profile 'huge', expected one of smoke, quick, cpu, nasbench201, gpu, paper",
        ),
        ({"level": "pixel"}, "unknown level 'pixel', expected one of class, image"),
        (
            {"profile": "Smoke"},
            r"unknown profile 'Smoke' \(did you mean 'smoke'\?\), expected one of",
        ),
        ({"seed": -1}, "seed is -1"),
        (
            {"seed": 2**63},
            "seed is 9223372036854775808, expected 0 or more, up to 4611686018427387904",
        ),
    ],
)
def test_values_that_do_not_exist_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Run(**wrong)


def test_words_are_paths_with_spaces_in_quotes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text, expected in {
        "": [],
        "NASNet-A  cifar100-pool/seed-0 mine.txt": ["NASNet-A", "cifar100-pool/seed-0", "mine.txt"],
        "'my data/v4.nc' it.nc": ["my data/v4.nc", "it.nc"],
        r""""it's mine.nc" my\ own.nc""": ["it's mine.nc", "my own.nc"],
        "it's.nc open": ["it's.nc", "open"],
    }.items():
        assert words(text) == expected
    strange = ["it's a.nc", "it's", "b's", "back\\slash"]
    for name in strange:
        (tmp_path / name).touch()
    assert [words(name) for name in strange] == [[name] for name in strange]
    assert words("it's b's back\\slash") == strange[1:]
    assert words(shlex.join(strange)) == strange


def test_a_run_saves_tables_in_its_folder():
    table = xr.Dataset({"value": ("x", [1.0])}, attrs={"provenance": '[{"commit": "a"}]'})
    path = Run(seed=1).save_table(table, "00_some")
    assert path == paths.figures() / "objects-quick-seed-1" / "00_some.nc"
    stored = xr.load_dataset(path)
    xr.testing.assert_identical(stored, table)


def test_card_of_a_run_shows_what_was_asked():
    card = SearchRun(dataset="<mine>", samples=7)._repr_mimebundle_()
    told = re.sub("<[^>]+>", " ", card["text/html"])
    assert "&lt;mine&gt;" in told and re.search(r"seed +0\b", told) and "layers  0" not in told
    for text in (told, card["text/plain"]):
        assert re.search(r"samples +7\b", text)
        assert "rdm" not in text and "mature_epochs" in text  # the search's budget


@pytest.mark.parametrize("profile", profiles.PROFILES.values(), ids=profiles.PROFILES.keys())
def test_profiles_are_consistent(profile):
    assert list(profile.snapshots) == sorted(set(profile.snapshots))
    assert profile.snapshots[0] == 0 and profile.snapshots[-1] == profile.mature_epochs
    assert profile.premature_epochs in profile.snapshots[:-1]
    for budget in (profile.search, profile.cells, profile.macaque):
        assert list(budget.epochs) == sorted(set(budget.epochs)) and 0 < budget.epochs[0]
        assert budget.epochs[-1] <= budget.mature_epochs
        assert budget.top <= budget.every <= budget.samples and budget.starts < budget.samples


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    paths.replace(path, lambda partial: partial.write_text("first"))

    def fail(partial):
        partial.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        paths.replace(path, fail)
    assert path.read_text() == "first" and list(path.parent.iterdir()) == [path]


def test_a_search_run_changes_its_profiles_budget():
    run = SearchRun(profile="paper", epochs="20 2", layers=20, samples=2000)
    assert run.budget.epochs == (2, 20) and json.dumps(run.budget.epochs) == "[2, 20]"
    assert (run.budget.layers, run.budget.samples, run.budget.runs) == (20, 2000, 3)
    assert SearchRun().budget == SearchRun().settings.search
    assert SearchRun(samples=5, scores="P").folder.name == "objects-quick-scores-P-samples-5"


def test_fewer_runs_and_more_samples_change_the_estimate():
    run = SearchRun(profile="day", runs=1, samples=200)  # of 6 runs of 100
    assert run.relative_size == pytest.approx(1 / 3)
    assert SearchRun().relative_size == Run().relative_size == 1


def test_a_cell_run_changes_its_profiles_budget():
    found = CellRun(profile="paper", blocks=3, samples=60)
    assert (found.budget.blocks, found.budget.samples, found.budget.epochs) == (3, 60, (2,))
    assert CellRun().budget == CellRun().settings.cells
    assert found.budget.every == 60  # one checkpoint, at the end
    with pytest.raises(ValueError, match="blocks is -1, expected 0"):
        CellRun(blocks=-1)


def test_a_macaque_run_wants_images_that_are_large_enough():
    assert MacaqueRun().budget == MacaqueRun().settings.macaque
    assert MacaqueRun(regions="V4, human IT,").named_regions == ["V4", "human IT"]
    assert MacaqueRun(profile="gpu", dataset="imagenet").budget.full_size == 64
    for profile, needed in (("gpu", 64), ("paper", 224)):
        told = f"cifar100 has 32 pixels a side, expected one with {needed} or more for searches"
        with pytest.raises(ValueError, match=told):
            MacaqueRun(profile=profile, dataset="cifar100")


def test_the_sizes_of_data_sets_are_theirs():
    assert set(run.SIZES) == set(datasets.SOURCES)
    assert inspect.signature(objects.render).parameters["size"].default == run.SIZES["objects"]


def test_a_pool_takes_the_space_of_the_paper_that_is_asked_for():
    run = PoolRun(profile="cpu", dataset="cifar100", layers=20)
    assert run.settings.layers == 20 and PoolRun(profile="cpu").settings.layers == 10
    assert run.folder.name == "cifar100-cpu-layers-20"


def test_a_search_takes_the_space_that_is_asked_for():
    assert SearchRun(space="nasbench201").budget.space == "nasbench201"
    assert SearchRun(space="nasbench201").folder.name == "objects-quick-space-nasbench201"


def test_a_run_takes_its_parameters_from_all_that_a_notebook_has():
    assert CellRun.of({"blocks": 2, "samples": 3, "workers": "0"}) == CellRun(blocks=2, samples=3)
    with pytest.raises(Refused, match="parameter seed is '1'"):
        Run.of({"seed": "1"})


def test_the_table_of_a_run_has_every_parameter_and_size():
    rows = CellRun(samples=5).table().value
    assert rows["parameter", "samples"] == rows["size", "samples"] == rows["size", "every"] == 5
    assert rows["parameter", "transfer"] == "" and rows["size", "full_images"] == 1600
    assert Run().table().value["size", "snapshots"] == (0, 0.5, 1, 2, 3, 5)


def test_numbers_are_taken_for_text_as_papermill_hands_them_on():
    for number, text in ((2, "2"), (0.5, "0.5"), (np.int64(2), "2"), (np.float64(0.5), "0.5")):
        assert SearchRun(epochs=number) == SearchRun(epochs=text)
    assert MacaqueRun(regions=46).named_regions == ["46"]
    assert check_workers(2) == "2" and Run(dataset=2012).dataset == "2012"


def test_numpys_numbers_and_text_are_as_good_as_pythons():
    mine = Run(seed=np.int64(3), alpha=np.float32(0.5), dataset=np.str_("mine"))
    assert mine == Run(seed=3, alpha=0.5, dataset="mine")
    json.dumps(mine.table().value.to_list())


def test_a_folder_has_a_name_that_can_be_made():
    """Names that fit stay as they are; longer ones differ, whatever they have in common."""
    most = "a" * 249
    names = [Run(dataset=most).folder.name, Run(teacher="é" * 200).folder.name]
    names += [Run(teacher="b" * 300).folder.name, Run(teacher="b" * 301).folder.name]
    words = " ".join(f"file_{number}.nc" for number in range(99))
    names += [MacaqueRun(recordings=words, regions=words, beside=words).folder.name]
    assert names[0] == f"{most}-quick" and len(set(names)) == 5
    for name in names:
        (paths.figures() / name).mkdir(parents=True)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"epochs": "two"}, "epochs is 'two', expected numbers above 0 and up to 300"),
        ({"epochs": "0 2"}, "epochs is '0 2'"),
        ({"epochs": "301"}, "epochs is '301'"),
        ({"epochs": "inf"}, "epochs is 'inf'"),
        ({"samples": -1}, "samples is -1, expected 0"),
    ],
)
def test_search_budgets_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SearchRun(profile="paper", **wrong)


@pytest.mark.parametrize("workers", ["many", "-1", "2x", "slurm", "slurm:0", "tcp://host", "", -1])
def test_workers_that_cannot_be_are_refused(workers):
    with pytest.raises(
        ValueError,
        match=re.escape(f"workers is {str(workers)!r}, expected 0 (within this process)"),
    ):
        check_workers(workers)
