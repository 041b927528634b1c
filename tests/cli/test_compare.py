"""Two runs beside each other."""

from pathlib import Path

import nbformat
import pytest
import xarray as xr

from sage.cli.main import main
from sage.config import paths


def make_run(folder, values: list[float], **parameters) -> str:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["papermill"] = {"parameters": parameters}
    folder.mkdir()
    nbformat.write(notebook, folder / "02_cnn_search.ipynb")
    table = xr.Dataset({"error": ("score", values), "error, s.d.": ("score", values)})
    table["unlabelled"] = "place", values  # of other things in another run
    paths.save_table(table.assign_coords(score=["P", "P+TG", "none"]), folder / "02_summary.nc")
    return str(folder)


def test_what_differs_is_shown_and_what_is_the_same_is_not(tmp_path, capsys):
    one = make_run(tmp_path / "one", [3, 2, float("nan")], alpha=1.0, seed=0, teacher="resnet")
    two = make_run(tmp_path / "two", [3, 2.5, float("nan")], alpha=2.0, seed=0, space="cnn")
    assert main(["compare", one, two]) == 0
    parameters, numbers = capsys.readouterr().out.split("02_summary.nc")
    lines = [line.split() for line in parameters.splitlines()]
    assert ["alpha", "1.0", "2.0"] in lines and ["teacher", "resnet", "-"] in lines
    assert ["space", "-", "cnn"] in lines and "seed" not in parameters
    assert "error: 1 of 2 numbers differ, by 0.5 on average" in numbers and "s.d." not in numbers
    assert "unlabelled" not in numbers
    assert ["P+TG", "2", "2.5", "0.5"] in [line.split() for line in numbers.splitlines()]
    assert main(["compare", one, one]) == 0
    out = capsys.readouterr().out
    assert "The parameters are the same" in out and "error: 0 of 2 numbers differ\n" in out


def test_a_number_that_one_run_lacks_differs_and_the_order_of_dimensions_does_not(tmp_path, capsys):
    one = make_run(tmp_path / "one", [3, 2, float("nan")], seed=0)
    two = make_run(tmp_path / "two", [3, float("nan"), float("nan")], seed=0)
    for folder, order in ((one, ("score", "run")), (two, ("run", "score"))):
        table = xr.load_dataset(f"{folder}/02_summary.nc").expand_dims(run=[0, 1])
        paths.save_table(table.transpose(*order, ...), Path(folder, "02_summary.nc"))
    assert main(["compare", one, two]) == 0
    told = capsys.readouterr().out
    assert "error: 2 of 4 numbers differ" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["P+TG", "0", "2", "NaN", "NaN"] in rows


def test_what_is_no_runs_folder_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(tmp_path), str(tmp_path)])
    assert f"{tmp_path} has no notebook that was run" in capsys.readouterr().err
