"""Bars of executed notebooks become lines of text; other widgets stay."""

import papermill
from nbformat.v4 import new_code_cell, new_notebook

from sage.cli.publish import VIEW, write_bars_as_text

CODE = """
from ipywidgets import Dropdown
from IPython.display import display
from tqdm.notebook import tqdm
for _ in tqdm(range(3), desc="3 < 4"):
    for _ in tqdm(range(2), leave=False):
        pass
"""


def executed(tmp_path, code: str):
    notebook = new_notebook(cells=[new_code_cell(code)])
    return papermill.execute.execute_notebook(notebook, None, kernel_name="python3")


def test_a_bar_leaves_its_last_line(tmp_path):
    notebook = executed(tmp_path, CODE)
    assert "widgets" in notebook.metadata
    write_bars_as_text(notebook)
    outputs = notebook.cells[-1].outputs
    assert [output.output_type for output in outputs] == ["stream"]
    assert outputs[0].text.startswith("3 < 4: 100% 3/3 [") and outputs[0].text.endswith("]\n")
    assert "widgets" not in notebook.metadata


def test_other_widgets_stay(tmp_path):
    notebook = executed(tmp_path, f"{CODE}\ndisplay(Dropdown())")
    write_bars_as_text(notebook)
    bar, other = notebook.cells[-1].outputs
    assert bar.output_type == "stream" and VIEW in other.data and "widgets" in notebook.metadata
