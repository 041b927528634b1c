"""What a run asks for by name is found wrong at once, from the library as from a notebook."""

import os
from types import SimpleNamespace

import pytest
from torch import nn

from sage import spaces
from sage.config import paths
from sage.config.run import (
    CellRun,
    MacaqueRun,
    PoolRun,
    Refused,
    Run,
    SearchRun,
    StoredRun,
    TablesRun,
)
from sage.experiments.checks import check_run
from sage.images import datasets
from sage.search.builders import SPACES
from tests.support.made_up_teachers import make_teacher
from tests.support.recording_files import write_responses


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with a bank, a folder and a text in its place; no data is loaded."""
    monkeypatch.chdir(tmp_path)
    make_teacher().save("bank.nc")
    (tmp_path / "folder.nc").mkdir()
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "text.nc").write_text("text")
    (tmp_path / "latin.txt").write_bytes(b"name: caf\xe9")
    (paths.raw() / "pets" / "cat").mkdir(parents=True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: pytest.fail("loads images"))


LONG = "torchvision:resnet18:" + ",".join(f"layer{number}" for number in range(99))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (Run(dataset="objcts"), r"unknown data set 'objcts' \(did you mean 'objects'\?\)"),
        (Run(dataset="Pets"), r"did you mean 'pets'\?\), expected one of objects, .*, pets, or /"),
        (Run(dataset="CIFAR100"), "did you mean 'cifar100'"),
        (Run(dataset="cifar100"), "cifar100 is not in .*: put cifar100.npz"),
        (Run(dataset=""), "unknown data set ''"),
        (Run(dataset=".."), "unknown data set '..'"),
        (Run(dataset=str(paths.ROOT / "sage")), "unknown data set ./"),
        (Run(dataset="../raw/pets"), "unknown data set '../raw/pets'"),
        (Run(dataset="x" * 300), "unknown data set 'xxx"),
        (Run(teacher=""), "unknown teacher ''"),
        (Run(teacher="None"), "unknown teacher 'None'"),
        (Run(teacher="ResNet"), "unknown teacher 'ResNet' .did you mean 'resnet'"),
        (Run(teacher="resnett-shuffled"), "unknown teacher 'resnett' .did you mean 'resnet'"),
        (Run(teacher="-shuffled"), "unknown teacher ''"),
        (Run(teacher="best-so-far"), "'best-so-far' is of searches, and this run has none"),
        (PoolRun(teacher="best-so-far-shuffled"), "'best-so-far' is of searches"),
        (SearchRun(teacher="best"), "unknown teacher 'best'.* best-so-far .of a search., torch"),
        (Run(teacher="missing.nc"), "no teacher bank missing.nc"),
        (Run(teacher="folder.nc"), "no teacher bank folder.nc"),
        (Run(teacher="text.nc"), "text.nc: no NetCDF file"),
        (Run(teacher="y" * 300), "unknown teacher 'yyy"),
        (Run(teacher=f"{'y' * 300}.nc"), "no teacher bank yyy"),
        (Run(teacher=LONG), "names layers layer0, .* expected submodules"),
        (
            Run(teacher="torchvision:resnet81:layer1"),
            "unknown torchvision model 'resnet81' .did you",
        ),
        (Run(teacher="torchvision:"), "unknown torchvision model ''"),
        (Run(teacher="torchvision:resnet18/V1:layer1"), "unknown weights 'resnet18/V1'"),
        (Run(teacher="python:make"), "'python:make' names no layers, or no function of a module"),
        (
            PoolRun(pools="cifar100-pol"),
            "unknown pool 'cifar100-pol' .did you mean 'cifar100-pool'",
        ),
        (PoolRun(teacher="brain.nc"), "teacher 'brain.nc' is recordings, whose images only search"),
        (
            SearchRun(searchers="tpee"),
            "searchers is 'tpee', expected some of random, reinforce, tpe, evolution",
        ),
        (SearchRun(scores=1), "scores is '1', expected some of P, P"),
        (SearchRun(scores="P+TG P+1TG"), "scores is 'P.TG P.1TG', expected some of P, P"),
        (SearchRun(layers=101), "layers is 101, expected 1 to 100"),
        (SearchRun(layers=20, space="nasbench201"), "layers is 20, expected 0: space nasbench201"),
        (PoolRun(layers=101), "layers is 101, expected 1 to 100"),
        (CellRun(beside="NASNet-a"), "unknown genotype 'NASNet-a' .did you mean 'NASNet-A'"),
        (CellRun(beside="folder.txt"), "cell 'folder.txt' cannot be read: .*directory"),
        (CellRun(beside="latin.txt"), "latin.txt: .*can't decode byte 0xe9"),
        (CellRun(transfer="cifar-10"), "unknown data set 'cifar-10' .did you mean 'cifar10'"),
        (MacaqueRun(recordings="simulate"), "no file of recordings simulate"),
        (MacaqueRun(recordings=""), "recordings is '', expected simulated, or NetCDF files"),
        (MacaqueRun(recordings="text.nc"), "text.nc: no NetCDF file"),
        (StoredRun(banks="text.nc"), "banks names 'text.nc': no NetCDF file"),
        (TablesRun(searches="text.nc"), "searches names 'text.nc': no NetCDF file"),
        (TablesRun(searches="bank.nc"), "'bank.nc', which has no variable 'found'"),
    ],
    ids=lambda value: str(value)[-60:],
)
def test_what_is_not_there_is_refused(wrong, message):
    write_responses("brain.nc")
    with pytest.raises(Refused, match=message):
        check_run(wrong)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads what it may not")
@pytest.mark.parametrize("kind, name", [(Run, "teacher"), (MacaqueRun, "recordings")])
def test_a_file_that_may_not_be_read_is_named(kind, name):
    os.chmod("bank.nc", 0)
    with pytest.raises(Refused, match="bank.nc.*[Pp]ermission denied"):
        check_run(kind(**{name: "bank.nc"}))


@pytest.mark.parametrize(
    "teacher",
    ["bank.nc", "bank.nc-shuffled", "nasnet-a-untrained", "torchvision:resnet18:layer1,layer2.0"],
)
def test_what_is_there_is_taken(teacher):
    for kind in (Run, PoolRun, SearchRun, CellRun, MacaqueRun):
        check_run(kind(dataset="pets", teacher=teacher), workers=2)


def test_searches_take_their_best_network_as_teacher():
    for kind in (SearchRun, CellRun):
        check_run(kind(dataset="pets", teacher="best-so-far-shuffled"))


def test_workers_that_cannot_be_are_refused():
    with pytest.raises(Refused, match="workers is 'many'"):
        check_run(Run(), workers="many")


def test_jupyter_shows_the_message_alone():
    from IPython.core.interactiveshell import InteractiveShell

    try:
        check_run(Run(dataset="objcts"))
    except Refused as error:
        assert error._render_traceback_() == [f"Refused: {error}"]
        shown = []
        shell = InteractiveShell()
        shell._showtraceback = lambda kind, value, lines: shown.extend(lines)
        shell.showtraceback()
        assert shown == [f"Refused: {error}"]


def test_a_space_whose_networks_cannot_be_saved_is_refused(monkeypatch):
    """Notebook 02 saves the best one in the end."""
    linear = SimpleNamespace(
        space=spaces.cnn(2), build=lambda architecture, classes: nn.Linear(2, classes)
    )
    monkeypatch.setitem(SPACES, "mine", lambda budget, profile: linear)
    with pytest.raises(Refused, match="cannot save a Linear, expected one of Convolutional"):
        check_run(SearchRun(space="mine"))
