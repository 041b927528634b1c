"""One notebook: its parameters, whether it is finished, and its execution with papermill."""

import ast
import hashlib
import os
import re
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError, strip_color
from traitlets import default

from sage.cli.main import CommandFailed
from sage.cli.progress import ShowsBars
from sage.config import paths, provenance
from sage.config.run import KINDS, SHUFFLED, Refused, Run, check_type, words


@dataclass(frozen=True)
class Step:
    """A notebook to execute: its source, as NN_name.py, and the value of every parameter it has."""

    source: Path
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        return self.source.stem

    @property
    def number(self) -> str:
        return number_of(self.name)

    @property
    def folder(self) -> Path:
        return self.run().folder

    @property
    def output(self) -> Path:
        return self.folder / f"{self.name}.ipynb"

    @property
    def failed(self) -> Path:
        return self.folder / "failed" / f"{self.name}.ipynb"

    def run(self) -> Run:
        """Return the run that the notebook makes in `run = KIND.of(globals())`, or else a `Run`."""
        line = re.search(r"^run = (\w+)\.of\(", self.source.read_text(), re.MULTILINE)
        return KINDS[line[1] if line else Run.__name__].of(self.parameters)

    @property
    def minutes(self) -> float:
        """Estimate with nothing done yet, on the profile's machine; 0 if not measured."""
        run = self.run()
        return run.relative_size * run.settings.minutes.get(self.number, 0)

    @property
    def asked(self) -> dict:
        """The parameters that decide the result: all but where it is computed."""
        return {name: value for name, value in self.parameters.items() if name != "workers"}

    def key(self) -> str:
        """Return a hash of what the result depends on: notebook, parameters, and package."""
        asked = {name: _identity(value) for name, value in self.asked.items()}
        return provenance.key(notebook=digest(self.source), parameters=asked, package=package())

    def finished(self) -> bool:
        """Return True if the executed notebook is there and was made with the same key."""
        if not self.output.is_file():
            return False
        made = nbformat.read(self.output, as_version=4).metadata.get("sage", {})
        return made.get("key") == self.key()


def number_of(name: str) -> str:
    """Return what names of a notebook and of all that it makes begin with, as 02 in 02_searches."""
    return name.partition("_")[0]


def sources(folder: Path) -> dict[str, Path]:
    """Return the notebooks NN_name.py in a folder, by number, and quickstart.py as the first."""
    found = [*folder.glob("quickstart.py"), *sorted(folder.glob("[0-9][0-9]_*.py"))]
    return {number_of(path.stem): path for path in found}


def package() -> dict[str, str]:
    """Return what the package consists of: a hash of each file by its path."""
    folder = paths.ROOT / "sage"
    files = (path for kind in ("py", "toml", "txt") for path in folder.rglob(f"*.{kind}"))
    return {str(path.relative_to(folder)): digest(path) for path in files}


def duration(minutes: float) -> str:
    """Return a time for people, such as 40 s, 5 min or 6.1 h."""
    if minutes < 2:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def read(source: Path) -> NotebookNode:
    """Return the notebook in a jupytext py:percent file, with ids that are the same every time."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


def defaults(source: Path) -> dict:
    """Return names and default values of the cell tagged `parameters`.

    Raises:
        Refused: there is not one such cell, or it holds something else than `name = literal`.
    """
    tagged = [one for one in read(source).cells if "parameters" in one.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise Refused(f"{source.name} has {len(tagged)} cells tagged 'parameters', expected 1")
    found = {}
    for statement in ast.parse(tagged[0].source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = ast.literal_eval(value)
            case _:
                told = f"{ast.unparse(statement)!r} among its parameters, expected name = value"
                raise Refused(f"{source.name} has {told}")
    return found


def parse(name: str, text: str, *, like):
    """Return the value of a parameter that is given as text, see `check_type`."""
    value = text
    if not isinstance(like, str):
        with suppress(
            ValueError, SyntaxError, TypeError
        ):  # It stays text: check_type says what is expected.
            value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    return check_type(name, value, like=like)


def execute(step: Step) -> None:
    """Execute a notebook; its output is there whole or not at all.

    Raises:
        CommandFailed: a cell raised or the kernel died; what there is goes to `step.failed`.
    """

    def write(partial: Path) -> None:
        options = {"engine_name": ShowsBars.__name__, "kernel_manager_class": _ThisPython}
        # A cell's error is in the notebook; what the kernel logs is about its own sockets.
        options["extra_arguments"] = ["--log-level=CRITICAL"]
        options |= {"kernel_name": "python3", "language": "python", "progress_bar": False}
        options["about"] = f" of about {duration(step.minutes)}" if step.minutes else ""
        try:
            papermill.execute_notebook(source, partial, step.parameters, **options)
        except (PapermillExecutionError, DeadKernelError) as error:
            step.failed.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, step.failed)
            raise CommandFailed(_explain(error, step)) from error

    if step.output.is_file():  # files beside it will be of the new key, even if this is stopped
        known = nbformat.read(step.output, as_version=4)
        known.metadata.pop("sage", None)
        paths.replace(step.output, lambda place: nbformat.write(known, place))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, step.output.name)
        notebook = read(step.source)
        notebook.metadata["sage"] = {"key": step.key()}
        nbformat.write(notebook, source)
        paths.replace(step.output, write)
    step.failed.unlink(missing_ok=True)


class _ThisPython(AsyncKernelManager):
    """Starts the kernels of this environment, not what the user has installed as python3."""

    @default("kernel_spec_manager")
    def _kernelspecs(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[f"{sys.prefix}/share/jupyter/kernels"])


def _explain(error: PapermillExecutionError | DeadKernelError, step: Step) -> str:
    cells = nbformat.read(step.failed, as_version=4).cells
    # papermill calls those that were not reached completed too.
    code = [cell for cell in cells if cell.cell_type == "code"]
    executed = [cell for cell in code if cell.metadata.papermill.start_time]
    line = executed[-1].source.splitlines()[0] if executed else ""
    reason = ["the kernel died; most often the machine had too little memory"]
    if isinstance(error, PapermillExecutionError):
        trace = strip_color("\n".join(error.traceback)).splitlines()
        reason = trace[-8:] or [f"{error.ename}: {error.evalue}"]
    where = f"{step.name} failed in code cell {len(executed)}: {line}"
    end = f"The notebook up to there is {step.failed}"
    return "\n".join([where, *(f"    {line}" for line in reason), end])


def _identity(value):
    """Return a parameter's value, with the content of files, images and pools for their names."""
    if not isinstance(value, str):
        return value
    named = value.removesuffix(SHUFFLED)
    if (content := _content(named)) == named:
        content = " ".join(map(_content, words(named)))
    return content + value[len(named) :]


def _content(word: str) -> str:
    """Return a word with the content of all that it may name, which a run then reads.

    That is a file, perhaps with a folder of images beside it; the module of a function; a data set;
    a published table, or all of a published folder.
    """
    published = paths.results() / word
    files = [Path(word), paths.raw() / f"{word}.npz", published]
    if word and os.path.isdir(published):
        files += sorted([*published.rglob("*.nc"), published / "03_cell.txt"])
    if word.startswith("python:"):
        module = word.split(":")[1].rpartition(".")[0].replace(".", "/")
        ends = f"{module}.py", f"{module}/__init__.py"
        files += [Path(place, end) for place in ("", *sys.path) for end in ends]
    found = [digest(path) for path in files if os.path.isfile(path)]
    beside = [Path(word).with_suffix("")] if os.path.isfile(word) else []
    folders = [path for path in (*beside, paths.raw() / word) if word and os.path.isdir(path)]
    return " ".join([word, *found, *map(provenance.fingerprint, folders)])


def digest(path: Path) -> str:
    """Return a hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
