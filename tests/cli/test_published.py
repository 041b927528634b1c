"""Published results, made again from the tables that are committed."""

import shutil

import pytest
import xarray as xr

from sage.cli import published
from sage.cli.main import main
from sage.config import paths
from sage.experiments.results import FOLLOWS
from sage.plots import FIGURES

COMMITTED = paths.ROOT / "figures" / "published"
NAMES = sorted(path.name for path in COMMITTED.iterdir() if path.is_dir())
FROM_IMAGES = {"00_images", "00_rdms", "04_rdms", "04_stimuli"}  # of data sets and recordings
QUICK = {"cifar100-cell-search", "cifar100-cnn-search", "cifar100-teachers", "macaque-search"}
QUICK |= {"cifar100-cnn-search-alpha-1", "nasbench201-searches"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow) for one in NAMES],
)
def test_published_figures_and_tables_follow_from_tables(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / "nothing"))
    made = published.analyse(name, paths.ROOT, tmp_path, tmp_path)
    shown = {path.stem for path in (COMMITTED / name).glob("*.png")}
    assert set(made.drawn) == shown - FROM_IMAGES and set(made.left) == shown & FROM_IMAGES
    assert {path.stem for path in (tmp_path / name).glob("*.png")} == set(made.drawn)
    tables = {path.stem: path for path in (paths.results() / name).glob("*.nc")}
    assert set(made.same) >= tables.keys() & FOLLOWS.keys() and not made.other
    for stem in made.same:
        found = xr.load_dataset(tmp_path / name / f"{stem}.nc")
        known = xr.load_dataset(tables[stem])
        xr.testing.assert_allclose(found, known, rtol=1e-6)
        assert found.run_parameters == known.run_parameters
        assert found.attrs.get("verdict") == known.attrs.get("verdict")
    assert not (tmp_path / "nothing").exists()


def test_every_published_figure_is_known():
    assert {path.stem for path in COMMITTED.glob("*/*.png")} <= FIGURES.keys()


def test_command_makes_what_is_not_made_yet(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(published.devices, "cores", lambda: 1)
    again = paths.figures() / published.AGAIN
    table = xr.load_dataset(paths.results() / "cifar100-cnn-search" / "02_searches.nc")
    verdict = table.verdict.splitlines()[0]
    for count in (1, 0):
        assert main(["published", "cifar100-cnn-search"]) == 0
        said = capsys.readouterr().out
        assert f"{count} of 1 published results are analysed" in said
        assert ("2 figures; same numbers: 02_searches, 02_summary" in said) == bool(count)
        assert f"cifar100-cnn-search, 02_cnn_search:\n  {verdict}" in said
        assert f"Open {again / 'index.html'}" in said
    page = (again / "index.html").read_text()
    assert 'src="cifar100-cnn-search/02_searches.png"' in page and verdict in page


def test_publishing_again_replaces_tables_and_tells_other_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(published.devices, "cores", lambda: 1)
    name = "cifar100-cnn-search"
    for folder in ("notebooks", f"data/results/{name}", f"figures/published/{name}"):
        shutil.copytree(paths.ROOT / folder, tmp_path / folder)
    path = tmp_path / "data" / "results" / name / "02_summary.nc"
    known = xr.load_dataset(path)
    paths.save_table(known.assign({"mature error": known["mature error"] + 1}), path)
    command = ["published", "--publish", name]
    assert main(command, checkout=tmp_path) == 0
    assert "same numbers: 02_searches; OTHER NUMBERS: 02_summary" in capsys.readouterr().out
    xr.testing.assert_allclose(xr.load_dataset(path), known)
    assert main(command, checkout=tmp_path) == 0
    assert "same numbers: 02_searches, 02_summary" in capsys.readouterr().out


def test_the_quickstart_can_be_published(tmp_path):
    shutil.copytree(paths.ROOT / "notebooks", tmp_path / "notebooks")
    shown = tmp_path / "figures" / "published" / "mine" / "quickstart_rdms.png"
    shown.parent.mkdir(parents=True)
    shown.touch()
    made = published.analyse("mine", tmp_path, tmp_path, tmp_path)
    assert made.drawn == ["quickstart_rdms"] and not made.problem


def test_an_unknown_published_result_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["published", "cifar100-pol"])
    assert "did you mean 'cifar100-pool'?" in capsys.readouterr().err
