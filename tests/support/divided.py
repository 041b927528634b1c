"""A small training, and what ranks do with it in the tests."""

import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import torch
import xarray as xr
from torch import nn

from sage.compute import devices, parallel, replicas
from sage.config import paths
from sage.images.datasets import Images
from sage.models import genotypes
from sage.models.cells import CellNetwork
from sage.training import checkpoints, recipes
from sage.training.recipes import Recipe
from sage.training.trainer import Diverged, Trainer

# The reduction does not read state 1, so that weights which bring it to size have no gradients.
GENOTYPE = genotypes.Genotype(
    "small",
    genotypes.parse_cell("sep3(0)+max3(1); 1x7-7x1(1)+id(2) -> 3"),
    genotypes.parse_cell("sep3(0)+id(0) -> 2"),
)
RECIPE = replace(recipes.cell_recipe(3, 8), clip=0.5)  # shorter than most gradients
CPU = torch.device("cpu")


def float32() -> None:
    """Have this process train in float32, so that results can be compared."""
    devices.has_bfloat16 = lambda device: False


def make_trainer(recipe: Recipe = RECIPE, kind: type[Trainer] = Trainer) -> Trainer:
    """Four steps an epoch, with batch normalisation, drop-path, a second output and clipping."""
    with devices.weights_from(parallel.rank()):  # rank 0's weights count
        model = CellNetwork(GENOTYPE, classes=4, filters=2, repeats=1, auxiliary_size=16)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (36, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return kind(model, Images(images, torch.arange(36) % 4), recipe, seed=0, device=CPU)


def train(path: Path, kind: type[Trainer] = Trainer) -> tuple[torch.Tensor, xr.Dataset]:
    """Return all ranks' networks [ranks, values] after a training at `path`, and its table."""
    float32()
    trainer = make_trainer(kind=kind)
    table = checkpoints.train_with_checkpoints(
        trainer, path, lambda: {"rank": parallel.rank()}, name=None
    )
    values = [value.flatten().float() for value in trainer.model.state_dict().values()]
    return parallel.gathered(torch.cat(values)), table


class Mortal(Trainer):
    """Rank 1 is killed in the last epoch."""

    def _step(self, *batch) -> None:
        if self.step == 10 and parallel.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._step(*batch)


def log_writing() -> list[str]:
    """Names of the files that this process writes from now on."""
    log, write = [], paths.replace

    def logged(path: Path, content) -> Path:
        log.append(path.name)
        return write(path, content)

    paths.replace = logged
    return log


def observe(folder: Path, begun: Path, train_fully: Callable[[], xr.Dataset]) -> dict:
    """Train as a whole, on from a checkpoint and fully, and return what is noticed on the way."""
    log = log_writing()
    networks, table = train(folder / "whole.pt")
    resumed, _ = train(begun)
    (folder / f"full {parallel.rank()}").write_bytes(pickle.dumps(train_fully()))
    ends = {}
    for name, change in (("odd", {"batch_size": 9}), ("steep", {"learning_rate": 1e30})):
        try:
            make_trainer(replace(RECIPE, clip=None, **change)).advance(1)
        except (ValueError, Diverged) as problem:
            ends[name] = repr(problem)
    try:
        replicas.joined(nn.Sequential(nn.BatchNorm1d(3)))
    except ValueError as problem:
        ends["one dimension"] = str(problem)
    connections = psutil.Process().net_connections()
    with_rank = torch.tensor([float(parallel.rank()), float("nan") if parallel.rank() else 0.0])
    return {
        "networks": networks,
        "table": table,
        "resumed": resumed,
        "ends": ends,
        "written": parallel.gathered(torch.tensor(len(log))),
        "log": log,
        "mean": parallel.mean(with_rank),
        "listening": {each.laddr.ip for each in connections if each.status == "LISTEN"},
    }
