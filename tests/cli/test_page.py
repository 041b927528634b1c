"""Pages of runs and of published results."""

import base64
import json
import shutil

import nbformat
import pytest
import xarray as xr
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from sage.cli import page
from sage.config import paths

CODE = 'plots.save(plots.some(table), run.folder, "01_some")'


@pytest.fixture
def folder(tmp_path):
    """A run's folder: a notebook with a picture and a table, and its files."""
    shown = new_output("display_data", {"text/html": "<table><tr><td>0.9 [0.8, 1.0]</table>"})
    cells = [
        new_markdown_cell("# Does it work?"),
        new_code_cell(
            "run", outputs=[new_output("display_data", {"text/html": "<p>the card</p>"})]
        ),
        new_markdown_cell("## Results\n\nWhat *is* shown, a < b."),
        new_code_cell(CODE),
        new_code_cell("table", metadata={"tags": ["table"]}, outputs=[shown]),
    ]
    told = {"parameters": {"profile": "quick", "samples": 0, "teacher": "<pixels>"}, "duration": 30}
    nbformat.write(new_notebook(cells=cells, metadata={"papermill": told}), tmp_path / "01_a.ipynb")
    Image.new("RGB", (4, 4)).save(tmp_path / "01_some.png")
    stamp = {"commit": "a", "versions": "torch 2, b 1", "hardware": "c", "created": "2026-01-02T"}
    attributes = {"verdict": "Undecided & open.", "provenance": json.dumps([stamp])}
    paths.save_table(xr.Dataset(attrs=attributes), tmp_path / "01_table.nc")
    return tmp_path


def test_page_of_a_run(folder):
    """Pictures are in it, with their captions from the notebook; what is quoted is escaped."""
    shutil.copy(folder / "01_a.ipynb", folder / ".01_a.5.ipynb")  # of a run that was killed
    written = page.write_run(folder)
    told = written.read_text()
    assert told.count("What <em>is</em> shown") == 1
    picture = base64.b64encode((folder / "01_some.png").read_bytes()).decode()
    found = [
        told.index(text)
        for text in (
            "&lt;pixels&gt;",
            "Does it work?",
            "Undecided &amp; open.",
            "commit a; torch 2; c; 2026-01-02",
            "30 s",
            "01_a.html",
            "What <em>is</em> shown, a &lt; b.",
            picture,
            "<td>0.9 [0.8, 1.0]",
        )
    ]
    assert found == sorted(found) and "the card" not in told and "samples" not in told
    assert "the card" in (folder / "01_a.html").read_text()
    assert page.verdicts(folder, ["01_a"]) == {"01_a": "Undecided & open."}


def test_page_of_all_published_results():
    """Every committed picture is on the committed page; `tg-sage page` writes it anew."""
    published = paths.ROOT / "figures" / "published"
    committed = (published / "index.html").read_text()
    for path in published.glob("*/*.png"):
        assert f'src="{path.relative_to(published)}"' in committed


def test_tables_of_a_published_result(folder):
    """Tables stand with the result whose outputs a notebook has, and not with others."""
    notebooks, figures = folder / "notebooks", folder / "figures"
    notebooks.mkdir()
    notebook = nbformat.read(folder / "01_a.ipynb", as_version=4)
    notebook.metadata = {"sage": {"published": "one"}}
    nbformat.write(notebook, notebooks / "01_a.ipynb")
    (notebooks / "01_a.py").write_text(f"# %% [markdown]\n# # Does it work?\n\n# %%\n{CODE}\n")
    for name in ("one", "two"):
        (figures / name).mkdir(parents=True)
        (folder / "data" / "results" / name).mkdir(parents=True)
        shutil.copy(folder / "01_some.png", figures / name)
    told = page.write_published(figures, folder / "data" / "results", folder).read_text()
    (one, two) = told.split("<section")[1:]
    assert "<td>0.9 [0.8, 1.0]" in one and "<td>0.9 [0.8, 1.0]" not in two
    assert 'src="one/01_some.png" width="3"' in one and 'src="two/01_some.png"' in two

    (folder / "docs").mkdir()
    shown = "".join(f"![](../figures/published/{name}/01_some.png)\n" for name in ("two", "old"))
    (folder / "docs" / "results.md").write_text(shown)
    told = page.write_published(figures, folder / "data" / "results", folder).read_text()
    assert told.index("two/01_some.png") < told.index("one/01_some.png") and "old" not in told
