"""The notebooks, executed at the smoke profile as a user would."""

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
import pytest
import xarray as xr

from sage import teachers
from sage.analysis import predictivity
from sage.cli.main import main
from sage.config import paths
from sage.config.run import Run
from sage.models import genotypes
from sage.search.tracker import Tracker
from sage.teachers import pixel_baseline, simulation

SOURCES = sorted((paths.ROOT / "notebooks").glob("*.py"))
FIGURES = {
    "00_images",
    "00_teacher",
    "00_rdms",
    "01_added",
    "01_search",
    "01_predictivity",
    "01_alpha",
    "01_cost",
    "01_pools",
    "01_rivals",
    "01_teachers",
    "02_differences",
    "02_searches",
    "03_cell",
    "03_errors",
    "03_finalists",
    "04_errors",
    "04_finalists",
    "04_rdms",
    "04_similarity",
    "04_sites",
    "04_stimuli",
}  # in the run's folder; what is of published networks has its own


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, str]:
    """One place for the runs of this file, which build on each other's record."""
    folder = tmp_path_factory.mktemp("notebooks")
    return {"SAGE_DATA": str(folder / "data"), "SAGE_FIGURES": str(folder / "figures")}


@pytest.fixture(autouse=True)
def use_folders(own_folders, folders, monkeypatch):
    for name, folder in folders.items():
        monkeypatch.setenv(name, folder)


@pytest.fixture(scope="module")
def default_run(folders):
    """Every notebook, with no parameter but the profile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in folders.items():
            patch.setenv(name, folder)
        assert main(["run", "--profile", "smoke"]) == 0


TABLES = {
    "00_teacher",
    "00_teacher_rdms",
    "01_found",
    "01_pool",
    "01_summary",
    "02_searches",
    "02_summary",
    "03_errors",
    "03_mobile",
    "03_searches",
    "03_trained_objects",
    "04_errors",
    "04_searches",
    "04_similarity",
    "04_sites",
    "04_trained",
}


def recorded() -> dict[str, dict[str, int]]:
    return {study["key"]: study["states"] for study in Tracker().studies()}


def test_run_makes_figures_tables_and_notebooks_once(default_run, capsys):
    folder = paths.figures() / "objects-smoke"
    assert (
        {path.stem for path in folder.glob("*.png")}
        == {path.stem for path in folder.glob("*.pdf")}
        == FIGURES
    )
    assert {path.stem for path in folder.glob("*.nc")} == TABLES
    results = xr.load_dataset(folder / "01_pool.nc")
    assert results.sizes["network"] == 6 and {"accuracy", "similarity", "score", "synflow"} <= set(
        results
    )
    assert {"accuracy", "similarity", "score", "synflow"} <= set(
        xr.load_dataset(folder / "01_found.nc")
    )
    assert not set(results.predictor.values) & predictivity.NESTED.keys()
    assert {"commit", "versions", "hardware"} <= set(
        ast.literal_eval(results.attrs["provenance"])[0]
    )
    for path in folder.glob("*.ipynb"):
        cells = [
            cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
        ]
        assert all(cell.execution_count for cell in cells)
        for cell in cells:
            shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
            shows = ("plots.save", "plots.draw", "plots.explore")
            assert len(shown) == sum(map(cell.source.count, shows)), cell.source
    stored = folder.with_name("cifar100-cpu")  # of published networks, whatever the profile
    assert {path.stem for path in stored.glob("*.png")} == {
        *("quickstart_rdms", "06_controls", "06_teaching"),
        *("07_benchmark", "07_pools", "07_scores"),
    }
    assert "Five minutes with a teacher" in (stored / "index.html").read_text()
    benchmark = folder.with_name("cifar100-nasbench201")
    assert {path.stem for path in benchmark.glob("*.png")} == {
        *("05_predictivity", "05_rivals", "05_added", "05_longer"),
        *("05_controls", "05_ladder", "05_search", "05_objects"),
    }
    found = genotypes.load_genotype(str(folder / "03_cell.txt"))
    trained = xr.load_dataset(folder / "03_trained_objects.nc")
    assert found.name == folder.name
    assert trained.genotype.sel(network="tpe P+TG") == str(replace(found, name="tpe P+TG"))
    separable = {"tpe P+TG-sep"} if "1x7-7x1" in str(found) else set()
    searched = {
        f"{searcher} {score}" for searcher in ("random", "tpe") for score in ("P", "P+TG")
    } | separable
    assert set(trained.network.values) == {"NASNet-A", "PNASNet-5", "AmoebaNet-A"} | searched
    assert set(xr.load_dataset(folder / "04_trained.nc").network.values) == {
        "tpe P",
        "tpe P+TG",
        "tpe P+shuffled",
        "NASNet-A",
    }
    assert xr.load_dataset(folder / "04_similarity.nc").teacher_layer.values.tolist() == list(
        simulation.SITES
    )
    capsys.readouterr()
    assert main(["run", "--profile", "smoke"]) == 0
    assert capsys.readouterr().out.count("finished already, skipped") == len(SOURCES)


def papermill(output: Path, **parameters) -> subprocess.CompletedProcess:
    """Execute 01_predictivity as papermill's own command does, from the checkout."""
    command = [sys.executable, "-m", "papermill", "notebooks/01_predictivity.ipynb", str(output)]
    command += [text for name, value in parameters.items() for text in ("-p", name, str(value))]
    return subprocess.run(command, cwd=paths.ROOT, env=os.environ, capture_output=True, text=True)


def test_papermill_re_scores_the_record_with_another_alpha_and_teacher(default_run, tmp_path):
    before, chosen = recorded(), {"alpha": 2, "teacher": "pixels", "level": "image"}
    done = papermill(tmp_path / "out.ipynb", profile="smoke", workers=2, **chosen)
    assert done.returncode == 0, done.stderr
    assert recorded() == before
    (folder,) = paths.figures().glob("objects-smoke-*")
    assert folder.name == "objects-smoke-teacher-pixels-level-image-alpha-2.0"
    assert (folder / "01_predictivity.png").exists()
    default = xr.load_dataset(paths.figures() / "objects-smoke" / "01_pool.nc")
    other = xr.load_dataset(folder / "01_pool.nc")
    xr.testing.assert_identical(default.accuracy, other.accuracy)
    assert other.score.attrs["alpha"] == 2 and other.teacher_layer.values.tolist() == ["pixels"]


def test_wrong_parameter_stops_a_notebook_at_its_start(tmp_path):
    """Jupyter's message is a sentence, without lines of this package."""
    done = papermill(tmp_path / "out.ipynb", teacher="pixl")
    message = "unknown teacher 'pixl' (did you mean 'pixels'?), expected one of resnet"
    assert done.returncode != 0 and f"Refused: {message}" in done.stderr
    assert str(paths.ROOT / "sage") not in done.stderr


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebooks_hold_calls_and_prose(source):
    for cell in jupytext.read(source).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 15, cell.source
            kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
            assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While}, (
                cell.source
            )


@pytest.mark.slow
def test_embedded_images_are_learnable_and_not_trivial():
    """Measured with the quick profile's teacher, before which stands a linear classifier."""
    quick = Run(profile="quick")
    _, curve = teachers.train_network("resnet", quick)
    images = teachers.load_images(quick)
    reached, pixels = curve.accuracy[-1], pixel_baseline.accuracy(images.train, images.validation)
    assert reached > 0.9 and 1 / 32 < pixels < reached / 2
