"""Published accuracies: what is read, what is refused, and how the official file is converted."""

import sys
import types

import pandas as pd
import pytest

from sage import spaces
from sage.analysis import benchmarks
from sage.config import paths

CELLS = [(3, 3, 3, 1, 1, 3), (0, 0, 0, 1, 0, 0), (4, 2, 1, 0, 3, 0)]
NAMES = [spaces.nasbench201_string(cell) for cell in CELLS]


@pytest.fixture(autouse=True)
def raw(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGE_DATA", str(tmp_path))


def write(**columns) -> None:
    paths.raw().mkdir(exist_ok=True)
    table = {"index": range(3), "arch": NAMES, "c100_test_200_nats": [70.5, 1.0, 58.25]} | columns
    pd.DataFrame(table).to_csv(paths.raw() / "nasbench201.csv", index=False)


def test_accuracies_are_read_by_official_name():
    write(c10_val_12=[80.0, 10, 60], params_c100=[1, 2, 3], ops=["333113", "000100", "421030"])
    table = benchmarks.load_nasbench201()
    assert list(table) == ["c100_test_200_nats", "c10_val_12"] and list(table.index) == NAMES
    assert table.c100_test_200_nats[NAMES[2]] == 58.25


@pytest.mark.parametrize(
    "columns, problem",
    [
        ({"arch": [*NAMES[:2], "resnet"]}, "'resnet' names no cell"),
        ({"arch": [*NAMES[:2], NAMES[0]]}, "twice, expected each architecture once"),
        ({"c100_test_200_nats": [70.5, -1, 58]}, "has -1.0 of .*expected accuracies in percent"),
        ({"c100_test_200_nats": [70.5, None, 58]}, "has nan of .*expected accuracies in percent"),
        ({"c100_test_200_nats": [70.5, "?", 58]}, "has . of .*expected accuracies in percent"),
        ({"c10_test_200": [0.9, 0.1, 0.8]}, "no value above 1, expected accuracies in percent"),
    ],
)
def test_what_is_no_table_of_accuracies_is_refused(columns, problem):
    write(**columns)
    with pytest.raises(ValueError, match=problem):
        benchmarks.load_nasbench201()


def test_a_missing_table_says_how_to_get_it():
    with pytest.raises(FileNotFoundError, match="convert_nats_bench, see data/README.md"):
        benchmarks.load_nasbench201()
    paths.raw().mkdir()
    (paths.raw() / "nasbench201.csv").write_text("arch,accuracy\n")
    with pytest.raises(ValueError, match="has columns arch, accuracy, expected arch, columns such"):
        benchmarks.load_nasbench201()


class MadeUp:
    """Answers as the package's API does, for data sets and epochs that it has."""

    meta_archs = NAMES
    trained = {"12": ["cifar10-valid", "cifar100", "ImageNet16-120"]}
    trained["200"] = [*trained["12"], "cifar10"]

    def get_more_info(self, index, dataset, iepoch=None, hp="12", is_random=True):
        assert is_random is False
        value = 10 * index + int(hp) / 100 + self.trained[hp].index(dataset)
        found = {"train-accuracy": 99.0, "test-accuracy": value + 0.5}
        return found if dataset == "cifar10" else found | {"valid-accuracy": value}


def test_the_official_file_is_converted(monkeypatch, tmp_path):
    package = types.ModuleType("nats_bench")
    asked = []
    package.create = lambda *given, **options: asked.append((given, options)) or MadeUp()
    monkeypatch.setitem(sys.modules, "nats_bench", package)
    assert benchmarks.convert_nats_bench(tmp_path) == paths.raw() / "nasbench201.csv"
    assert asked == [((str(tmp_path), "tss"), {"fast_mode": True, "verbose": False})]
    table = benchmarks.load_nasbench201()
    assert list(table.index) == NAMES and len(table.columns) == 12
    row = table.loc[NAMES[2]]
    assert row[["c100_val_12", "c100_test_200_nats"]].tolist() == [21.12, 23.5]
    assert row[["c10_val_200_nats", "c10_test_200_nats"]].tolist() == [22.0, 25.5]
