"""Progress bars in executed notebooks, as text: as widgets they show nothing outside JupyterLab."""

import html

from nbformat import NotebookNode
from nbformat.v4 import new_output

VIEW, STATE = (f"application/vnd.jupyter.widget-{kind}+json" for kind in ("view", "state"))


def write_bars_as_text(notebook: NotebookNode) -> None:
    """Replace tqdm's widgets by their last line; those that were closed leave none."""
    widgets = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    others = False
    for cell in notebook.cells:
        for output in cell.get("outputs", [])[:]:
            view = output.get("data", {}).get(VIEW)
            line = _last_line(widgets, view["model_id"]) if view else None
            others |= bool(view) and line is None
            if line is not None:
                place = cell.outputs.index(output)
                texts = [new_output("stream", name="stdout", text=line)] if line else []
                cell.outputs[place : place + 1] = texts
    if not others:
        notebook.metadata.pop("widgets", None)


def _last_line(widgets: dict, model: str) -> str | None:
    """Return what a bar says, nothing if it is hidden, None if the widget is no bar."""
    box = widgets[model]["state"]
    parts = [widgets[part.removeprefix("IPY_MODEL_")] for part in box.get("children", [])]
    if not any(part["model_name"] == "FloatProgressModel" for part in parts):
        return None
    layout = widgets[box["layout"].removeprefix("IPY_MODEL_")]["state"]
    if layout.get("visibility") == "hidden":
        return ""
    texts = [part["state"]["value"] for part in parts if part["model_name"] == "HTMLModel"]
    return html.unescape("".join(texts)).replace("\u2007", " ") + "\n"
