"""Progress of a notebook: its bars in the terminal while it runs, and as text once it is done."""

import html
import re
import sys

from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.log import logger
from tqdm import tqdm

VIEW, STATE = (f"application/vnd.jupyter.widget-{kind}+json" for kind in ("view", "state"))
SECONDS = 60  # between lines in a log, where no line can be written over another


class ShowsBars(Engine):
    """Executes a notebook; the terminal shows its section and the bar that moved last.

    The notebook is written at the end: after each cell took a tenth of a short run's time, and
    papermill's own setting for this writes nothing when a kernel dies.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, about, kernel_manager_class, extra_arguments, **_papermills
    ) -> None:
        """Execute the notebook; `about` says how long it takes, the others are nbclient's."""
        path, nb_man.output_path = nb_man.output_path, None
        kernel = {"kernel_name": kernel_name, "kernel_manager_class": kernel_manager_class}
        client = _Client(nb_man, log=logger, extra_arguments=extra_arguments, **kernel)
        client.about = about
        try:
            client.execute()
        finally:
            write_bars_as_text(nb_man.nb)
            nb_man.output_path = path  # papermill writes it next


papermill_engines.register(ShowsBars.__name__, ShowsBars)


class _Client(PapermillNotebookClient):
    about = ""  # how long the notebook takes

    def papermill_execute_cells(self) -> None:
        self._section, self.on_cell_start = "", self._begin
        every = 0.1 if sys.stderr.isatty() else SECONDS
        look = {"dynamic_ncols": True, "leave": False, "delay": 0.1, "miniters": 0}
        form = f"  [{{elapsed}}{self.about}] {{desc}}"
        with tqdm(bar_format=form, mininterval=every, **look) as self._line:
            super().papermill_execute_cells()

    def _begin(self, cell: NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "markdown" and (heading := re.match(r"#+ (.+)", cell.source)):
            self._section = heading[1]
        self._show(self._section)

    def handle_comm_msg(self, outs: list, msg: dict, cell_index: int) -> None:
        super().handle_comm_msg(outs, msg, cell_index)
        moved = f"IPY_MODEL_{msg['content']['comm_id']}"
        for box in [*self.widget_state.values()]:
            if moved in box.get("children", []) and (told := _told(box, self.widget_state)):
                self._show(f"{self._section} | {told}")

    def _show(self, text: str) -> None:
        self._line.desc = text
        self._line.update(0)  # at most once in `mininterval`


def write_bars_as_text(notebook: NotebookNode) -> None:
    """Replace tqdm's widgets by what they say at their end; those that were closed leave none."""
    widgets = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    states = {model: widget["state"] for model, widget in widgets.items()}
    others = False
    for cell in notebook.cells:
        for output in cell.get("outputs", [])[:]:
            view = output.get("data", {}).get(VIEW)
            told = _told(states.get(view["model_id"], {}), states) if view else None
            others |= bool(view) and told is None
            if told is not None:
                place = cell.outputs.index(output)
                text = f"{sentence(told)}\n"
                texts = [new_output("stream", name="stdout", text=text)] if told else []
                cell.outputs[place : place + 1] = texts
    if not others:
        notebook.metadata.pop("widgets", None)


def _told(box: dict, states: dict) -> str | None:
    """Return what a bar says, nothing if it is hidden, None if the widget is no bar."""
    parts = [states.get(part.removeprefix("IPY_MODEL_"), {}) for part in box.get("children", [])]
    if not any(part.get("_model_name") == "FloatProgressModel" for part in parts):
        return None
    layout = states.get(box.get("layout", "").removeprefix("IPY_MODEL_"), {})
    if layout.get("visibility") == "hidden":
        return ""
    texts = [part.get("value", "") for part in parts if part.get("_model_name") == "HTMLModel"]
    return html.unescape("".join(texts)).replace("\u2007", " ")


def sentence(told: str) -> str:
    """Return a bar's end in words, as "pool: 24 networks in 03:12, best=0.41"."""
    form = r"(.*?: )? *\d+% *(\d+)/(\d+) \[([\d:]+)<[^,]*, *[?\d.]*(?:s/)?([a-z]+)(?:/s)?(.*)\]"
    if not (found := re.fullmatch(form, told)):
        return told
    name, done, count, time, unit, further = found.groups()
    of = "" if done == count else f"{done} of "
    return f"{name or ''}{of}{count} {unit}{'s' * (count != '1')} in {time}{further}"
