import os
import signal
import sys
from collections.abc import Iterator
from itertools import count

import numpy as np
import psycopg
import pytest
import torch

from sage.config import paths
from tests.support import databases

# Tiny networks gain nothing from threads, and threads that wait for a busy core stall them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
# A shell has its background jobs ignore Ctrl-C, and what these start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


DATABASES = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that takes longest, so that no process is left with it in the end."""
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path_factory):
    """Tests neither read nor write the checkout's data and figures."""
    monkeypatch.setenv("SAGE_DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("SAGE_FIGURES", str(tmp_path_factory.mktemp("figures")))
    monkeypatch.delenv("SAGE_TRACKER", raising=False)


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Weights and images that a test does not seed are the same in every run."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_open_figures() -> Iterator[None]:
    """Tests leave no figure open: after twenty of them matplotlib warns."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    programs = databases.server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian's package postgresql)")
    with databases.postgresql(programs) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, monkeypatch, own_folders) -> str:
    """An empty database of each kind, as SAGE_TRACKER."""
    if request.param == "sqlite":
        address = f"sqlite:///{os.environ['SAGE_DATA']}/tracker.sqlite"
    else:
        server = request.getfixturevalue("postgresql_server")
        name = f"test_{next(DATABASES)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        address = server.replace("/postgres?", f"/{name}?")
    monkeypatch.setenv("SAGE_TRACKER", address)
    return address


@pytest.fixture
def images() -> None:
    """A data set `mine` of 5 classes."""
    rng = np.random.default_rng(0)
    classes, count = np.array(list("abcde")), 2600
    labels = np.arange(count) % 5
    pixels = rng.integers(0, 128, (count, 16, 16, 3), dtype=np.uint8)
    colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], np.uint8)
    pixels += 60 * colours[labels][:, None, None]
    paths.raw().mkdir(parents=True)
    np.savez(
        paths.raw() / "mine.npz",
        x_train=pixels,
        y_train=labels,
        x_test=pixels[:9],
        y_test=labels[:9],
        classes=classes,
    )
