"""Results of finished runs, copied under a name that a person chose to where git tracks them."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5netcdf
import jupytext
import nbformat
from nbformat import NotebookNode

from sage.cli import page
from sage.cli.main import CommandFailed
from sage.cli.notebooks import Step, defaults, number_of, read, sources
from sage.config import paths, provenance
from sage.config.run import Refused, Run

IMAGES = "_images"  # ends the names of figures that show images of the run's data set
ATTRIBUTE = "run_parameters"


def check(steps: list[Step], name: str, checkout: Path) -> str:
    """Return the commit that results are published with.

    Raises:
        Refused: `checkout` is no git working tree, its code is not what is committed, or
            `data/results/NAME` has tables of another run.
    """
    try:
        commit, changed = provenance.state(checkout)
    except subprocess.CalledProcessError as error:
        raise Refused(f"results must name a commit: {error.stderr.strip()}") from error
    if changed:
        raise Refused(f"results must name a commit, but these differ from it:\n{changed}")
    for path in sorted((checkout / "data" / "results" / name).glob("*.nc")):
        for step in steps:
            _check_table(path, step)
    return commit


def _check_table(path: Path, step: Step) -> None:
    with h5netcdf.File(path, "r") as table:
        found = json.loads(table.attrs.get(ATTRIBUTE, "{}"))
    wanted = json.loads(_parameters(step))
    differ = [key for key in wanted if found.get(key) != wanted[key]]
    if (other := number_of(path.stem)) != step.number:
        # Another notebook has parameters of its own; those of every run make the two one run,
        # unless the two mean different things by them.
        shared = found.keys() & {field.name for field in fields(Run)}
        known = sources(step.source.parent)
        ours, theirs = (defaults(one) for one in (step.source, known.get(other, step.source)))
        differ = [key for key in differ if key in shared and ours.get(key) == theirs.get(key)]
    if differ or not found:
        told = ", ".join(f"{key} {found.get(key)!r} instead of {wanted[key]!r}" for key in differ)
        told = told if found else "its parameters are not on record"
        advice = f"publish under another name, or remove {path.parent} first"
        raise Refused(f"{path} is of another run: {told}; {advice}")


def publish(steps: list[Step], name: str, checkout: Path) -> None:
    """Copy what finished notebooks made to where git tracks it.

    Figures go to `figures/published/NAME`, tables and cells to `data/results/NAME`, outputs to
    `notebooks/*.ipynb`. Tables get the parameters as JSON text in the attribute `run_parameters`.
    Pictures of other images than those that are rendered here are left out.
    """
    try:
        commit = check(steps, name, checkout)
    except Refused as error:
        raise CommandFailed(str(error)) from error
    folders = dict.fromkeys(paths.FIGURES, checkout / "figures" / "published" / name)
    folders |= dict.fromkeys((".nc", ".txt"), checkout / "data" / "results" / name)
    for step in steps:
        rendered = step.run().dataset == "objects"
        for path in sorted(step.folder.glob(f"{step.number}_*")):
            if not (folder := folders.get(path.suffix)):
                continue
            if path.stem.endswith(IMAGES) and not rendered:
                print(f"Left out, as it shows images of others: {path}")
                continue
            folder.mkdir(parents=True, exist_ok=True)
            copy = Path(shutil.copyfile(path, folder / path.name))
            if path.suffix == ".nc":
                with h5netcdf.File(copy, "a") as table:
                    table.attrs[ATTRIBUTE] = _parameters(step)
            elif path.suffix == ".txt":  # A cell that was found has the name of its folder.
                copy.write_text(copy.read_text().replace(step.folder.name, name))
        notebook = _with_outputs(read(step.source), nbformat.read(step.output, as_version=4))
        if not rendered:
            _take_out_images(notebook)
        notebook.metadata["sage"] = {"commit": commit, "published": name}
        jupytext.write(notebook, checkout / "notebooks" / step.output.name)
    page.write_published(
        checkout / "figures" / "published", checkout / "data" / "results", checkout
    )
    print(f"Published as {name} in figures, data/results and notebooks; git shows what changed.")


def _parameters(step: Step) -> str:
    return _relative(json.dumps(step.asked, sort_keys=True))


def _with_outputs(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """Put outputs into the source's cells, whose parameters keep their defaults."""
    injected = "injected-parameters"
    cells = [one for one in executed.cells if injected not in one.metadata.get("tags", [])]
    pairs = [pair for pair in zip(source.cells, cells, strict=True) if pair[0].cell_type == "code"]
    for count, (cell, done) in enumerate(pairs, start=1):
        cell.execution_count = count
        cell.outputs = [_portable(output, count) for output in done.outputs]
    if "widgets" in executed.metadata:  # Without their state they show as an error.
        source.metadata["widgets"] = executed.metadata.widgets
    return source


def _take_out_images(notebook: NotebookNode) -> None:
    """Remove pictures from the cells that could show images: those that name any."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and IMAGES in cell.source:
            cell.outputs = [one for one in cell.outputs if not _is_picture(one)]


def _is_picture(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _portable(output: NotebookNode, count: int) -> NotebookNode:
    """Number an output, and take the folders of the machine it was made on out of it."""
    if output.output_type == "execute_result":
        output.execution_count = count
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
    folders = {f"{paths.ROOT}/": "", f"{paths.ROOT}": ".", f"{sys.prefix}/": ""}
    folders |= {f"{paths.figures()}": "figures", f"{paths.data()}": "data", f"{Path.home()}/": "~/"}
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, folders[folder])
    return text
