"""Bars of notebooks are told in the terminal, and become sentences; other widgets stay."""

import re

import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from sage.cli.progress import VIEW, sentence, write_bars_as_text

CODE = """
from ipywidgets import Dropdown
from IPython.display import display
from tqdm.notebook import tqdm
for _ in tqdm(range(3), desc="3 < 4", unit="network"):
    for _ in tqdm(range(2), leave=False):
        pass
"""


def executed(tmp_path, code: str):
    notebook = new_notebook(cells=[new_code_cell(code)])
    return papermill.execute.execute_notebook(notebook, None, kernel_name="python3")


def test_a_bar_leaves_a_sentence(tmp_path):
    notebook = executed(tmp_path, CODE)
    assert "widgets" in notebook.metadata
    write_bars_as_text(notebook)
    outputs = notebook.cells[-1].outputs
    assert [output.output_type for output in outputs] == ["stream"]
    assert re.fullmatch(r"3 < 4: 3 networks in 00:\d\d\n", outputs[0].text)
    assert "widgets" not in notebook.metadata


def test_other_widgets_stay(tmp_path):
    notebook = executed(tmp_path, f"{CODE}\ndisplay(Dropdown())")
    write_bars_as_text(notebook)
    bar, other = notebook.cells[-1].outputs
    assert bar.output_type == "stream" and VIEW in other.data and "widgets" in notebook.metadata


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("100% 1/1 [00:02<00:00, 2.00s/epoch]", "1 epoch in 00:02"),
        (
            "pool: 100% 9/9 [1:02:03<00:00, 7.5network/s, best=0.4]",
            "pool: 9 networks in 1:02:03, best=0.4",
        ),
        (
            "run 1 of 1: tpe, P:  50% 3/6 [00:02<?, ?candidate/s]",
            "run 1 of 1: tpe, P: 3 of 6 candidates in 00:02",
        ),
        ("words: of no known form", "words: of no known form"),
    ],
)
def test_what_a_bar_says_at_its_end(told, said):
    assert sentence(told) == said
