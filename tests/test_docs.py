"""README and docs: what they show runs, what they name is there, and numbers are the tables'."""

import contextlib
import importlib.util
import io
import re
import shlex
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest
import xarray as xr
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sage.analysis.predictors import PREDICTORS
from sage.cli import grid, notebooks, run
from sage.cli.main import parser
from sage.compute import devices
from sage.config import paths
from sage.config.profiles import PROFILES, SMOKE
from sage.models.cnn import ConvolutionalNetwork
from sage.models.saved import Classifier, save
from sage.search.builders import SPACES
from sage.search.searchers import SEARCHERS
from sage.search.tracker import Tracker
from sage.spaces import Layer

ROOT = paths.ROOT
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
OPTIONAL = ("brainscore_vision", "onnx", "onnxscript")  # blocks that import these may be left out
TINY = replace(
    SMOKE,
    **{"teacher_images": 128, "train_images": 128, "teacher_epochs": 1, "pool": 4, "layers": 2},
    search=replace(SMOKE.search, layers=2, train_images=128, epochs=(0.5,), samples=3, runs=1),
    cells=replace(SMOKE.cells, full_images=128, full_epochs=1),
)
ESTIMATE = re.compile(r"-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]")


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        yield token
        yield from token.children or ()


def blocks(page: Path, language: str) -> list[str]:
    return [one.content for one in tokens(page) if one.type == "fence" and one.info == language]


@pytest.fixture(scope="module")
def shared_data(tmp_path_factory) -> Path:
    """What pages train is used by the next ones."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def checkout(shared_data, tmp_path, monkeypatch) -> Iterator[None]:
    """A folder to work in, tiny sizes, and files that the pages name and do not make."""
    monkeypatch.setenv("SAGE_DATA", str(shared_data))
    for profile in ("smoke", "quick"):
        monkeypatch.setitem(PROFILES, profile, TINY)
    monkeypatch.setattr(devices, "networks_at_once", lambda: 0)
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/results").symlink_to(ROOT / "data" / "results")
    layers = tuple(Layer(8, (3, 3), 2, "relu", "batch norm", (n,)) for n in range(2))
    network = ConvolutionalNetwork(layers, classes=2)
    save(Classifier(network, ("boat", "car"), 16, {}), "figures/objects-quick/02_best.pt")
    responses = xr.Dataset({"responses": (("presentation", "neuroid"), np.ones((4, 2)))})
    for name in ("my data/v4", "my data/it", "data/raw/macaque/v4", "data/raw/macaque/it"):
        paths.save_table(responses, Path(f"{name}.nc"))
    paths.raw().mkdir(exist_ok=True)
    for name in ("cifar100", "imagenet", "tinyimagenet100"):
        (paths.raw() / f"{name}.npz").touch()
    with patch.dict(PREDICTORS), patch.dict(SEARCHERS), patch.dict(SPACES):  # pages add to them
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_runs(page, checkout):
    """Blocks build on each other: commands name what Python has made."""
    names = {"__name__": "__main__"}
    for number, block in enumerate(blocks(page, "python"), 1):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(block, f"{page.name}, block {number}", "exec"), names)
        except ModuleNotFoundError as problem:
            if problem.name not in OPTIONAL:
                raise
        else:
            assert printed.getvalue().strip(), f"block {number} of {page.name} prints nothing"
    assert not [one for one in Tracker().studies() if "failed" in one["states"]]
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                check_command(words)
    for token in tokens(page):
        if token.type == "code_inline" and re.match(
            r"(-p \S+|--(notebook|profile|dataset)) \S", token.content
        ):
            plan(parser().parse_args(["run", *shlex.split(token.content)]))


def test_no_block_is_left_out():
    """Plans keep what was planned as it was written."""
    for page in PAGES:
        kinds = {one.info for one in tokens(page) if one.type == "fence"}
        assert kinds <= {"python", "bash", "yaml"}, page
        indented = any(one.type == "code_block" for one in tokens(page))
        assert not indented or page.parent.name == "plans", page


def check_command(words: list[str]) -> None:
    """Check a line of shell as far as the program does before it begins."""
    match words:
        case ["./run_all.sh", "--test" | "--check" as mode, *_]:
            assert mode in (ROOT / "run_all.sh").read_text()
        case ["./run_all.sh", "--published", *names]:
            check_command(["tg-sage", "published", *names])
            assert all((ROOT / "figures" / "published" / name).is_dir() for name in names)
        case ["./run_all.sh", *options]:
            check_command(["tg-sage", "run", *options])
        case ["python", "-m", "sage", *options]:
            check_command(["tg-sage", *options])
        case ["tg-sage", *options]:
            asked = parser().parse_args(options)
            if hasattr(asked, "parameter"):
                run.check(plan(asked))
        case ["papermill", notebook, _, *options]:
            text = ["-p" if one in ("-p", "--parameters") else one for one in options]
            name = str(Path(notebook).relative_to("notebooks").with_suffix(""))
            check_command(["tg-sage", "run", "--notebook", name, *text])
        case ["python", "-m", module, *options]:
            source = Path(importlib.util.find_spec(module).origin).read_text()
            assert {one for one in options if one.startswith("-")} <= {
                *re.findall(r"--\w+", source)
            }
        case ["python", "-c", code]:
            compile(code, "-c", "exec")
        case ["conda", "env", "create", "-f", file]:
            assert (ROOT / file).is_file()
        case ["jupyter", "lab", folder]:
            assert (ROOT / folder).is_dir()
        case [".ci/run"] | ["source", ".venv/bin/activate"] | ["pip" | "pre-commit", "install", *_]:
            pass
        case _:
            pytest.fail(f"{shlex.join(words)}: no known command")


def plan(asked: Namespace) -> list[notebooks.Step]:
    if asked.call.startswith("grid"):
        return [step for one in grid.plan(asked, ROOT / "notebooks") for step in one.steps]
    return run.plan(asked, ROOT / "notebooks")


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls a page's headings."""
    found = list(tokens(page))
    texts = [after.content for one, after in zip(found, found[1:]) if one.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for token in tokens(page):
        target = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if target and not target.startswith(("https://", "http://")):
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_idea_is_drawn():
    rng = np.random.default_rng(0)
    pictures, rdms = np.zeros((8, 16, 16, 3), np.uint8), rng.uniform(size=(2, 8, 8))
    figure = script("idea").draw(pictures, *(rdms + rdms.transpose(0, 2, 1)), 0.31)
    texts = [one.get_text() for one in figure.texts] + [one.get_title() for one in figure.axes]
    assert "accuracy P = 0.31 on validation images" in texts
    assert "RDM of the candidate" in texts


def test_numbers_are_those_of_the_tables():
    """Also what is told with an interval between the tables, and in the README."""
    tables = script("tables")
    results = tables.PAGE.read_text()
    assert tables.renewed(results) == results, "write them anew: python docs/tables.py"
    known = {
        text
        for table in tables.MARKED.findall(results)
        for text in ESTIMATE.findall("".join(table))
    }
    assert known
    for page in (tables.PAGE, ROOT / "README.md"):
        assert {*ESTIMATE.findall(tables.MARKED.sub("", page.read_text()))} <= known
