"""Figures, tables and notebook outputs of finished runs, copied to where git tracks them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from sage.cli.notebooks import Step, read
from sage.config import paths


class CannotPublish(RuntimeError):
    """Results cannot be published; the message says why."""


def commit(checkout: Path) -> str:
    """The commit that the code of a checkout is at.

    Args:
        checkout: a git working tree with `sage/` and `notebooks/`.

    Raises:
        CannotPublish: it is none, or its code differs from what is committed.
    """
    changed = _git(checkout, "status", "--porcelain", "--", "sage", "notebooks/*.py")
    if changed:
        raise CannotPublish(f"results must name a commit, but these differ from it:\n{changed}")
    return _git(checkout, "rev-parse", "HEAD")


def figures(folder: Path) -> list[Path]:
    """The figures in a run's folder."""
    return sorted([*folder.glob("*.png"), *folder.glob("*.pdf")])


def publish(steps: list[Step], checkout: Path) -> None:
    """Copy what finished notebooks made to `figures/published/`, `data/results/` and `notebooks/*.ipynb`.

    Args:
        steps: finished notebooks.
        checkout: the git working tree that takes the copies.

    Raises:
        CannotPublish: as `commit`.
    """
    made_with = commit(checkout)
    for folder in sorted({step.folder for step in steps}):
        _copy(figures(folder), checkout / "figures" / "published" / folder.name)
        _copy(
            sorted([*folder.glob("*.nc"), *folder.glob("*.txt")]),
            checkout / "data" / "results" / folder.name,
        )
    for step in steps:
        notebook = _with_outputs(read(step.source), nbformat.read(step.output, as_version=4))
        notebook.metadata["sage"] = {"commit": made_with}
        jupytext.write(notebook, checkout / "notebooks" / step.output.name)


def _git(checkout: Path, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", checkout, *arguments], capture_output=True, text=True)
    if result.returncode:
        raise CannotPublish(f"cannot publish from {checkout}: {result.stderr.strip()}")
    return result.stdout.rstrip()


def _copy(files: list[Path], target: Path) -> None:
    for path in files:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path.name)


def _with_outputs(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """The source's cells, so that parameters keep their defaults, with the outputs of the executed ones."""
    cells = [
        cell
        for cell in executed.cells
        if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    pairs = [pair for pair in zip(source.cells, cells, strict=True) if pair[0].cell_type == "code"]
    for count, (cell, done) in enumerate(pairs, start=1):
        cell.execution_count = count
        cell.outputs = [_portable(output) for output in done.outputs]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    if "widgets" in executed.metadata:
        source.metadata["widgets"] = (
            executed.metadata.widgets
        )  # Without their state they show as an error.
    return source


def _portable(output: NotebookNode) -> NotebookNode:
    """An output without the folders of the machine it was made on."""
    if "text" in output:
        output.text = _relative(output.text)
    for kind, value in output.get("data", {}).items():
        # Images are left alone: a path's letters can occur in their encoding.
        if kind.startswith("text/"):
            output.data[kind] = _relative(value)
    return output


def _relative(text: str) -> str:
    # The kernel's name for a cell in warnings: a temporary folder with the process number.
    text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "notebook", text)
    folders = {
        f"{paths.ROOT}/": "",
        f"{paths.ROOT}": ".",
        f"{paths.figures()}": "figures",
        f"{paths.data()}": "data",
        f"{sys.prefix}/": "",
        f"{Path.home()}/": "~/",
    }
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, folders[folder])
    return text
