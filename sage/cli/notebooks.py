"""One notebook of a batch: its parameters, whether it is finished, and its execution with papermill."""

import ast
import hashlib
import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError, strip_color
from traitlets import default

from sage.config import paths
from sage.config.run import KINDS, SHUFFLED, Run, check_type

_NOT_THE_RUNS = {"workers"}  # parameters that say where to compute, and not what


class NotebookFailed(RuntimeError):
    """A notebook stopped with an error; the message says where."""


@dataclass(frozen=True)
class Step:
    """One notebook to execute: its source (NN_name.py) and the value of every parameter it has."""

    source: Path
    parameters: dict

    @property
    def name(self) -> str:
        """NN_name."""
        return self.source.stem

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.run().folder

    @property
    def output(self) -> Path:
        """The executed notebook."""
        return self.folder / f"{self.name}.ipynb"

    @property
    def failed(self) -> Path:
        """Where the notebook is kept if it fails."""
        return self.folder / "failed" / f"{self.name}.ipynb"

    def run(self) -> Run:
        """Return the run of the parameters, of the kind that the notebook says.

        It says so as `run = KIND.of(globals())`; without that line it is a plain `Run`.

        Raises:
            TypeError, ValueError: as this kind of run.
        """
        line = re.search(r"^run = (\w+)\.of\(", self.source.read_text(), re.MULTILINE)
        return KINDS[line[1] if line else Run.__name__].of(self.parameters)

    def key(self) -> str:
        """Changes with whatever the result depends on: notebook, parameters, and the code of the package.

        Where it is computed is left out.
        """
        package = paths.ROOT / "sage"
        counted = self.parameters.keys() - _NOT_THE_RUNS
        parts = {
            "notebook": _digest(self.source),
            "parameters": {name: _identity(self.parameters[name]) for name in counted},
            "package": {
                str(path.relative_to(package)): _digest(path) for path in package.rglob("*.py")
            },
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def finished(self) -> bool:
        """Whether the executed notebook is there and made with the same key."""
        if not self.output.is_file():
            return False
        return (
            nbformat.read(self.output, as_version=4).metadata.get("sage", {}).get("key")
            == self.key()
        )


def read(source: Path) -> NotebookNode:
    """The notebook in a .py, with ids that stay the same from call to call.

    Args:
        source: a jupytext py:percent file.
    """
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


def defaults(source: Path) -> dict:
    """Names and default values of the cell tagged `parameters`.

    Args:
        source: a jupytext py:percent file.

    Raises:
        ValueError: there is not one such cell, or it holds something else than `name = literal`.
    """
    cells = [
        cell.source for cell in read(source).cells if "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise ValueError(f"{source.name} has {len(cells)} cells tagged 'parameters', expected 1")
    found = {}
    for statement in ast.parse(cells[0]).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = ast.literal_eval(value)
            case _:
                text = ast.unparse(statement)
                raise ValueError(
                    f"{source.name} has {text!r} among its parameters, expected name = value"
                )
    return found


def parse(name: str, text: str, *, like):
    """The value of a parameter given as text.

    Args:
        name: for the error message.
        text: as typed on the command line.
        like: the parameter's default.

    Raises:
        TypeError: the text is no value of the default's type.
    """
    value = text
    if not isinstance(like, str):
        try:
            value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
        except (ValueError, SyntaxError):
            pass  # It stays text, and check_type says what was expected.
    return check_type(name, value, like=like)


def execute(step: Step) -> None:
    """Execute a notebook; its output is there whole or not at all.

    Args:
        step: the notebook and its parameters.

    Raises:
        NotebookFailed: a cell raised or the kernel died; what there is goes to `step.failed`.
    """

    def write(partial: Path) -> None:
        try:
            papermill.execute_notebook(
                source,
                partial,
                step.parameters,
                engine_name=_SavesAtTheEnd.__name__,
                kernel_name="python3",
                language="python",
                kernel_manager_class=_ThisPython,
                # A cell's error is in the notebook; what the kernel logs is about its own sockets.
                extra_arguments=["--log-level=CRITICAL"],
            )
        except (PapermillExecutionError, DeadKernelError) as error:
            step.failed.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, step.failed)
            raise NotebookFailed(_explain(error, step)) from error

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, step.output.name)
        notebook = read(step.source)
        notebook.metadata["sage"] = {"key": step.key()}
        nbformat.write(notebook, source)
        paths.replace(step.output, write)
    step.failed.unlink(missing_ok=True)


class _SavesAtTheEnd(NBClientEngine):
    """Writes the notebook when it is done or has failed; before and after each cell took a tenth of a short run's time.

    papermill's own setting for this writes nothing when a kernel dies. Killed from outside, a notebook leaves nothing
    either way: what it trained is on record.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **settings
    ) -> None:
        path, nb_man.output_path = nb_man.output_path, None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **settings)
        finally:
            nb_man.output_path = path  # papermill writes it next


papermill_engines.register(_SavesAtTheEnd.__name__, _SavesAtTheEnd)


class _ThisPython(AsyncKernelManager):
    """Starts the kernels of this environment, whatever the user has installed elsewhere as python3."""

    @default("kernel_spec_manager")
    def _kernelspecs(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[f"{sys.prefix}/share/jupyter/kernels"])


def _explain(error: PapermillExecutionError | DeadKernelError, step: Step) -> str:
    cells = [
        cell for cell in nbformat.read(step.failed, as_version=4).cells if cell.cell_type == "code"
    ]
    executed = [
        cell for cell in cells if cell.metadata.papermill.start_time
    ]  # papermill calls the others completed too
    lines = executed[-1].source.splitlines() if executed else [""]
    if isinstance(error, PapermillExecutionError):
        trace = strip_color("\n".join(error.traceback)).splitlines()
        reason = trace[-8:] or [f"{error.ename}: {error.evalue}"]
    else:
        reason = ["the kernel died; most often the machine had too little memory"]
    return "\n".join(
        [
            f"{step.name} failed in code cell {len(executed)}: {lines[0]}",
            *(f"    {line}" for line in reason),
            f"The notebook up to there is {step.failed}",
        ]
    )


def _identity(value):
    """A parameter's value, but for words that name a file, images or a published pool what is in the file."""
    if not isinstance(value, str):
        return value
    named = value.removesuffix(SHUFFLED)
    words = [named] if Path(named).is_file() else named.split(" ")
    content = " ".join(
        next((_digest(path) for path in _files(word) if path.is_file()), word) for word in words
    )
    return content + value[len(named) :]


def _files(word: str) -> tuple[Path, ...]:
    """What a word may name: a file, an archive of images, a published pool."""
    return Path(word), paths.raw() / f"{word}.npz", paths.results() / word / "01_pool.nc"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
