"""Pages to open in a browser: one of each run's folder, and one of all published results.

The notebooks tell what is on them: a picture's caption is the text before the cell that saves it,
main tables are the outputs of cells tagged `table`, the verdict is an attribute of saved tables.
"""

import argparse
import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import h5netcdf
import nbformat
from jinja2 import Template
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat import NotebookNode
from PIL import Image

from sage.cli import notebooks
from sage.cli.notebooks import duration, read
from sage.config import paths, provenance
from sage.config.run import given

SAVED = re.compile(r'plots\.(?:save|draw)\(.*?"(\w+)"\)', re.DOTALL)
SHRUNK = 0.64  # CSS pixels for one of a picture, so that the widest fill the page


class Picture(NamedTuple):
    """A figure on a page."""

    name: str
    address: str
    width: int  # CSS pixels

    @classmethod
    def of(cls, path: Path, address: str) -> "Picture":
        with Image.open(path) as picture:
            return cls(path.stem, address, round(SHRUNK * picture.width))


@dataclass
class Item:
    """Pictures and tables that a page shows under one text of a notebook."""

    text: str  # HTML
    pictures: list[Picture] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A notebook's part of a page."""

    title: str
    facts: Mapping[str, Any]  # what was run, by name
    verdict: str
    items: Iterable[Item]
    links: Mapping[str, str]  # addresses, by name


def write_run(folder: Path) -> Path:
    """Write `<folder>/index.html`, which needs nothing beside it, and each notebook as HTML."""
    parts: list[Part] = []
    asked: dict[str, Any] = {}
    for path in sorted(folder.glob("[!.]*.ipynb"), key=lambda path: (path.stem[0].isdigit(), path)):
        notebook = nbformat.read(path, as_version=4)
        (told, _) = HTMLExporter().from_notebook_node(notebook)
        (folder / f"{path.stem}.html").write_text(told)
        done = notebook.metadata.get("papermill", {})
        asked |= done.get("parameters", {})
        number = notebooks.number_of(path.stem)
        shown = sorted(folder.glob(f"{number}_*.png"))
        pictures = [Picture.of(one, _embedded(one)) for one in shown]
        tables = _attributes(folder, number)
        facts = {"made by": _stamp(tables), "took": duration((done.get("duration") or 0) / 60)}
        links = {"the notebook": f"{path.stem}.html"}
        items = _items(notebook, pictures)
        parts.append(Part(_title(notebook), facts, _verdict(tables), items, links))
    return _write(folder / "index.html", folder.name, given(asked), parts)


def published(_options: argparse.Namespace, checkout: Path) -> None:
    """Write the page of all published results, and print where it is."""
    folder, tables = checkout / "figures" / "published", checkout / "data" / "results"
    print(write_published(folder, tables, checkout))


def write_published(folder: Path, tables: Path, checkout: Path) -> Path:
    """Write `<folder>/index.html` of published results, with links to the pictures beside it.

    Args:
        folder: has a folder of pictures for each of them.
        tables: likewise their tables.
        checkout: has the notebooks and the published tables.
    """
    parts, sources = [], notebooks.sources(checkout / "notebooks")
    for name in _in_order_of_results(folder, checkout / "docs" / "results.md"):
        files = sorted((folder / name).glob("*.png"))
        pictures = [Picture.of(one, f"{name}/{one.name}") for one in files]
        for number in sorted({notebooks.number_of(one.name) for one in pictures} & sources.keys()):
            notebook = _with_outputs_of(name, sources[number])
            own = [one for one in pictures if notebooks.number_of(one.name) == number]
            found = _attributes(tables / name, number)
            asked = next((one["run_parameters"] for one in found if "run_parameters" in one), "{}")
            linked = {"tables": checkout / "data" / "results" / name}
            linked["notebook"] = sources[number].with_suffix(".ipynb")
            links = {
                one: Path(os.path.relpath(at, folder)).as_posix() for one, at in linked.items()
            }
            title, items = f"{name}: {_title(notebook)}", _items(notebook, own)
            facts = {"made by": _stamp(found), **given(json.loads(asked))}
            parts.append(Part(title, facts, _verdict(found), items, links))
    return _write(folder / "index.html", "Published results", {}, parts)


def _in_order_of_results(folder: Path, results: Path) -> list[str]:
    """Return names of folders as a text first shows figures of each; what it does not, last."""
    text = results.read_text() if results.is_file() else ""
    names = sorted(one.name for one in folder.iterdir() if one.is_dir())
    shown = dict.fromkeys(re.findall(r"!\[.*?\]\(\S*/([\w.-]+)/\S+\)", text))
    return [*(name for name in shown if name in names), *(one for one in names if one not in shown)]


def verdicts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return what notebooks found in words, by their names, from their tables in a folder."""
    found = {name: _verdict(_attributes(folder, notebooks.number_of(name))) for name in names}
    return {name: told for name, told in found.items() if told}


def _write(path: Path, title: str, facts: Mapping, parts: Iterable[Part]) -> Path:
    template = Template(Path(__file__).with_name("page.html").read_text(), autoescape=True)
    told = template.render(title=title, facts=facts, parts=parts)
    return paths.replace(path, lambda partial: partial.write_text(told))


def _items(notebook: NotebookNode, pictures: Iterable[Picture]) -> list[Item]:
    """Return what a page shows of a notebook, in order; pictures that it lacks come last."""
    left, text = {one.name: one for one in pictures}, ""
    items: list[Item] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = cell.source
            continue
        saved = [left.pop(name) for name in SAVED.findall(cell.source) if name in left]
        tables = [*_tables(cell)] if "table" in cell.metadata.get("tags", []) else []
        if not saved and not tables:
            continue
        if text or not items:
            items.append(Item(markdown2html(text)))
            text = ""
        items[-1].pictures += saved
        items[-1].tables += tables
    return [*items, *([Item("", [*left.values()])] if left else [])]


def _tables(cell: NotebookNode) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if html := output.get("data", {}).get("text/html"):
            yield html


def _with_outputs_of(name: str, source: Path) -> NotebookNode:
    """Return a notebook, with its committed outputs if they are those of a published result."""
    committed = source.with_suffix(".ipynb")
    if committed.is_file():
        notebook = nbformat.read(committed, as_version=4)
        if notebook.metadata.get("sage", {}).get("published") == name:
            return notebook
    return read(source)


def _title(notebook: NotebookNode) -> str:
    lines = "\n".join(one.source for one in notebook.cells if one.cell_type == "markdown")
    found = re.search(r"^# (.+)", lines, re.MULTILINE)
    return found[1] if found else ""


def _embedded(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _attributes(folder: Path, number: str) -> list[dict[str, Any]]:
    """Return the attributes of a notebook's tables in a folder, the summary's first."""
    found, summary = [], f"{number}_summary"
    for path in sorted(folder.glob(f"{number}_*.nc"), key=lambda one: (one.stem != summary, one)):
        with h5netcdf.File(path, "r") as table:
            found.append(dict(table.attrs))
    return found


def _verdict(tables: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(one["verdict"] for one in tables if "verdict" in one)


def _stamp(tables: Iterable[Mapping[str, Any]]) -> str:
    stamped = [one["provenance"] for one in tables if "provenance" in one]
    return provenance.line(stamped[0]) if stamped else ""
