"""Training with a checkpoint after every epoch, from which a stopped one goes on."""

import json
import pickle
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import xarray as xr
from tqdm.auto import tqdm

from sage.compute import parallel
from sage.config import paths, provenance
from sage.training.trainer import Trainer


def train_with_checkpoints(
    trainer: Trainer, path: Path, measure: Callable[[], dict[str, float]], *, name: str | None
) -> xr.Dataset:
    """Train to the recipe's end, or on from a checkpoint; a finished training is read from there.

    In a group (see `parallel`) rank 0 alone reads, measures and writes, and all ranks get the same.

    Args:
        path: the training's own file, with a key of all that determines the training in its name.
        measure: called before training and after every epoch.
        name: for the progress bar, which shows training images per second; None for no bar.

    Returns:
        Dataset over epoch: what `measure` gave, examples processed, training_loss (mean of the
        epoch in nats, NaN before the first). Attributes: recipe, and provenance of each start.

    Raises:
        ValueError: a damaged checkpoint, or one of another training.
        Diverged: as `Trainer.advance`.
    """
    state = parallel.once(_read, path)
    if state:
        trainer.load_state_dict(state["trainer"])
    curve, starts = (state["curve"], state["starts"]) if state else ([], [])
    remaining = range(len(curve), round(trainer.recipe.epochs) + 1)
    if remaining:
        starts = [*starts, start()]
    hidden = not remaining or name is None or parallel.rank() > 0
    bar = tqdm(remaining, desc=name, unit="epoch", disable=hidden)
    for epoch in bar:
        began, before = time.perf_counter(), trainer.examples
        trainer.advance(epoch)
        speed = (trainer.examples - before) / (time.perf_counter() - began)
        bar.set_postfix_str(f"{speed:.0f} images/s")
        measured = parallel.once(measure)
        point = {"epoch": epoch, "examples": trainer.examples, "loss_sum": trainer.loss_sum.item()}
        curve.append(point | measured)
        state = {"trainer": trainer.state_dict(), "curve": curve, "starts": starts}
        parallel.once(paths.replace, path, partial(torch.save, state))
    table = xr.Dataset({name: ("epoch", [point[name] for point in curve]) for name in curve[0]})
    steps = table.examples.diff("epoch") / trainer.recipe.batch_size
    table["training_loss"] = table.loss_sum.diff("epoch") / steps
    recipe = json.dumps(trainer.recipe.description)
    return table.drop_vars("loss_sum").assign_attrs(recipe=recipe, provenance=json.dumps(starts))


def start() -> dict[str, str]:
    """Return the provenance of a training that begins or goes on now, with its processes."""
    return parallel.once(provenance.stamp) | {"processes": str(parallel.size())}


def _read(path: Path) -> dict | None:
    """Return the saved state, on the CPU so that any rank can take it; None without a file."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
    except (RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as problem:
        told = f"{path} is damaged ({problem}): remove it, and the training starts again"
        raise ValueError(told) from problem
