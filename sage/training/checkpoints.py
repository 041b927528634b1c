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
    """Train to the recipe's end, or on from the checkpoint at `path`; a finished training is read from there.

    In a group (see `parallel`) rank 0 alone reads, measures and writes, and all ranks get the same. A training goes on
    with any number of ranks.

    Args:
        path: of a file that is the training's own: a key of all that determines it belongs in its name.
        measure: called before training and after every epoch. name: for the progress bar, None for no bar; it says
            how many images per second the last epoch was trained on, their loading included.

    Returns:
        The learning curve over epoch: what `measure` gave, examples processed, training_loss (mean of the epoch in
        nats, NaN before the first), and as attributes the recipe and the provenance of each start (see
        `start`).

    Raises:
        ValueError: a damaged checkpoint, or one of another training. Diverged: as `Trainer.advance`.
    """
    curve: list[dict] = []
    starts: list[dict] = []
    if state := parallel.once(_read, path):
        trainer.load_state_dict(state["trainer"])
        curve, starts = state["curve"], state["starts"]
    remaining = range(len(curve), round(trainer.recipe.epochs) + 1)
    if remaining:
        starts = [*starts, start()]
    bar = tqdm(
        remaining,
        desc=name,
        unit="epoch",
        disable=not remaining or name is None or parallel.rank() > 0,
    )
    for epoch in bar:
        began, before = time.perf_counter(), trainer.examples
        trainer.advance(epoch)
        bar.set_postfix_str(
            f"{(trainer.examples - before) / (time.perf_counter() - began):.0f} images/s"
        )
        measured = parallel.once(measure)
        curve.append(
            {
                "epoch": epoch,
                "examples": trainer.examples,
                "loss_sum": trainer.loss_sum.item(),
                **measured,
            }
        )
        state = {"trainer": trainer.state_dict(), "curve": curve, "starts": starts}
        parallel.once(paths.replace, path, partial(torch.save, state))
    table = xr.Dataset({name: ("epoch", [point[name] for point in curve]) for name in curve[0]})
    steps = table.examples.diff("epoch") / trainer.recipe.batch_size
    table["training_loss"] = table.loss_sum.diff("epoch") / steps
    return table.drop_vars("loss_sum").assign_attrs(
        recipe=json.dumps(trainer.recipe.description), provenance=json.dumps(starts)
    )


def start() -> dict[str, str]:
    """The provenance of a training that begins or goes on now, the number of its processes included."""
    return parallel.once(provenance.stamp) | {"processes": str(parallel.size())}


def _read(path: Path) -> dict | None:
    """The state on the CPU, from where it can go to the GPU of any rank; None if there is none."""
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as problem:
        raise ValueError(
            f"{path} is damaged ({problem}): remove it, and the training starts again"
        ) from problem
